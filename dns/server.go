package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are what a Server may be told; the zero value is good.
type Options struct {
	// Listen and ListenPacket open the sockets; nil: those of package net.
	Listen       func(ctx context.Context, network, addr string) (net.Listener, error)
	ListenPacket func(ctx context.Context, network, addr string) (net.PacketConn, error)
	// Seed is where the rotation of addresses begins.
	Seed uint64
	// MaxConns bounds the TCP connections; 0: 1000. One more is closed at once.
	MaxConns int
	// Answered, where not nil, is told the response code of each answer. It is called from several goroutines and must not block.
	Answered func(rcode int, tcp bool)
	// Idle is how long a TCP connection may be silent; 0: 10 s (RFC 7766).
	Idle time.Duration
}

// Server answers over UDP and TCP. Its methods may be called from any goroutine.
type Server struct {
	opt    Options
	source atomic.Pointer[Source]
	turn   atomic.Uint64

	mu      sync.Mutex
	closed  bool
	sockets map[io.Closer]bool // listeners and connections
	conns   int
	running sync.WaitGroup
}

// New returns a server that knows nothing and listens nowhere yet.
func New(opt Options) *Server {
	var lc net.ListenConfig
	if opt.Listen == nil {
		opt.Listen = lc.Listen
	}
	if opt.ListenPacket == nil {
		opt.ListenPacket = lc.ListenPacket
	}
	if opt.MaxConns == 0 {
		opt.MaxConns = 1000
	}
	if opt.Idle == 0 {
		opt.Idle = 10 * time.Second
	}
	s := &Server{opt: opt, sockets: map[io.Closer]bool{}}
	s.turn.Store(opt.Seed)
	return s
}

// Use makes the server answer from another source from the next packet on.
func (s *Server) Use(src Source) { s.source.Store(&src) }

// Listen opens UDP and TCP on an address and serves it until Close. It returns the address, which tells the port where 0 was asked
// for. It may be called for several addresses.
func (s *Server) Listen(ctx context.Context, addr string) (string, error) {
	l, p, err := s.open(ctx, addr)
	for tries := 0; err != nil && strings.HasSuffix(addr, ":0") && tries < 5; tries++ {
		l, p, err = s.open(ctx, addr) // the port that was free for TCP was not for UDP
	}
	if err != nil {
		return "", fmt.Errorf("serve DNS on %s: %w", addr, err)
	}
	addr = l.Addr().String()
	if !s.add(l) || !s.add(p) {
		return "", errors.Join(fmt.Errorf("serve DNS on %s: %w", addr, net.ErrClosed), l.Close(), p.Close())
	}
	s.running.Go(func() { s.accept(l) })
	s.running.Go(func() { s.packets(p) })
	return addr, nil
}

// open opens both sockets on one port.
func (s *Server) open(ctx context.Context, addr string) (net.Listener, net.PacketConn, error) {
	l, err := s.opt.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.opt.ListenPacket(ctx, "udp", l.Addr().String())
	if err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	return l, p, nil
}

// Close closes all sockets and waits until everything has ended.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	var errs []error
	for c := range s.sockets {
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	clear(s.sockets)
	s.mu.Unlock()
	s.running.Wait()
	return errors.Join(errs...)
}

// add remembers a socket, or returns false where the server is closed.
func (s *Server) add(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.sockets[c] = true
	}
	return !s.closed
}

func (s *Server) respond(packet []byte, tcp bool, buf []byte) []byte {
	var src Source
	if p := s.source.Load(); p != nil {
		src = *p
	}
	out := Respond(src, packet, tcp, s.turn.Add(1)-1, buf)
	if out != nil && s.opt.Answered != nil {
		s.opt.Answered(int(out[3]&0xf), tcp)
	}
	return out
}

// packets answers over UDP. One goroutine is enough: an answer takes microseconds and never waits.
func (s *Server) packets(p net.PacketConn) {
	in, out := make([]byte, maxTCP), make([]byte, maxUDP)
	for {
		n, from, err := p.ReadFrom(in)
		switch {
		case errors.Is(err, net.ErrClosed), s.isClosed():
			return
		case err != nil: // an ICMP error of an earlier answer
			time.Sleep(time.Millisecond)
			continue
		}
		if answer := s.respond(in[:n], false, out); answer != nil {
			_, _ = p.WriteTo(answer, from) // the client asks again
		}
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed), err != nil && s.isClosed():
			return
		case err != nil: // too many open files, or the like
			time.Sleep(10 * time.Millisecond)
		case !s.enter(c):
			_ = c.Close()
		default:
			s.running.Go(func() {
				defer s.leave(c)
				s.stream(c)
			})
		}
	}
}

func (s *Server) enter(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.conns >= s.opt.MaxConns {
		return false
	}
	s.conns++
	s.sockets[c] = true
	return true
}

func (s *Server) leave(c net.Conn) {
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns--
	delete(s.sockets, c)
}

// stream answers the packets of one TCP connection in order, until it ends, is silent for too long, or sends what deserves no
// answer.
func (s *Server) stream(c net.Conn) {
	var in, out []byte
	var length [2]byte
	for {
		if c.SetDeadline(time.Now().Add(s.opt.Idle)) != nil {
			return
		}
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(length[:]))
		if cap(in) < n {
			in = make([]byte, n)
		}
		if _, err := io.ReadFull(c, in[:n]); err != nil {
			return
		}
		answer := s.respond(in[:n], true, nil)
		if answer == nil {
			return
		}
		out = append(binary.BigEndian.AppendUint16(out[:0], uint16(len(answer))), answer...)
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}
