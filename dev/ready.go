package dev

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// ready waits until everything answers that is to answer, or until that has taken too long.
func (f *Fleet) ready(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	for _, k := range f.all() {
		for !f.answers(ctx, k) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
}

// answers says whether a cluster knows all others and all its addresses accept. An address that could not be opened is not waited for.
func (f *Fleet) answers(ctx context.Context, k *cluster) bool {
	pic := k.agent.Picture()
	if pic == nil || !k.agent.HubUp() || !k.data.settled() {
		return false
	}
	for _, other := range f.all() {
		there := other.agent.Picture()
		if there == nil || pic.Member(other.name) == nil {
			return false
		}
		for ex := range there.Exports() {
			if s := pic.Service(ex.Service); s == nil || !s.ExportedBy(other.name) {
				return false
			}
		}
	}
	shut := map[string]bool{}
	for _, p := range k.doors.problems() {
		shut[p.Where] = true
	}
	for _, address := range k.addresses() {
		if !shut[address] && !accepts(ctx, k, address) {
			return false
		}
	}
	return true
}

// addresses returns the TCP addresses that a cluster is to answer on, nominal.
func (k *cluster) addresses() []string {
	all := []string{k.at(dnsPort), k.at(xdsPort)}
	for _, port := range beaconPorts {
		all = append(all, k.at(port))
	}
	for s := range k.agent.Picture().Servers() {
		for _, a := range s.Addresses {
			all = append(all, netip.AddrPortFrom(a, s.ID.Port).String())
		}
	}
	for s := range k.agent.Picture().Services() {
		for _, ip := range s.IPs {
			for _, p := range s.Ports {
				if p.Protocol == "TCP" {
					all = append(all, net.JoinHostPort(ip.String(), strconv.Itoa(int(p.Port.Port))))
				}
			}
		}
	}
	return all
}

func accepts(ctx context.Context, k *cluster, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := k.wire.Dial(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
