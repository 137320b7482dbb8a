package dev

import (
	"net"
	"net/netip"
	"sync"

	"fairlead.dev/fairlead/dev/wire"
)

// offset lies between the ports of two clusters where they share one address.
const offset = 100

// hasLoopbacks says whether the machine has all of 127.0.0.0/8, as Linux does, and not 127.0.0.1 alone.
func hasLoopbacks() bool {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// places opens every address on 127.0.0.1: what is on a cluster's own address on the same port plus an offset for the cluster, in the
// order in which they came, and everything else (pods, clusterset IPs) on any free port. It is safe for concurrent use.
type places struct {
	mu    sync.Mutex
	order []string
	at    map[string]netip.Addr
}

// settle gives a cluster its ports.
func (p *places) settle(cluster string, address netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil {
		p.at = map[string]netip.Addr{}
	}
	if _, known := p.at[cluster]; !known {
		p.order = append(p.order, cluster)
	}
	p.at[cluster] = address
}

// place is a wire.Net's Place.
func (p *places) place(cluster, _ string, nominal netip.AddrPort) netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	here := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if nominal.Addr() != p.at[cluster] {
		return netip.AddrPortFrom(here, 0)
	}
	for i, name := range p.order {
		if name == cluster {
			return netip.AddrPortFrom(here, nominal.Port()+uint16(i*offset))
		}
	}
	return nominal
}

// newNet returns the network of a clusterset.
func newNet(perCluster bool) (*wire.Net, *places) {
	p := new(places)
	if !perCluster {
		return new(wire.Net), p
	}
	return &wire.Net{Place: p.place}, p
}
