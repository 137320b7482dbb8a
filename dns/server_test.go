package dns

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"
)

func start(t *testing.T, opt Options, src Source) (*Server, string) {
	t.Helper()
	s := New(opt)
	if src != nil {
		s.Use(src)
	}
	addr, err := s.Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, addr
}

func exchange(t *testing.T, network, addr, name string, rrtype uint16) *mdns.Msg {
	t.Helper()
	m := new(mdns.Msg)
	m.SetQuestion(name, rrtype)
	c := &mdns.Client{Net: network, Timeout: 10 * time.Second}
	resp, _, err := c.Exchange(m, addr)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestServerOverUDPAndTCP(t *testing.T) {
	s, addr := start(t, Options{}, nil)
	for _, network := range []string{"udp", "tcp"} {
		if got := exchange(t, network, addr, "cart.shop.svc."+Zone, mdns.TypeA).Rcode; got != mdns.RcodeServerFailure {
			t.Errorf("%s, before anything is known: got %s", network, mdns.RcodeToString[got])
		}
	}
	s.Use(shop())
	for _, network := range []string{"udp", "tcp"} {
		m := exchange(t, network, addr, "cart.shop.svc."+Zone, mdns.TypeA)
		if len(m.Answer) != 1 || m.Answer[0].(*mdns.A).A.String() != "127.11.240.1" || !m.Authoritative {
			t.Errorf("%s: got %v", network, m)
		}
	}
	s.Use(known{})
	if got := exchange(t, "udp", addr, "cart.shop.svc."+Zone, mdns.TypeA).Rcode; got != mdns.RcodeNameError {
		t.Errorf("got %s", mdns.RcodeToString[got])
	}
}

// Go's own resolver asks for both families, with EDNS, and falls back to TCP.
func TestGoResolver(t *testing.T) {
	_, addr := start(t, Options{}, shop())
	crowded, crowdAddr := start(t, Options{}, crowd(300))
	_ = crowded
	resolver := func(addr string) *net.Resolver {
		return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	ips, err := resolver(addr).LookupHost(ctx, "cart.shop.svc."+Zone)
	slices.Sort(ips)
	if want := []string{"127.11.240.1", "fd00::240:1"}; err != nil || !slices.Equal(ips, want) {
		t.Errorf("got %v, %v", ips, err)
	}
	_, srvs, err := resolver(addr).LookupSRV(ctx, "journal", "tcp", "ledger.shop.svc."+Zone)
	if err != nil || len(srvs) != 4 || srvs[0].Port != 7070 {
		t.Errorf("got %v, %v", srvs, err)
	}
	if txts, err := resolver(addr).LookupTXT(ctx, "dns-version."+Zone); err != nil || len(txts) != 1 || txts[0] != SchemaVersion {
		t.Errorf("got %v, %v", txts, err)
	}
	var dnsErr *net.DNSError
	if _, err := resolver(addr).LookupHost(ctx, "nobody.shop.svc."+Zone); err == nil {
		t.Error("a name that does not exist was found")
	} else if dnsErr, _ = err.(*net.DNSError); dnsErr == nil || !dnsErr.IsNotFound {
		t.Errorf("got %v", err)
	}
	if ips, err := resolver(crowdAddr).LookupHost(ctx, "cart.shop.svc."+Zone); err != nil || len(ips) != 300 {
		t.Errorf("a large answer: got %d addresses, %v", len(ips), err)
	}
}

// Several questions on one TCP connection are answered in order; what deserves no answer ends it.
func TestTCPConnection(t *testing.T) {
	_, addr := start(t, Options{}, shop())
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	var out []byte
	for id := range uint16(3) {
		p := packet(t, func(m *mdns.Msg) { m.Id = id })
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(p))), p...)
	}
	out = append(out, 0, 3, 'x', 'y', 'z')
	if _, err := c.Write(out); err != nil {
		t.Fatal(err)
	}
	conn := &mdns.Conn{Conn: c}
	for id := range uint16(3) {
		m, err := conn.ReadMsg()
		if err != nil || m.Id != id {
			t.Fatalf("got %v, %v", m, err)
		}
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want the end", err)
	}
}

func TestTCPIsBounded(t *testing.T) {
	_, addr := start(t, Options{MaxConns: 1, Idle: 200 * time.Millisecond}, shop())
	first, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	conn := &mdns.Conn{Conn: first}
	m := new(mdns.Msg)
	m.SetQuestion("cart.shop.svc."+Zone, mdns.TypeA)
	if err := conn.WriteMsg(m); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ReadMsg(); err != nil {
		t.Fatal(err)
	}
	second, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	for _, c := range []net.Conn{second, first} { // one too many, and idle
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the connection goes on")
		}
	}
}

func TestListenHooksAndErrors(t *testing.T) {
	var mu sync.Mutex
	var opened []string
	note := func(network string) { mu.Lock(); opened = append(opened, network); mu.Unlock() }
	_, addr := start(t, Options{
		Listen: func(ctx context.Context, network, addr string) (net.Listener, error) {
			note(network)
			return new(net.ListenConfig).Listen(ctx, network, addr)
		},
		ListenPacket: func(ctx context.Context, network, addr string) (net.PacketConn, error) {
			note(network)
			return new(net.ListenConfig).ListenPacket(ctx, network, addr)
		},
	}, shop())
	if !slices.Equal(opened, []string{"tcp", "udp"}) {
		t.Errorf("got %v", opened)
	}
	s := New(Options{})
	if _, err := s.Listen(context.Background(), addr); err == nil {
		t.Error("an address that is taken was opened twice")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Listen(context.Background(), "127.0.0.1:0"); err == nil {
		t.Error("a closed server listens")
	}
}

// Sources are swapped while questions come: each answer is of one of them.
func TestUseWhileAsked(t *testing.T) {
	s, addr := start(t, Options{}, shop())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 2000 {
			if i%2 == 0 {
				s.Use(known{})
			} else {
				s.Use(shop())
			}
		}
	}()
	for range 200 {
		m := exchange(t, "udp", addr, "cart.shop.svc."+Zone, mdns.TypeA)
		if m.Rcode != mdns.RcodeNameError && (m.Rcode != mdns.RcodeSuccess || len(m.Answer) != 1) {
			t.Fatalf("got %v", m)
		}
	}
	<-done
}
