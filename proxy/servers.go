package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"fairlead.dev/fairlead/match"
)

// servers are the open addresses. An address belongs to the listener that has it; a listener that changes keeps the sockets of the
// addresses that stay.
type servers struct {
	proxy *Proxy

	mu      sync.Mutex
	byAddr  map[netip.AddrPort]*server
	failed  map[netip.AddrPort]*failedAddress // that could not be opened
	stopped bool
	// early are the listeners that came before the first virtual hosts. They open together with these, so that a proxy that starts does not
	// answer 404; at the latest after HostWait.
	early   map[string]*match.Listener
	started bool
	drains  sync.WaitGroup
}

// failedAddress is an address that a listener wants and does not have.
type failedAddress struct {
	listener *match.Listener
	reason   string
	timer    *time.Timer
}

// reopenEvery is how often an address that could not be opened is tried again.
const reopenEvery = time.Second

func (s *servers) init(p *Proxy) {
	s.proxy = p
	s.byAddr = map[netip.AddrPort]*server{}
	s.failed = map[netip.AddrPort]*failedAddress{}
	s.early = map[string]*match.Listener{}
}

// set takes a listener, new or changed.
func (s *servers) set(l *match.Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started && len(l.Routes()) > 0 {
		if len(s.early) == 0 {
			time.AfterFunc(s.proxy.opt.Limits.HostWait, s.begin)
		}
		s.early[l.Name] = l
		return nil
	}
	return s.have(l)
}

// begin opens the listeners that waited for virtual hosts. Failures are noted and tried again.
func (s *servers) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = true
	for name, l := range s.early {
		delete(s.early, name)
		_ = s.have(l)
	}
}

// have opens and closes addresses until the listener has those that it names. s.mu is held.
func (s *servers) have(l *match.Listener) error {
	s.close(l.Name, l.Addresses)
	var errs []error
	for _, addr := range l.Addresses {
		if err := s.open(addr, l); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *servers) remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.early, name)
	s.close(name, nil)
}

// close drains the addresses of a listener but those to keep. s.mu is held.
func (s *servers) close(name string, keep []netip.AddrPort) {
	kept := map[netip.AddrPort]bool{}
	for _, a := range keep {
		kept[a] = true
	}
	for addr, f := range s.failed {
		if f.listener.Name == name {
			f.timer.Stop()
			delete(s.failed, addr)
		}
	}
	for addr, srv := range s.byAddr {
		if srv.listener.Load().Name == name && !kept[addr] {
			delete(s.byAddr, addr)
			s.drains.Go(srv.drain)
		}
	}
}

// open gives an address to a listener. s.mu is held.
func (s *servers) open(addr netip.AddrPort, l *match.Listener) error {
	if srv := s.byAddr[addr]; srv != nil {
		if owner := srv.listener.Load(); owner.Name != l.Name {
			return s.later(addr, l, fmt.Errorf("%s is already served for listener %s", addr, owner.Name))
		}
		srv.listener.Store(l)
		return nil
	}
	if s.stopped {
		return nil
	}
	ln, err := s.proxy.opt.Listen(context.Background(), "tcp", addr.String())
	if err != nil {
		return s.later(addr, l, fmt.Errorf("listen on %s: %w", addr, err))
	}
	srv := newServer(s.proxy, ln, l)
	s.byAddr[addr] = srv
	srv.start()
	return nil
}

// later keeps trying to open an address for as long as its listener wants it. s.mu is held.
func (s *servers) later(addr netip.AddrPort, l *match.Listener, err error) error {
	f := &failedAddress{listener: l, reason: err.Error()}
	f.timer = time.AfterFunc(reopenEvery, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failed[addr] == f {
			delete(s.failed, addr)
			_ = s.open(addr, l) // a failure is noted in s.failed again
		}
	})
	s.failed[addr] = f
	return err
}

// stop drains all addresses and waits.
func (s *servers) stop() {
	s.mu.Lock()
	s.stopped, s.early = true, nil
	for _, f := range s.failed {
		f.timer.Stop()
	}
	s.failed = map[netip.AddrPort]*failedAddress{}
	for addr, srv := range s.byAddr {
		delete(s.byAddr, addr)
		s.drains.Go(srv.drain)
	}
	s.mu.Unlock()
	s.drains.Wait()
}
