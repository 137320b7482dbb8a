package wire

import (
	"errors"
	"net"
	"time"
)

// listener hands out connections that hang while the wire is dark. The kernel goes on accepting, as a host behind a cut cable would
// not; but who connects sees the same: silence.
type listener struct {
	net.Listener
	wire *Wire
	open opening
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(c, l.wire.gate), nil
}

// SetDeadline bounds Accept, as that of a *net.TCPListener does.
func (l *listener) SetDeadline(t time.Time) error {
	bounded, ok := l.Listener.(interface{ SetDeadline(time.Time) error })
	if !ok {
		return errors.ErrUnsupported
	}
	return bounded.SetDeadline(t)
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.wire.net.forget(l.open, l.Addr().String())
	return l.Listener.Close()
}

// packetConn loses what comes and goes while the wire is dark.
type packetConn struct {
	net.PacketConn
	wire *Wire
	open opening
}

// ReadFrom implements net.PacketConn.
func (p *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := p.PacketConn.ReadFrom(b)
		if err != nil || !p.wire.Lost() {
			return n, from, err
		}
	}
}

// WriteTo implements net.PacketConn.
func (p *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if p.wire.Lost() {
		return len(b), nil
	}
	return p.PacketConn.WriteTo(b, to)
}

// Close implements net.PacketConn.
func (p *packetConn) Close() error {
	p.wire.net.forget(p.open, p.LocalAddr().String())
	return p.PacketConn.Close()
}
