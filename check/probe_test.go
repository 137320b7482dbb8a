package check

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"fairlead.dev/fairlead/agent"
	"fairlead.dev/fairlead/dns"
	"fairlead.dev/fairlead/fleet"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// handler answers as a beacon would, and to what is posted as the test wants.
func handler(post http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+agent.BeaconPath, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"from":"192.0.2.7:4711"}`) })
	mux.HandleFunc("POST "+agent.BeaconPath, post)
	return mux
}

func TestProbe(t *testing.T) {
	l := listen(t)
	beacon := agent.ServeBeacon(l, func() agent.Said { return agent.Said{Cluster: "east"} })
	defer beacon.Close()
	lossy := httptest.NewServer(handler(func(w http.ResponseWriter, r *http.Request) {
		c, _, _ := http.NewResponseController(w).Hijack()
		c.Close()
	}))
	defer lossy.Close()
	garbling := httptest.NewServer(handler(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer garbling.Close()
	translating := httptest.NewServer(handler(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	}))
	defer translating.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer other.Close()
	nobody := listen(t)
	nobody.Close()
	hub := httptest.NewTLSServer(http.NotFoundHandler())
	defer hub.Close()

	addr := func(s *httptest.Server) string { return s.Listener.Addr().String() }
	r := Probe(context.Background(), hub.URL, []Target{
		{"east", l.Addr().String()}, {"lossy", addr(lossy)}, {"garbling", addr(garbling)}, {"translating", addr(translating)},
		{"other", addr(other)}, {"nobody", nobody.Addr().String()}, {"nowhere", "not an address"},
	})
	if r.Hub == nil || r.Hub.Error != "" || r.Hub.Address != hub.URL {
		t.Errorf("hub: got %+v", r.Hub)
	}
	if r.Resolver == nil || r.Resolver.OK() {
		t.Errorf("resolver: got %+v", r.Resolver)
	}
	want := []func(Path) bool{
		func(p Path) bool {
			return p.Error == "" && p.Large == "" && p.Local == "127.0.0.1" && p.Seen == "127.0.0.1" && !p.translated()
		},
		func(p Path) bool { return p.Error == "" && p.Large != "" },
		func(p Path) bool { return p.Large == "what came back is not what was sent" },
		func(p Path) bool { return p.Error == "" && p.Large == "" && p.translated() && p.Seen == "192.0.2.7" },
		func(p Path) bool { return p.Error == "what answers there is no beacon" },
		func(p Path) bool { return strings.Contains(p.Error, "refused") },
		func(p Path) bool { return p.Error != "" },
	}
	for i, ok := range want {
		if !ok(r.Paths[i]) {
			t.Errorf("%s: got %+v", r.Paths[i].To, r.Paths[i])
		}
	}
}

func TestProbeWithoutAHub(t *testing.T) {
	if r := Probe(context.Background(), "", nil); r.Hub != nil || len(r.Paths) > 0 {
		t.Errorf("got %+v", r)
	}
	l := listen(t)
	l.Close()
	if r := Probe(context.Background(), "https://"+l.Addr().String(), nil); r.Hub == nil || !strings.Contains(r.Hub.Error, "refused") {
		t.Errorf("got %+v", r.Hub)
	}
}

func TestServe(t *testing.T) {
	l := listen(t)
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l.Addr().String(), "west") }()
	for {
		p := try(context.Background(), Target{"west", l.Addr().String()})
		if p.Error == "" {
			break
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	taken := listen(t)
	defer taken.Close()
	if Serve(context.Background(), taken.Addr().String(), "west") == nil {
		t.Error("an address that is taken was served")
	}
}

// A resolver that knows the zone says its version; one that does not says why.
func TestResolve(t *testing.T) {
	s := dns.New(dns.Options{})
	addr, err := s.Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	if got := Resolve(context.Background(), resolver); got.OK() || got.Error == "" {
		t.Errorf("before it knows anything: got %+v", got)
	}
	s.Use(dns.NewTable(&dns.Service{Name: fleet.Name{Namespace: "shop", Name: "cart"}, IPs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}))
	if got := Resolve(context.Background(), resolver); !got.OK() {
		t.Errorf("got %+v", got)
	}
}
