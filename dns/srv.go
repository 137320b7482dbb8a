package dns

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	mdns "github.com/miekg/dns"

	"fairlead.dev/fairlead/fleet"
)

// All SRV targets are alike; balancing is not DNS's business here.
const (
	priority = 0
	weight   = 100
)

// ports adds the SRV records of _port._proto, and says whether that name, or _proto alone, exists. Unnamed ports have none (D3).
func (a *answer) ports(s *Service, labels []string) bool {
	protocol := labels[len(labels)-1][1:]
	name := ""
	if len(labels) == 2 {
		var ok bool
		if name, ok = strings.CutPrefix(labels[0], "_"); !ok {
			return false
		}
	}
	found := false
	for i := range s.Ports {
		p := &s.Ports[i]
		if p.Name == "" || strings.ToLower(string(p.Protocol)) != protocol || name != "" && p.Name != name {
			continue
		}
		targets := targetsOf(s, p)
		found = found || len(targets) > 0
		if name != "" && a.q.Qtype == mdns.TypeSRV {
			a.targets(targets)
		}
	}
	return found && (len(labels) == 1 || name != "")
}

// everyPort adds the SRV records of all named ports, each once, to the name of the service itself. The specification does not ask for
// them there; CoreDNS has them, as it has in cluster.local, and the conformance suite of the MCS API asks for nothing else.
func (a *answer) everyPort(s *Service) {
	var all []target
	for i := range s.Ports {
		if p := &s.Ports[i]; p.Name != "" {
			all = append(all, targetsOf(s, p)...)
		}
	}
	slices.SortStableFunc(all, compareTargets)
	a.targets(slices.CompactFunc(all, func(t, u target) bool { return compareTargets(t, u) == 0 }))
}

// target is where one SRV record leads.
type target struct {
	name  string
	port  uint16
	addrs []netip.Addr
}

// targetsOf returns the targets of a port: the service itself (D3), or each ready endpoint of a headless service that exposes the
// port (D6, M20). The latter come with the port that they listen on, the slice's: nothing stands between the client and the pod
// that would translate the Service's number. Where both are equal, as the specification has it, nobody sees a difference.
func targetsOf(s *Service, p *fleet.Port) []target {
	base := s.Name.Name + "." + s.Name.Namespace + ".svc." + Zone
	if !s.Headless {
		return []target{{name: base, port: p.Port, addrs: s.IPs}}
	}
	var out []target
	index := map[reach]int{}
	for slice, e := range endpoints(s) {
		port, ok := sourcePort(slice, p)
		if !ok {
			continue
		}
		key := reach{hostname(e) + "." + slice.Cluster + "." + base, port}
		i, known := index[key]
		if !known {
			i = len(out)
			index[key] = i
			out = append(out, target{name: key.name, port: port})
		}
		out[i].addrs = append(out[i].addrs, e.Address)
	}
	slices.SortFunc(out, compareTargets)
	return out
}

func compareTargets(a, b target) int {
	return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.port, b.port))
}

// reach tells targets apart: both addresses of a dual-stack pod are behind one.
type reach struct {
	name string
	port uint16
}

// sourcePort returns the number that a port of the service has in a slice.
func sourcePort(slice *fleet.Slice, p *fleet.Port) (uint16, bool) {
	for _, q := range slice.Ports {
		if q.Name == p.Name && q.Protocol == p.Protocol {
			return q.Port, true
		}
	}
	return 0, false
}

// targets adds SRV records, with the addresses of their targets as additional records.
func (a *answer) targets(targets []target) {
	var list []mdns.RR
	for i, t := range targets {
		list = append(list, &mdns.SRV{Hdr: a.header(mdns.TypeSRV), Priority: priority, Weight: weight, Port: t.port, Target: t.name})
		if i > 0 && targets[i-1].name == t.name {
			continue // another port of the same target
		}
		for _, rrtype := range []uint16{mdns.TypeA, mdns.TypeAAAA} {
			h := mdns.RR_Header{Name: t.name, Rrtype: rrtype, Class: mdns.ClassINET, Ttl: ttl}
			a.msg.Extra = append(a.msg.Extra, records(h, sorted(slices.Clone(t.addrs)))...)
		}
	}
	a.msg.Answer = append(a.msg.Answer, a.rotated(list)...)
}
