package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"fairlead.dev/fairlead/proxy/strict"
)

// link is an accepted connection, and what is known of it.
type link struct {
	net.Conn
	server     *server
	secure     bool   // TLS is terminated here
	serverName string // that the client asked for in its handshake
	http2      bool   // agreed on in the handshake
	strict     *strictConn
	requests   atomic.Int64 // served on an HTTP/1 connection, one after the other
	closed     atomic.Bool
}

// Close closes the connection and gives its place back.
func (l *link) Close() error {
	if !l.closed.Swap(true) {
		l.server.proxy.stats.connections.Add(-1)
		l.server.open.Add(-1)
	}
	return l.Conn.Close()
}

// source is the client's address.
func (l *link) source() netip.Addr {
	if a, err := netip.ParseAddrPort(l.RemoteAddr().String()); err == nil {
		return a.Addr().Unmap()
	}
	return netip.Addr{}
}

// linkKey is the key of a request's link in its context.
type linkKey struct{}

// linkOf finds the link of a connection that the HTTP server has been given.
func linkOf(c net.Conn) *link {
	switch c := c.(type) {
	case *strictConn:
		return c.link
	case *tls.Conn:
		return c.NetConn().(*link)
	}
	panic("proxy: a connection that was not accepted here")
}

// strictConn is an HTTP/1 connection whose bytes proxy/strict has looked at before net/http sees them.
//
// A head that is refused is replaced by a harmless one, so that net/http asks the handler in the right order, after the requests before
// it; the handler knows by the request's number that it is to refuse. A body that goes wrong ends with an error.
type strictConn struct {
	net.Conn
	link  *link
	wrong atomic.Pointer[strict.Violation]
	small []byte // to read into where net/http asks for single bytes

	mu       sync.Mutex // guards what follows; not held while reading
	follower *strict.Follower
	out      []byte // cleared, from at on
	at       int
	replaced bool
}

// replacement stands in for a head that is refused. Nobody but the handler sees it.
const replacement = "GET / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n"

var errRefused = errors.New("the message is malformed")

func newStrictConn(c net.Conn, l *link) *strictConn {
	s := &strictConn{Conn: c, link: l, follower: strict.New(l.server.proxy.opt.Limits.Strict)}
	l.strict = s
	return s
}

// Read implements net.Conn.
func (c *strictConn) Read(p []byte) (int, error) {
	buf := p
	if len(p) < 512 {
		if c.small == nil {
			c.small = make([]byte, 4096)
		}
		buf = c.small
	}
	for {
		if n, err := c.cleared(p); n > 0 || err != nil {
			return n, err
		}
		n, err := c.Conn.Read(buf)
		if n > 0 {
			c.push(buf[:n])
		}
		if err != nil {
			if n, _ := c.cleared(p); n > 0 {
				return n, nil // the error will come again
			}
			return 0, err
		}
	}
}

// cleared copies what may be passed on; an error says that the body which is being read has gone wrong.
func (c *strictConn) cleared(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at < len(c.out) {
		n := copy(p, c.out[c.at:])
		c.at += n
		return n, nil
	}
	if wrong := c.wrong.Load(); wrong != nil && wrong.InBody && c.link.requests.Load() >= int64(wrong.Request) {
		return 0, errRefused
	}
	// The requests before the wrong one must not be disturbed, nor the answer to it: what comes now is read and dropped.
	return 0, nil
}

func (c *strictConn) push(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out, c.at = c.out[:0], 0
	var wrong *strict.Violation
	c.out, wrong = c.follower.Push(c.out, b)
	c.note(wrong)
}

// note remembers a violation. c.mu is held.
func (c *strictConn) note(wrong *strict.Violation) {
	if wrong == nil || c.replaced {
		return
	}
	c.replaced = true
	c.wrong.Store(wrong)
	if !wrong.InBody {
		c.out = append(c.out, replacement...)
	}
}

// resume says that a request which asked for an upgrade did not get it.
func (c *strictConn) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.follower.Waiting() {
		rest := append([]byte(nil), c.out[c.at:]...)
		var wrong *strict.Violation
		c.at = 0
		c.out, wrong = c.follower.Resume(rest)
		c.note(wrong)
	}
}

// tunnel says that the connection is not HTTP any more.
func (c *strictConn) tunnel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := append([]byte(nil), c.out[c.at:]...)
	c.out, c.at = c.follower.Tunnel(rest), 0
}

// CloseWrite lets net/http end an answer before it closes, so that the client reads it. It does nothing where the connection cannot.
func (c *strictConn) CloseWrite() error {
	return closeWrite(c.Conn)
}

func closeWrite(c net.Conn) error {
	if l, ok := c.(*link); ok {
		c = l.Conn
	}
	if w, ok := c.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}
