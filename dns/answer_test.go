package dns

import (
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"fairlead.dev/fairlead/fleet"
)

// known is a source for tests.
type known map[fleet.Name]*Service

func (k known) Service(n fleet.Name) *Service { return k[n] }

func (k known) ServicesIn(namespace string) iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		for n, s := range k {
			if n.Namespace == namespace && !yield(s) {
				return
			}
		}
	}
}

func (k known) add(s *Service) { k[s.Name] = s }

func port(name string, number uint16, protocol fleet.Protocol) fleet.Port {
	return fleet.Port{Name: name, Port: number, Protocol: protocol}
}

func service(name string, headless bool, ports ...fleet.Port) *Service {
	return &Service{Name: fleet.ParseName(name), Headless: headless, Ports: ports}
}

func addrs(texts ...string) (out []netip.Addr) {
	for _, t := range texts {
		out = append(out, netip.MustParseAddr(t))
	}
	return out
}

// pods makes a slice of endpoints, each "address", "address@hostname", or with "!" in front where it is not ready.
func pods(cluster string, ports []fleet.Port, texts ...string) *fleet.Slice {
	s := &fleet.Slice{Cluster: cluster, Ports: ports}
	for _, t := range texts {
		t, unready := strings.CutPrefix(t, "!")
		addr, host, _ := strings.Cut(t, "@")
		s.Endpoints = append(s.Endpoints, fleet.Endpoint{Address: netip.MustParseAddr(addr), Hostname: host, Ready: !unready})
	}
	return s
}

// shop is a clusterset with a bit of everything.
func shop() known {
	k := known{}
	cart := service("shop/cart", false, port("http", 80, fleet.TCP), port("dns", 53, fleet.UDP), port("", 81, fleet.TCP))
	cart.IPs = addrs("127.11.240.1", "fd00::240:1")
	k.add(cart)

	journal := []fleet.Port{port("journal", 7070, fleet.TCP)}
	ledger := service("shop/ledger", true, port("journal", 70, fleet.TCP), port("admin", 71, fleet.TCP))
	ledger.Slices = []*fleet.Slice{
		pods("west", journal, "127.11.0.2@ledger-1", "127.11.0.1@ledger-0", "!127.11.0.3@ledger-2"),
		pods("west", journal, "fd00::11:1@ledger-0", "127.11.0.1@ledger-0"),
		pods("east.eu", journal, "127.12.0.1@ledger-0", "127.12.0.9"),
		pods("north", journal, "!127.13.0.1@ledger-0"),
	}
	k.add(ledger)

	dark := service("shop/dark", true, port("http", 80, fleet.TCP))
	dark.Slices = []*fleet.Slice{pods("west", nil, "!127.11.0.7")}
	k.add(dark)

	pending := service("shop/pending", false, port("http", 80, fleet.TCP))
	k.add(pending)

	dim := service("dim/dark", true)
	k.add(dim)
	return k
}

// ask prints an answer: the code, the records with their owners, and "+" before additional ones.
func ask(src Source, name string, rrtype uint16, turn uint64) string {
	m := Answer(src, mdns.Question{Name: name, Qtype: rrtype, Qclass: mdns.ClassINET}, turn)
	var out []string
	for _, rr := range m.Answer {
		out = append(out, text(rr))
	}
	for _, rr := range m.Extra {
		out = append(out, "+"+text(rr))
	}
	code := mdns.RcodeToString[m.Rcode]
	if m.Rcode == mdns.RcodeSuccess && len(m.Answer) == 0 {
		code = "NODATA"
	}
	if m.Rcode != mdns.RcodeRefused {
		negative := len(m.Ns) == 1 && m.Ns[0].Header().Rrtype == mdns.TypeSOA && m.Ns[0].Header().Name == Zone
		if negative != (len(m.Answer) == 0) || !m.Authoritative {
			code += fmt.Sprintf(" (authority %v, AA %t)", m.Ns, m.Authoritative)
		}
	} else if m.Authoritative || len(m.Ns) > 0 {
		code += " (with authority)"
	}
	return strings.TrimSpace(code + " " + strings.Join(out, ", "))
}

// text prints a record without its TTL and class.
func text(rr mdns.RR) string {
	h := rr.Header()
	value := strings.TrimPrefix(rr.String(), h.String())
	name := strings.TrimSuffix(strings.TrimSuffix(h.Name, Zone), ".")
	return strings.ReplaceAll(fmt.Sprintf("%s %s %s", name, mdns.TypeToString[h.Rrtype], value), "."+Zone, "")
}

func TestAnswer(t *testing.T) {
	const (
		a, aaaa, srv, txt, any, soa, mx, ns = mdns.TypeA, mdns.TypeAAAA, mdns.TypeSRV, mdns.TypeTXT, mdns.TypeANY, mdns.TypeSOA, mdns.TypeMX, mdns.TypeNS
	)
	src := shop()
	for _, c := range []struct {
		rule   string
		name   string
		rrtype uint16
		want   string
	}{
		{"D1", "dns-version", txt, `NOERROR dns-version TXT "1.0.0"`},
		{"D1", "dns-version", a, `NODATA`},
		{"D2", "cart.shop.svc", a, `NOERROR cart.shop.svc A 127.11.240.1`},
		{"D2", "cart.shop.svc", aaaa, `NOERROR cart.shop.svc AAAA fd00::240:1`},
		{"D2", "cart.shop.svc", mx, `NODATA`},
		{"D2", "CaRt.sHoP.SVC", a, `NOERROR CaRt.sHoP.SVC A 127.11.240.1`},
		{"D2", "nobody.shop.svc", a, `NXDOMAIN`},
		{"D2", "pending.shop.svc", a, `NODATA`},
		{"D3", "_http._tcp.cart.shop.svc", srv, `NOERROR _http._tcp.cart.shop.svc SRV 0 100 80 cart.shop.svc, +cart.shop.svc A 127.11.240.1, +cart.shop.svc AAAA fd00::240:1`},
		{"D3", "_dns._udp.cart.shop.svc", srv, `NOERROR _dns._udp.cart.shop.svc SRV 0 100 53 cart.shop.svc, +cart.shop.svc A 127.11.240.1, +cart.shop.svc AAAA fd00::240:1`},
		{"D3", "_http._tcp.cart.shop.svc", a, `NODATA`},
		{"D3", "_dns._tcp.cart.shop.svc", srv, `NXDOMAIN`},
		{"D3 unnamed", "_._tcp.cart.shop.svc", srv, `NXDOMAIN`},
		{"D3 unnamed", "_81._tcp.cart.shop.svc", srv, `NXDOMAIN`},
		{"D3 no data", "_tcp.cart.shop.svc", srv, `NODATA`},
		{"D3 no data", "_sctp.cart.shop.svc", srv, `NXDOMAIN`},
		{"D3 no data", "http._tcp.cart.shop.svc", srv, `NXDOMAIN`},
		{"D3 SRV of the service", "cart.shop.svc", srv, `NOERROR cart.shop.svc SRV 0 100 53 cart.shop.svc, cart.shop.svc SRV 0 100 80 cart.shop.svc, ` +
			`+cart.shop.svc A 127.11.240.1, +cart.shop.svc AAAA fd00::240:1`},
		{"D4", "ledger.shop.svc", a, `NOERROR ledger.shop.svc A 127.11.0.1, ledger.shop.svc A 127.11.0.2, ledger.shop.svc A 127.12.0.1, ledger.shop.svc A 127.12.0.9`},
		{"D4", "ledger.shop.svc", aaaa, `NOERROR ledger.shop.svc AAAA fd00::11:1`},
		{"D4 none ready", "dark.shop.svc", a, `NXDOMAIN`},
		{"D4 none ready", "_http._tcp.dark.shop.svc", srv, `NXDOMAIN`},
		{"D5", "ledger-0.west.ledger.shop.svc", a, `NOERROR ledger-0.west.ledger.shop.svc A 127.11.0.1`},
		{"D5", "ledger-0.west.ledger.shop.svc", aaaa, `NOERROR ledger-0.west.ledger.shop.svc AAAA fd00::11:1`},
		{"D5", "ledger-1.west.ledger.shop.svc", aaaa, `NODATA`},
		{"D5 not ready", "ledger-2.west.ledger.shop.svc", a, `NXDOMAIN`},
		{"D5 other cluster", "ledger-1.east.eu.ledger.shop.svc", a, `NXDOMAIN`},
		{"D5 no hostname", "127-12-0-9.east.eu.ledger.shop.svc", a, `NOERROR 127-12-0-9.east.eu.ledger.shop.svc A 127.12.0.9`},
		{"D6", "_journal._tcp.ledger.shop.svc", srv, `NOERROR _journal._tcp.ledger.shop.svc SRV 0 100 7070 127-12-0-9.east.eu.ledger.shop.svc, ` +
			`_journal._tcp.ledger.shop.svc SRV 0 100 7070 ledger-0.east.eu.ledger.shop.svc, _journal._tcp.ledger.shop.svc SRV 0 100 7070 ledger-0.west.ledger.shop.svc, ` +
			`_journal._tcp.ledger.shop.svc SRV 0 100 7070 ledger-1.west.ledger.shop.svc, +127-12-0-9.east.eu.ledger.shop.svc A 127.12.0.9, +ledger-0.east.eu.ledger.shop.svc A 127.12.0.1, ` +
			`+ledger-0.west.ledger.shop.svc A 127.11.0.1, +ledger-0.west.ledger.shop.svc AAAA fd00::11:1, +ledger-1.west.ledger.shop.svc A 127.11.0.2`},
		{"D6 not exposed", "_admin._tcp.ledger.shop.svc", srv, `NXDOMAIN`},
		{"D7", "west.cart.shop.svc", a, `NXDOMAIN`},
		{"D7", "west.ledger.shop.svc", a, `NODATA`},
		{"D7", "north.ledger.shop.svc", a, `NXDOMAIN`},
		{"D8", "1.240.11.127.in-addr.arpa.", mdns.TypePTR, `REFUSED`},
		{"D8", "cart.shop.svc.cluster.local.", a, `REFUSED`},
		{"D9", "ledger-0.east.eu.ledger.shop.svc", a, `NOERROR ledger-0.east.eu.ledger.shop.svc A 127.12.0.1`},
		{"D9", "east.eu.ledger.shop.svc", a, `NODATA`},
		{"D9", "eu.ledger.shop.svc", a, `NODATA`},
		{"D9", "u.ledger.shop.svc", a, `NXDOMAIN`},
		{"D9", "x.eu.ledger.shop.svc", a, `NXDOMAIN`},
		{"M9", "cart.absent.svc", a, `NXDOMAIN`},
		{"M9", "_http._tcp.cart.absent.svc", srv, `NXDOMAIN`},
		{"RFC 8020", "absent.svc", a, `NXDOMAIN`},
		{"RFC 8020", "dim.svc", a, `NXDOMAIN`},
		{"RFC 8020", "shop.svc", a, `NODATA`},
		{"RFC 8020", "svc", a, `NODATA`},
		{"RFC 8020", "", a, `NODATA`},
		{"apex", "", soa, `NOERROR  SOA clusterset.local. hostmaster 1 3600 600 86400 5`},
		{"apex", "", ns, `NODATA`},
		{"other names", "pod", a, `NXDOMAIN`},
		{"other names", "x.dns-version", txt, `NXDOMAIN`},
		{"other names", "a.b.c.cart.shop.svc", a, `NXDOMAIN`},
		{"other names", `ca\.rt.shop.svc`, a, `NXDOMAIN`},
		{"other names", `\000.shop.svc`, a, `NXDOMAIN`},
		{"RFC 8482", "cart.shop.svc", any, `NOERROR cart.shop.svc HINFO "RFC8482" ""`},
		{"RFC 8482", "nobody.shop.svc", any, `NXDOMAIN`},
		{"other zones", "example.com.", a, `REFUSED`},
		{"other zones", ".", a, `REFUSED`},
		{"other zones", "local.", a, `REFUSED`},
		{"other zones", "xclusterset.local.", a, `REFUSED`},
		{"no transfer", "", mdns.TypeAXFR, `REFUSED`},
		{"no transfer", "", mdns.TypeIXFR, `REFUSED`},
	} {
		name := c.name
		if !strings.HasSuffix(name, ".") {
			name = strings.TrimPrefix(name+"."+Zone, ".")
		}
		if got := ask(src, name, c.rrtype, 0); got != c.want {
			t.Errorf("%s: %s %s\n got %s\nwant %s", c.rule, c.name, mdns.TypeToString[c.rrtype], got, c.want)
		}
	}
}

func TestOtherClassesAreRefused(t *testing.T) {
	for _, class := range []uint16{mdns.ClassCHAOS, mdns.ClassANY, mdns.ClassHESIOD} {
		m := Answer(shop(), mdns.Question{Name: "cart.shop.svc." + Zone, Qtype: mdns.TypeA, Qclass: class}, 0)
		if m.Rcode != mdns.RcodeRefused {
			t.Errorf("class %d: got %s", class, mdns.RcodeToString[m.Rcode])
		}
	}
}

func TestAddressesAreRotated(t *testing.T) {
	src := shop()
	var first []string
	for turn := range uint64(8) {
		records := strings.Split(strings.TrimPrefix(ask(src, "ledger.shop.svc."+Zone, mdns.TypeA, turn), "NOERROR "), ", ")
		first = append(first, strings.Fields(records[0])[2])
		slices.Sort(records)
		if len(slices.Compact(records)) != 4 {
			t.Errorf("turn %d: got %v", turn, records)
		}
	}
	want := []string{"127.11.0.1", "127.11.0.2", "127.12.0.1", "127.12.0.9", "127.11.0.1", "127.11.0.2", "127.12.0.1", "127.12.0.9"}
	if !slices.Equal(first, want) {
		t.Errorf("got %v, want %v", first, want)
	}
}

// What an answer costs does not depend on how many services there are.
func BenchmarkAnswer(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		src := NewTable(slices.Collect(maps.Values(shop()))...)
		for i := range n {
			s := service(fmt.Sprintf("other/s%d", i), false)
			s.IPs = addrs("127.11.240.7")
			src = src.With([]*Service{s}, nil)
		}
		for name, rrtype := range map[string]uint16{"cart.shop.svc.": mdns.TypeA, "ledger.shop.svc.": mdns.TypeA, "_http._tcp.cart.shop.svc.": mdns.TypeSRV} {
			b.Run(fmt.Sprintf("%s/%d", name+mdns.TypeToString[rrtype], n), func(b *testing.B) {
				m := new(mdns.Msg)
				m.SetQuestion(name+Zone, rrtype)
				packet, err := m.Pack()
				if err != nil {
					b.Fatal(err)
				}
				buf := make([]byte, maxUDP)
				b.ReportAllocs()
				for b.Loop() {
					if Respond(src, packet, false, 0, buf) == nil {
						b.Fatal("no answer")
					}
				}
			})
		}
	}
}
