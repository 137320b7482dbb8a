package dns

import (
	"net/netip"
	"strings"

	mdns "github.com/miekg/dns"

	"fairlead.dev/fairlead/fleet"
)

// Answer answers one question: the sections and the response code of an authoritative answer, or REFUSED. Addresses come in a
// stable order, rotated by turn, so that clients that take the first one spread.
func Answer(src Source, q mdns.Question, turn uint64) *mdns.Msg {
	a := &answer{src: src, q: q, turn: turn, msg: new(mdns.Msg)}
	a.msg.Question = []mdns.Question{q}
	labels, within := below(q.Name)
	switch {
	case !within, q.Qclass != mdns.ClassINET, q.Qtype == mdns.TypeAXFR, q.Qtype == mdns.TypeIXFR:
		a.msg.Rcode = mdns.RcodeRefused
		return a.msg
	}
	a.msg.Authoritative = true
	exists := a.name(labels)
	switch {
	case !exists:
		a.msg.Rcode = mdns.RcodeNameError
	case q.Qtype == mdns.TypeANY:
		a.msg.Answer = []mdns.RR{&mdns.HINFO{Hdr: a.header(mdns.TypeHINFO), Cpu: "RFC8482"}}
		a.msg.Extra = nil
	}
	if len(a.msg.Answer) == 0 {
		a.msg.Ns = []mdns.RR{soa(Zone)}
		a.msg.Extra = nil
	}
	return a.msg
}

// below returns the labels of a name beneath the zone, lower case, or false for a name outside of it.
func below(name string) ([]string, bool) {
	labels := mdns.SplitDomainName(strings.ToLower(mdns.Fqdn(name)))
	n := len(labels) - 2
	if n < 0 || labels[n] != "clusterset" || labels[n+1] != "local" {
		return nil, false
	}
	return labels[:n], true
}

// answer is one answer in the making.
type answer struct {
	src  Source
	q    mdns.Question
	turn uint64
	msg  *mdns.Msg
}

func (a *answer) header(rrtype uint16) mdns.RR_Header {
	return mdns.RR_Header{Name: a.q.Name, Rrtype: rrtype, Class: mdns.ClassINET, Ttl: ttl}
}

func soa(owner string) *mdns.SOA {
	return &mdns.SOA{
		Hdr: mdns.RR_Header{Name: owner, Rrtype: mdns.TypeSOA, Class: mdns.ClassINET, Ttl: negativeTTL},
		Ns:  Zone, Mbox: "hostmaster." + Zone,
		Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: negativeTTL,
	}
}

// name adds the records of a name, given by its labels beneath the zone, and says whether it exists.
func (a *answer) name(labels []string) bool {
	n := len(labels)
	switch {
	case n == 0:
		if a.q.Qtype == mdns.TypeSOA {
			a.msg.Answer = []mdns.RR{soa(a.q.Name)}
		}
		return true
	case n == 1 && labels[0] == "dns-version":
		if a.q.Qtype == mdns.TypeTXT {
			h := a.header(mdns.TypeTXT)
			h.Ttl = versionTTL
			a.msg.Answer = []mdns.RR{&mdns.TXT{Hdr: h, Txt: []string{SchemaVersion}}}
		}
		return true
	case labels[n-1] != "svc":
		return false
	case n == 1:
		return true
	case n == 2:
		return hasNames(a.src, labels[0])
	}
	s := a.src.Service(fleet.Name{Namespace: labels[n-2], Name: labels[n-3]})
	if !exists(s) {
		return false
	}
	switch rest := labels[:n-3]; {
	case len(rest) == 0:
		if a.q.Qtype == mdns.TypeSRV {
			a.everyPort(s)
		} else {
			a.addresses(s)
		}
		return true
	case len(rest) <= 2 && strings.HasPrefix(rest[len(rest)-1], "_"):
		return a.ports(s, rest)
	case s.Headless:
		return a.pod(s, strings.Join(rest, "."))
	}
	return false
}

// exists says whether a service has names: it is there, and a headless one has a ready endpoint (D4).
func exists(s *Service) bool {
	if s == nil || !s.Headless {
		return s != nil
	}
	for range endpoints(s) {
		return true
	}
	return false
}

func hasNames(src Source, namespace string) bool {
	for s := range src.ServicesIn(namespace) {
		if exists(s) {
			return true
		}
	}
	return false
}

// addresses adds the A or AAAA records of a service (D2, D4).
func (a *answer) addresses(s *Service) {
	if !s.Headless {
		a.msg.Answer = a.rotated(records(a.header(a.q.Qtype), s.IPs))
		return
	}
	var addrs []netip.Addr
	for _, e := range endpoints(s) {
		addrs = append(addrs, e.Address)
	}
	a.msg.Answer = a.rotated(records(a.header(a.q.Qtype), sorted(addrs)))
}

// records returns the addresses of the header's type, A or AAAA, as records.
func records(h mdns.RR_Header, addrs []netip.Addr) []mdns.RR {
	var out []mdns.RR
	for _, addr := range addrs {
		switch {
		case h.Rrtype == mdns.TypeA && addr.Is4():
			out = append(out, &mdns.A{Hdr: h, A: addr.AsSlice()})
		case h.Rrtype == mdns.TypeAAAA && addr.Is6():
			out = append(out, &mdns.AAAA{Hdr: h, AAAA: addr.AsSlice()})
		}
	}
	return out
}

func (a *answer) rotated(list []mdns.RR) []mdns.RR {
	if len(list) < 2 {
		return list
	}
	n := int(a.turn % uint64(len(list)))
	return append(list[n:len(list):len(list)], list[:n]...)
}
