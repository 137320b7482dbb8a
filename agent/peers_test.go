package agent

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"fairlead.dev/fairlead/dev/wire"
	"fairlead.dev/fairlead/fleet"
)

// peer serves the probes of an agent and returns its address. Cutting it ends what is open and refuses what comes.
func peer(t *testing.T, a *Agent) (address string, cut func()) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(ProbesPath, a.Probes())
	s := httptest.NewServer(mux)
	cut = sync.OnceFunc(func() {
		s.CloseClientConnections()
		s.Close()
	})
	t.Cleanup(cut)
	return strings.TrimPrefix(s.URL, "http://"), cut
}

func hearing(t *testing.T, a *Agent, addresses ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { a.Peers(ctx, func() []string { return addresses }) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
}

func TestAPeerThatReachesAClusterKeepsItFromBeingLost(t *testing.T) {
	var net wire.Net
	west, north := net.Join("west"), net.Join("north")
	near, far := net.Join("near"), net.Join("far") // the nodes of east's two replicas
	says := func(name string) func() Said { return func() Said { return Said{Cluster: name} } }
	westBeacons, northBeacons := beacons(t, west, says("west")), beacons(t, north, says("north"))

	w := newWorld(t)
	w.join("west", nil, westBeacons...)
	w.join("north", nil, northBeacons...)
	w.dial = near.Dial
	a := w.join("east", nil)
	w.dial = far.Dial
	b := w.join("east", nil)
	a.Apply(facts(""))
	b.Apply(facts(""))

	address, cut := peer(t, b)
	own, _ := peer(t, a)
	hearing(t, a, address, own)
	seen := func(n int) func() bool {
		return func() bool {
			heard := 0
			a.observer.mu.Lock()
			defer a.observer.mu.Unlock()
			for _, of := range a.observer.heard {
				heard += len(of)
			}
			return heard == n
		}
	}
	verdict := func() fleet.Verdict {
		if pic := a.Picture(); pic != nil && pic.Member("west") != nil {
			return pic.Member("west").Verdict
		}
		return fleet.Gone
	}
	eventually(t, "both probers of the peer are heard about both clusters, and its own not", seen(4))
	eventually(t, "west serves", func() bool { return verdict() == fleet.Serving })
	near.Lose()
	eventually(t, "near suspects it", func() bool { return verdict() == fleet.Suspect })
	near.Find()
	eventually(t, "west serves again", func() bool { return verdict() == fleet.Serving })

	cut()
	eventually(t, "what a peer said that is gone is dropped", seen(0))
	west.Lose()
	eventually(t, "now west is lost", func() bool { return verdict() == fleet.Lost })
	west.Find()
}

func TestASilentPeerIsNotBelieved(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = w.Write([]byte(`{"cluster":"west","prober":"a","probes":[{"path":"beacon"}]}` + "\n"))
		_ = http.NewResponseController(w).Flush()
		<-req.Context().Done()
	}))
	t.Cleanup(silent.Close)
	a := New(Options{Standby: true})
	a.observer.begin("west")
	address := strings.TrimPrefix(silent.URL, "http://")
	if err := a.hear(t.Context(), "peer", address); err == nil {
		t.Error("a silent peer is heard without an error")
	}
	if len(a.observer.heard["peer"]) != 1 {
		t.Error("what it said at first was not heard")
	}
	a.observer.deaf("peer")
	if len(a.observer.heard) > 0 {
		t.Error("what it said is not dropped")
	}
}

func TestWhatAPeerSaysMayBeAnything(t *testing.T) {
	for lines, wantErr := range map[string]bool{
		"":                                 false,
		"{}\n{}\n":                         false,
		`{"cluster":"west"}`:               false,
		`{"cluster":"w","prober":"evil"}`:  false,
		`{"prober":"a"}`:                   false,
		"nonsense":                         true,
		`[]`:                               true,
		strings.Repeat("x", longestLine+1): true,
	} {
		a := New(Options{Standby: true})
		if err := a.heed("peer", strings.NewReader(lines), func() {}); (err != nil) != wantErr {
			t.Errorf("%.40q: %v", lines, err)
		}
		if len(a.observer.heard["peer"]) > 0 {
			t.Errorf("%.40q was heard", lines)
		}
	}
}

func FuzzAPeersLines(f *testing.F) {
	f.Add(`{"cluster":"west","prober":"a","probes":[{"path":"beacon","misses":3}]}`)
	f.Add(`{"agent":"x"}` + "\n{}")
	f.Fuzz(func(t *testing.T, lines string) {
		a := New(Options{Standby: true})
		a.observer.begin("west")
		_ = a.heed("peer", strings.NewReader(lines), func() {})
	})
}
