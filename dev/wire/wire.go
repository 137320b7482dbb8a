// Package wire is the network between the clusters of one process: loopback sockets that can go dark, cluster by cluster, the way a
// cut cable does. Nothing is refused and nothing is closed then: what was accepted hangs, what is sent goes nowhere.
//
// A Net holds the wires of all clusters. Each cluster listens and dials through its own Wire, so that the Net knows whose an address
// is, and a dial into a dark cluster hangs as well as one out of it. Lose makes a wire dark, Find heals it: what hung goes on.
//
// Addresses are nominal. A Net with a Place function opens them elsewhere, on machines that have one loopback address only, and finds
// them again when they are dialled.
package wire

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// Net is the wires of one clusterset. It is safe for concurrent use.
type Net struct {
	// Place says where a nominal address of a cluster is really opened; nil: there. Port 0 is any free port. Set it before use.
	Place func(cluster, network string, nominal netip.AddrPort) netip.AddrPort

	mu    sync.Mutex
	opens map[opening]where
}

// opening is a nominal address that is listened on: "tcp" or "udp", and address:port.
type opening struct{ network, address string }

// where is whose an opening is, and where it really is.
type where struct {
	wire   *Wire
	actual string
}

// Wire is the network of one cluster. It is safe for concurrent use.
type Wire struct {
	cluster string
	net     *Net
	gate    *gate
}

// Join returns a new wire for a cluster.
func (n *Net) Join(cluster string) *Wire {
	return &Wire{cluster: cluster, net: n, gate: newGate()}
}

// Lose makes the wire dark.
func (w *Wire) Lose() { w.gate.shut() }

// Find heals the wire: what hung goes on.
func (w *Wire) Find() { w.gate.open() }

// Lost says whether the wire is dark.
func (w *Wire) Lost() bool { return !w.gate.isOpen() }

// Wait returns when the wire is not dark, or with the error of ctx.
func (w *Wire) Wait(ctx context.Context) error {
	select {
	case <-w.gate.light():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Listen opens a TCP address. The address that the listener tells is the real one.
func (w *Wire) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, network, w.Place("tcp", address))
	if err != nil {
		return nil, err
	}
	open := opening{"tcp", address}
	w.net.note(open, where{w, l.Addr().String()})
	return &listener{Listener: l, wire: w, open: open}, nil
}

// ListenPacket opens a UDP address. Packets that come or go while the wire is dark are lost.
func (w *Wire) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	var config net.ListenConfig
	c, err := config.ListenPacket(ctx, network, w.Place("udp", address))
	if err != nil {
		return nil, err
	}
	open := opening{"udp", address}
	w.net.note(open, where{w, c.LocalAddr().String()})
	return &packetConn{PacketConn: c, wire: w, open: open}, nil
}

// Dial connects from this cluster to a nominal address. It hangs, until ctx ends, while either end is dark.
func (w *Wire) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	for {
		to, known := w.net.find(opening{family(network), address})
		if err := w.Wait(ctx); err != nil {
			return nil, fmt.Errorf("dial %s from %s: %w", address, w.cluster, err)
		}
		if !known {
			return w.dial(ctx, network, address)
		}
		if err := to.wire.Wait(ctx); err != nil {
			return nil, fmt.Errorf("dial %s from %s: %w", address, w.cluster, err)
		}
		if !w.Lost() {
			return w.dial(ctx, network, to.actual)
		}
	}
}

func (w *Wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return newConn(c, w.gate), nil
}

// Actual returns where a nominal TCP address is really open; the address itself where nobody here listens on it.
func (n *Net) Actual(nominal string) string {
	if to, known := n.find(opening{"tcp", nominal}); known {
		return to.actual
	}
	return nominal
}

// Place returns where a nominal address of this cluster is opened; network is "tcp" or "udp".
func (w *Wire) Place(network, address string) string {
	nominal, err := netip.ParseAddrPort(address)
	if w.net.Place == nil || err != nil {
		return address
	}
	return w.net.Place(w.cluster, network, nominal).String()
}

func (n *Net) note(o opening, to where) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opens == nil {
		n.opens = map[opening]where{}
	}
	n.opens[o] = to
}

func (n *Net) find(o opening) (where, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	to, known := n.opens[o]
	return to, known
}

// forget drops an opening, unless the address was opened again in the meantime.
func (n *Net) forget(o opening, actual string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opens[o].actual == actual {
		delete(n.opens, o)
	}
}

func family(network string) string {
	if len(network) >= 3 && network[:3] == "udp" {
		return "udp"
	}
	return "tcp"
}
