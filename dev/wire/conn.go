package wire

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// conn is a connection that hangs while its gate is shut: what the peer sent, its end of stream and its reset are withheld, and so is
// what is written here. Deadlines and Close work as ever, but the peer learns of a Close only when the gate opens.
type conn struct {
	net.Conn
	gate *gate

	read, write deadline

	once   sync.Once
	closed chan struct{}

	reading sync.Mutex // one Read at a time
	held    []byte     // was read from the socket and not handed on
}

func newConn(c net.Conn, g *gate) *conn {
	return &conn{Conn: c, gate: g, read: newDeadline(), write: newDeadline(), closed: make(chan struct{})}
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if err := c.pass("read", &c.read); err != nil {
		return 0, err
	}
	if len(c.held) > 0 {
		n := copy(b, c.held)
		c.held = c.held[n:]
		return n, nil
	}
	n, err := c.Conn.Read(b)
	if c.gate.isOpen() || errors.Is(err, os.ErrDeadlineExceeded) {
		return n, c.own(err)
	}
	if late := c.pass("read", &c.read); late != nil {
		c.held = append([]byte(nil), b[:n]...)
		return 0, late
	}
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.pass("write", &c.write); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	return n, c.own(err)
}

// Close implements net.Conn.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = nil
		close(c.closed)
		if c.gate.isOpen() {
			err = c.Conn.Close()
			return
		}
		_ = c.Conn.SetDeadline(time.Unix(1, 0)) // wakes who is in the kernel
		c.gate.later(func() { _ = c.Conn.Close() })
	})
	return err
}

// CloseWrite ends the stream towards the peer, who may go on sending.
func (c *conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	if c.gate.isOpen() {
		return half.CloseWrite()
	}
	c.gate.later(func() { _ = half.CloseWrite() })
	return nil
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	c.read.set(t)
	c.write.set(t)
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.read.set(t)
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.write.set(t)
	return c.Conn.SetWriteDeadline(t)
}

// pass waits until the gate is open, the deadline is over or the connection was closed here.
func (c *conn) pass(op string, d *deadline) error {
	for {
		past := d.wait()
		select {
		case <-c.closed:
			return c.fail(op, net.ErrClosed)
		case <-past:
			if d.over() {
				return c.fail(op, os.ErrDeadlineExceeded)
			}
			continue // the deadline was moved
		default:
		}
		select {
		case <-c.gate.light():
			return nil
		case <-c.closed:
		case <-past:
		}
	}
}

// own turns the error of a Close that had to wake the kernel into the one of a closed connection.
func (c *conn) own(err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-c.closed:
		return c.fail("use", net.ErrClosed)
	default:
		return err
	}
}

func (c *conn) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
