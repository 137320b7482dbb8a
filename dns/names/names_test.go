package names_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/dns"
	"fairlead.dev/fairlead/dns/names"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// records are what a zone should hold, told by the rules one by one: the values under "name TYPE", and the names that exist.
type records struct {
	values map[string][]string
	names  map[string]bool
}

func (r *records) add(name, rrtype, value string) {
	key := name + " " + rrtype
	if !slices.Contains(r.values[key], value) {
		r.values[key] = append(r.values[key], value)
	}
	r.exists(name)
}

// exists makes a name exist, and all above it (RFC 8020).
func (r *records) exists(name string) {
	for r.names[name] = true; name != ""; {
		_, name, _ = strings.Cut(name, ".")
		r.names[name] = true
	}
}

func (r *records) address(name string, a netip.Addr) {
	if a.Is4() {
		r.add(name, "A", a.String())
	} else {
		r.add(name, "AAAA", a.String())
	}
}

// rules tells the records of one service from the merged service and the source slices, as D2 to D7 have them.
func rules(r *records, in mcs.ImportInput) {
	m := in.Merged
	base := m.Name.Name + "." + m.Name.Namespace + ".svc"
	srv := func(p mcs.MergedPort, number uint16, target string) {
		if p.Name != "" {
			value := fmt.Sprintf("0 100 %d %s", number, target)
			r.add(fmt.Sprintf("_%s._%s.%s", p.Name, strings.ToLower(string(p.Protocol)), base), "SRV", value)
			r.add(base, "SRV", value) // of all named ports: beyond the rules, as CoreDNS has it
		}
	}
	if !m.Headless {
		r.exists(base)
		for _, ip := range in.IPs {
			r.address(base, ip) // D2
		}
		for _, p := range m.Ports {
			srv(p, p.Port.Port, base) // D3
		}
		return
	}
	for _, s := range in.Slices {
		for _, e := range s.Endpoints {
			if !e.Ready {
				continue
			}
			host := e.Hostname
			if host == "" {
				host = strings.NewReplacer(".", "-", ":", "-").Replace(e.Address.String())
			}
			pod := host + "." + s.Cluster + "." + base
			r.address(base, e.Address) // D4
			r.address(pod, e.Address)  // D5
			for _, p := range m.Ports {
				source, exposed := p.Sources[s.Cluster]
				for _, q := range s.Ports {
					if exposed && q.Name == source && q.Protocol == p.Protocol {
						srv(p, q.Port, pod) // D6
					}
				}
			}
		}
	}
}

// imported draws what the import of one service depends on.
func imported(t *rapid.T, name fleet.Name) mcs.ImportInput {
	m := &mcs.Merged{Name: name, Headless: rapid.Bool().Draw(t, "headless")}
	in := mcs.ImportInput{Merged: m, Own: "west", NamespaceExists: true}
	clusters := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"west", "east.eu", "eu"}), 1, 3, rapid.ID[string]).Draw(t, "clusters")
	for _, c := range clusters {
		m.Exporters = append(m.Exporters, mcs.Exporter{Cluster: c})
	}
	for i, n := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"http", "admin", "dns", ""}), 1, 3, rapid.ID[string]).Draw(t, "ports") {
		p := mcs.MergedPort{Port: fleet.Port{Name: n, Port: uint16(80 + i), Protocol: rapid.SampledFrom([]fleet.Protocol{fleet.TCP, fleet.UDP}).Draw(t, "protocol")}, Sources: map[string]string{}}
		for _, c := range clusters {
			if rapid.Bool().Draw(t, "exposed") {
				p.Sources[c] = n
			}
		}
		m.Ports = append(m.Ports, p)
	}
	if !m.Headless {
		for i, ip := range []string{"10.1.0.7", "fd00::7"} {
			if bits := rapid.IntRange(0, 3).Draw(t, "families"); bits>>i&1 == 1 {
				in.IPs = append(in.IPs, netip.MustParseAddr(ip))
			}
		}
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "slices") {
		in.Slices = append(in.Slices, slice(t, m, fmt.Sprint("s", i), rapid.SampledFrom(clusters).Draw(t, "cluster")))
	}
	return in
}

func slice(t *rapid.T, m *mcs.Merged, name, cluster string) *fleet.Slice {
	s := &fleet.Slice{Cluster: cluster, Service: m.Name, Name: name, IPv6: rapid.Bool().Draw(t, "IPv6")}
	for i, p := range m.Ports {
		if rapid.Bool().Draw(t, "open") {
			s.Ports = append(s.Ports, fleet.Port{Name: p.Name, Protocol: p.Protocol, Port: uint16(8080 + i)})
		}
	}
	for range rapid.IntRange(0, 4).Draw(t, "endpoints") {
		n := rapid.IntRange(1, 6).Draw(t, "address")
		e := fleet.Endpoint{Address: netip.AddrFrom4([4]byte{10, 2, 0, byte(n)}), Ready: rapid.Bool().Draw(t, "ready")}
		if s.IPv6 {
			e.Address = netip.MustParseAddr(fmt.Sprintf("fd00::2:%d", n))
		}
		e.Hostname = rapid.SampledFrom([]string{"", "db-0", "db-1", "eu"}).Draw(t, "hostname")
		s.Endpoints = append(s.Endpoints, e)
	}
	return s
}

// ask returns the code and the values, sorted.
func ask(src dns.Source, name, rrtype string) string {
	full := strings.TrimPrefix(name+"."+dns.Zone, ".")
	m := dns.Answer(src, mdns.Question{Name: full, Qtype: mdns.StringToType[rrtype], Qclass: mdns.ClassINET}, 0)
	var values []string
	for _, rr := range m.Answer {
		values = append(values, strings.TrimSuffix(strings.TrimPrefix(rr.String(), rr.Header().String()), "."+dns.Zone))
	}
	slices.Sort(values)
	return mdns.RcodeToString[m.Rcode] + " " + strings.Join(values, ", ")
}

// What is served from the objects that an import writes is what the rules say of the merged service: every record of every name, and
// nothing else under any name that could be meant.
func TestObjectsHaveTheNamesOfTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &records{values: map[string][]string{}, names: map[string]bool{"": true, "svc": true}}
		table := dns.NewTable()
		for _, name := range []fleet.Name{{Namespace: "shop", Name: "cart"}, {Namespace: "shop", Name: "db"}, {Namespace: "svc", Name: "svc"}} {
			if !rapid.Bool().Draw(t, "exists") {
				continue
			}
			in := imported(t, name)
			rules(want, in)
			table = table.With([]*dns.Service{names.Of(mcs.Import(in))}, nil)
		}
		for _, name := range questions(want) {
			for _, rrtype := range []string{"A", "AAAA", "SRV", "TXT"} {
				values := slices.Sorted(slices.Values(want.values[name+" "+rrtype]))
				expected := "NOERROR " + strings.Join(values, ", ")
				if !want.names[name] {
					expected = "NXDOMAIN "
				}
				if got := ask(table, name, rrtype); got != expected {
					t.Fatalf("%s %s: got %s, want %s", name, rrtype, got, expected)
				}
			}
		}
	})
}

// questions are the names that exist and many that may not.
func questions(r *records) []string {
	all := map[string]bool{}
	for name := range r.names {
		all[name] = true
	}
	for _, base := range []string{"cart.shop.svc", "db.shop.svc", "svc.svc.svc"} {
		for _, prefix := range []string{
			"", "west.", "eu.", "east.eu.", "_tcp.", "_udp.", "_http._tcp.", "_admin._udp.", "_dns._udp.", "_._tcp.", "http._tcp.",
			"db-0.west.", "db-1.eu.", "db-0.east.eu.", "eu.eu.", "eu.east.eu.", "10-2-0-1.west.", "fd00--2-1.eu.", "x.west.",
		} {
			all[prefix+base] = true
		}
	}
	var list []string
	for name := range all {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
