package proxy

import (
	"context"
	"net"
	"time"
)

// drain ends a server: it takes what has already connected and then no more, asks clients to close their connections with each answer
// (and by GOAWAY), closes the idle ones after a grace, and waits for requests in flight, up to a bound.
func (s *server) drain() {
	limits := &s.proxy.opt.Limits
	s.draining.Store(true)
	if d, ok := s.ln.(interface{ SetDeadline(time.Time) error }); ok {
		// What waits in the socket's queue would be reset by closing it.
		_ = d.SetDeadline(time.Now().Add(20 * time.Millisecond))
		time.Sleep(25 * time.Millisecond)
	}
	_ = s.ln.Close()
	s.setup.Wait()
	for end := time.Now().Add(limits.DrainGrace); s.open.Load() > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limits.DrainTimeout)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	s.endOthers(ctx)
}

// endOthers waits for connections that are not HTTP, and closes what is left when ctx ends.
func (s *server) endOthers(ctx context.Context) {
	for ctx.Err() == nil && s.others() > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.other {
		_ = c.Close()
	}
}

func (s *server) others() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.other)
}

// track notes a connection that the HTTP server does not know of, until forget.
func (s *server) track(c net.Conn) {
	s.mu.Lock()
	s.other[c] = true
	s.mu.Unlock()
}

func (s *server) forget(c net.Conn) {
	s.mu.Lock()
	delete(s.other, c)
	s.mu.Unlock()
}
