package dns

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	mdns "github.com/miekg/dns"

	"fairlead.dev/fairlead/fleet"
)

func packet(t testing.TB, edit func(*mdns.Msg)) []byte {
	t.Helper()
	m := new(mdns.Msg)
	m.SetQuestion("cart.shop.svc."+Zone, mdns.TypeA)
	m.Id = 4711
	if edit != nil {
		edit(m)
	}
	out, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// crowd is a headless service of n pods.
func crowd(n int) known {
	k := known{}
	s := service("shop/cart", true, port("http", 80, fleet.TCP))
	slice := &fleet.Slice{Cluster: "west", Ports: []fleet.Port{{Name: "http", Port: 8080, Protocol: fleet.TCP}}}
	for i := range n {
		slice.Endpoints = append(slice.Endpoints, fleet.Endpoint{Address: netip.AddrFrom4([4]byte{127, 11, byte(i >> 8), byte(i)}), Ready: true})
	}
	s.Slices = []*fleet.Slice{slice}
	k.add(s)
	return k
}

func edns(size uint16, version uint8, options ...mdns.EDNS0) func(*mdns.Msg) {
	return func(m *mdns.Msg) {
		o := &mdns.OPT{Hdr: mdns.RR_Header{Name: ".", Rrtype: mdns.TypeOPT}, Option: options}
		o.SetUDPSize(size)
		o.SetVersion(version)
		o.SetDo()
		m.Extra = append(m.Extra, o)
	}
}

func TestRespond(t *testing.T) {
	two := func(m *mdns.Msg) { m.Question = append(m.Question, m.Question[0]) }
	for name, c := range map[string]struct {
		src    Source
		packet []byte
		tcp    bool
		want   string // code, answers, TC, EDNS version and size
	}{
		"plain":                   {shop(), packet(t, nil), false, "NOERROR 1"},
		"nothing known yet":       {nil, packet(t, nil), false, "SERVFAIL 0"},
		"EDNS":                    {shop(), packet(t, edns(4096, 0)), false, "NOERROR 1 EDNS 0 1232 do"},
		"EDNS with an option":     {shop(), packet(t, edns(4096, 0, &mdns.EDNS0_LOCAL{Code: 65001, Data: []byte{1}})), false, "NOERROR 1 EDNS 0 1232 do"},
		"EDNS version 1, code 16": {shop(), packet(t, edns(4096, 1)), false, "BADSIG 0 EDNS 0 1232 do"},
		"EDNS twice":              {shop(), packet(t, func(m *mdns.Msg) { edns(512, 0)(m); edns(512, 0)(m) }), false, "FORMERR 0 EDNS 0 1232 do"},
		"two questions":           {shop(), packet(t, two), false, "FORMERR 0"},
		"no question":             {shop(), packet(t, func(m *mdns.Msg) { m.Question = nil }), false, "FORMERR 0"},
		"an update":               {shop(), packet(t, func(m *mdns.Msg) { m.Opcode = mdns.OpcodeUpdate }), false, "NOTIMP 0"},
		"a notify":                {shop(), packet(t, func(m *mdns.Msg) { m.Opcode = mdns.OpcodeNotify }), false, "NOTIMP 0"},
		"an answer":               {shop(), packet(t, func(m *mdns.Msg) { m.Response = true }), false, "nothing"},
		"half a header":           {shop(), packet(t, nil)[:11], false, "nothing"},
		"nothing":                 {shop(), nil, false, "nothing"},
		"a header only":           {shop(), packet(t, nil)[:12], false, "FORMERR 0"},
		"half a question":         {shop(), packet(t, nil)[:20], false, "FORMERR 0"},
		"half an update":          {shop(), packet(t, func(m *mdns.Msg) { m.Opcode = mdns.OpcodeUpdate })[:20], false, "NOTIMP 0"},
		"half an option":          {shop(), packet(t, edns(4096, 0))[:len(packet(t, edns(4096, 0)))-3], false, "FORMERR 0"},
		"a transfer":              {shop(), packet(t, func(m *mdns.Msg) { m.Question[0].Qtype = mdns.TypeAXFR }), true, "REFUSED 0"},
		"large over UDP":          {crowd(100), packet(t, nil), false, "NOERROR 29 TC"},
		"large with EDNS":         {crowd(100), packet(t, edns(900, 0)), false, "NOERROR 52 TC EDNS 0 1232 do"},
		"large with more EDNS":    {crowd(100), packet(t, edns(65535, 0)), false, "NOERROR 73 TC EDNS 0 1232 do"},
		"EDNS below 512":          {crowd(100), packet(t, edns(100, 0)), false, "NOERROR 28 TC EDNS 0 1232 do"},
		"large over TCP":          {crowd(100), packet(t, nil), true, "NOERROR 100"},
		"too large for TCP":       {crowd(9000), packet(t, nil), true, "NOERROR 4092 TC"},
		"additional left out":     {crowd(5), packet(t, func(m *mdns.Msg) { m.SetQuestion("_http._tcp.cart.shop.svc."+Zone, mdns.TypeSRV); m.Id = 4711 }), false, "NOERROR 5"},
	} {
		t.Run(name, func(t *testing.T) {
			out := Respond(c.src, c.packet, c.tcp, 0, make([]byte, 100))
			if got := told(t, out); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func told(t *testing.T, out []byte) string {
	t.Helper()
	if out == nil {
		return "nothing"
	}
	m := new(mdns.Msg)
	if err := m.Unpack(out); err != nil {
		t.Fatal(err)
	}
	if m.Id != 4711 || !m.Response || m.RecursionAvailable {
		t.Errorf("got header %+v", m.MsgHdr)
	}
	s := fmt.Sprintf("%s %d", mdns.RcodeToString[m.Rcode], len(m.Answer))
	if m.Truncated {
		s += " TC"
	}
	if o := m.IsEdns0(); o != nil {
		s += fmt.Sprintf(" EDNS %d %d", o.Version(), o.UDPSize())
		if o.Do() {
			s += " do"
		}
	}
	return s
}

// The question comes back letter by letter, and names are compressed.
func TestQuestionIsEchoed(t *testing.T) {
	p := packet(t, func(m *mdns.Msg) { m.Question[0].Name = "cArT.SHOP.svc.CLUSTERSET.local." })
	out := Respond(shop(), p, false, 0, nil)
	if !bytes.Equal(out[12:len(p)], p[12:]) {
		t.Errorf("got %q", out)
	}
	if len(out) != len(p)+16 {
		t.Errorf("an A record costs %d bytes", len(out)-len(p))
	}
}

// Whatever comes, no packet makes the server panic, and every answer is a well-formed answer to that packet.
func FuzzRespond(f *testing.F) {
	f.Add(packet(f, nil), false)
	f.Add(packet(f, edns(4096, 0)), false)
	f.Add(packet(f, edns(512, 1, &mdns.EDNS0_COOKIE{Cookie: "0011223344556677"})), true)
	f.Add(packet(f, func(m *mdns.Msg) {
		m.Question[0].Name = "_journal._tcp.ledger.shop.svc." + Zone
		m.Question[0].Qtype = mdns.TypeSRV
	}), false)
	f.Add(packet(f, func(m *mdns.Msg) { m.Question[0].Name = "ledger-0.east.eu.ledger.shop.svc." + Zone }), false)
	f.Add([]byte("\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"), false)
	f.Add([]byte("\x00\x01\x28\x00\xff\xff\xff\xff\xff\xff\xff\xff"), true)
	src := shop()
	f.Fuzz(func(t *testing.T, p []byte, tcp bool) {
		out := Respond(src, p, tcp, 1, nil)
		if out == nil {
			if len(p) >= headerSize && p[2]&0x80 == 0 {
				t.Fatal("a question got no answer")
			}
			return
		}
		m := new(mdns.Msg)
		if err := m.Unpack(out); err != nil || !m.Response || !bytes.Equal(out[:2], p[:2]) || !whole(out, m) {
			t.Fatalf("the answer is broken: %v, %v", err, m)
		}
		if !tcp && len(out) > maxUDP {
			t.Fatalf("%d bytes over UDP", len(out))
		}
		if m.Rcode == mdns.RcodeSuccess && len(m.Question) != 1 {
			t.Fatalf("answered %d questions", len(m.Question))
		}
	})
}
