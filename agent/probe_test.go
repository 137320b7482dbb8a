package agent

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev/fairlead/dev/wire"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/picture"
)

// beacons serves two beacons of a cluster on a wire of its own and returns their addresses.
func beacons(t *testing.T, w *wire.Wire, said func() Said) []string {
	t.Helper()
	var addresses []string
	for range 2 {
		// A port of its own, so that the wire knows the address by which it is dialled.
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := free.Addr().String()
		_ = free.Close()
		l, err := w.Listen(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		b := ServeBeacon(l, said)
		t.Cleanup(b.Close)
		addresses = append(addresses, address)
	}
	return addresses
}

func TestAVerdictFollowsTheBeacons(t *testing.T) {
	var net wire.Net
	westWire, northWire, eastWire := net.Join("west"), net.Join("north"), net.Join("east")
	var draining atomic.Bool
	west := beacons(t, westWire, func() Said { return Said{Cluster: "west", Draining: draining.Load()} })
	north := beacons(t, northWire, func() Said { return Said{Cluster: "north"} })
	t.Cleanup(westWire.Find)

	w := newWorld(t)
	w.join("west", nil, west...)
	w.join("north", nil, north...)
	w.dial = eastWire.Dial
	east := w.join("east", nil)
	east.Apply(facts(""))
	verdict := func() fleet.Verdict {
		if pic := east.Picture(); pic != nil && pic.Member("west") != nil {
			return pic.Member("west").Verdict
		}
		return fleet.Gone
	}
	eventually(t, "west serves", func() bool { return verdict() == fleet.Serving })
	westWire.Lose()
	eventually(t, "west is lost", func() bool { return verdict() == fleet.Lost })
	westWire.Find()
	eventually(t, "west serves again", func() bool { return verdict() == fleet.Serving })
	draining.Store(true)
	eventually(t, "west says that it drains", func() bool { return verdict() == fleet.DrainingCluster })
}

func TestWhereBeaconsFailAndEndpointsAnswerAClusterIsNotLost(t *testing.T) {
	endpoint, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = endpoint.Close() })
	var network wire.Net
	var wrong atomic.Bool // the beacons answer for somebody else, which is as bad as not at all
	west := beacons(t, network.Join("west"), func() Said {
		if wrong.Load() {
			return Said{Cluster: "impostor"}
		}
		return Said{Cluster: "west"}
	})
	north := beacons(t, network.Join("north"), func() Said { return Said{Cluster: "north"} })

	w := newWorld(t)
	w.join("west", nil, west...).Apply(facts(endpoint.Addr().String(), "cart"))
	w.join("north", nil, north...)
	east := w.join("east", nil)
	east.Apply(facts(""))
	eventually(t, "the endpoint of west's cart may be sampled", func() bool {
		if east.Picture() == nil {
			return false
		}
		got := Samples(east.Picture(), "west")
		return len(got) == 1 && got[0].String() == endpoint.Addr().String()
	})
	eventually(t, "west is probed, and nothing is sampled", func() bool { return len(east.observer.probesOf("west")) == 4 })

	wrong.Store(true)
	verdict := func() fleet.Verdict { return east.Picture().Member("west").Verdict }
	eventually(t, "the endpoint is sampled by both probers", func() bool { return len(east.observer.probesOf("west")) == 6 })
	time.Sleep(200 * time.Millisecond)
	if got := verdict(); got == fleet.Lost {
		t.Error("west is held for lost although its endpoint answers")
	}
	_ = endpoint.Close()
	eventually(t, "with the endpoint gone too, west is lost", func() bool { return verdict() == fleet.Lost })
}

func TestMissesBeyondTheLimitAreNoNews(t *testing.T) {
	var told int
	o := newObserver(3, func([]picture.Change) { told++ })
	generation := o.begin("west")
	for misses := range 10 {
		o.probed("west", "a", generation, []health.Probe{{Prober: "a", Path: "beacon 1", Misses: misses}})
	}
	if told != 4 {
		t.Errorf("told %d times, want 4: for 0, 1, 2 and 3 misses", told)
	}
	o.probed("west", "a", generation-1, []health.Probe{{Prober: "a", Path: "beacon 1"}})
	if told != 4 {
		t.Error("a prober that was replaced was heard")
	}
}

func TestTheInboxKeepsTheLastWord(t *testing.T) {
	b := newInbox()
	key := picture.Key{Kind: "Member", Path: "west"}
	b.put([]picture.Change{{Key: key, Fact: 1}, {Key: picture.Key{Kind: "Member", Path: "east"}, Fact: 2}})
	b.put([]picture.Change{{Key: key, Fact: nil}})
	got, _ := b.take()
	if len(got) != 2 || got[0].Key != key || got[0].Fact != nil || got[1].Fact != 2 {
		t.Errorf("took %v", got)
	}
	if rest, _ := b.take(); len(rest) != 0 {
		t.Errorf("took %v again", rest)
	}
}

func TestABeaconOfAnotherClusterIsAMiss(t *testing.T) {
	var network wire.Net
	w := network.Join("east")
	p := &prober{
		name: "a", cluster: "west", policy: ProbePolicy{}.orDefault(), dial: w.Dial,
	}
	at := beacons(t, w, func() Said { return Said{Cluster: "impostor"} })
	results := onceRound(t, p, at)
	for _, r := range results {
		if r.Misses != 1 {
			t.Errorf("%s has %d misses, want 1", r.Path, r.Misses)
		}
	}
}

func TestAnIdleFleetStepsNothing(t *testing.T) {
	var network wire.Net
	west := beacons(t, network.Join("west"), func() Said { return Said{Cluster: "west"} })
	w := newWorld(t)
	w.join("west", nil, west...).Apply(facts("127.9.0.1", "cart"))
	east := w.join("east", nil)
	east.Apply(facts(""))
	eventually(t, "east imports west's cart", func() bool { return exporters(east) == "west" })
	eventually(t, "west is probed", func() bool { return len(east.observer.probesOf("west")) == 4 })
	// A loaded machine makes probes miss now and then. One that steps for each round of them never pauses for so long.
	eventually(t, "nothing is stepped for seven rounds of probes", func() bool {
		before := east.Picture()
		time.Sleep(300 * time.Millisecond)
		return east.Picture() == before
	})
}

// onceRound lets a prober probe these beacons once.
func onceRound(t *testing.T, p *prober, at []string) []health.Probe {
	t.Helper()
	for _, a := range at {
		p.beacons = append(p.beacons, netip.MustParseAddrPort(a))
	}
	p.samples = func() []netip.AddrPort { return nil }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	results := make(chan []health.Probe, 1)
	go p.run(ctx, func(r []health.Probe) {
		select {
		case results <- r:
		default:
		}
	})
	return <-results
}

// probesOf counts what is known of a cluster.
func (o *observer) probesOf(cluster string) (all []health.Probe) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.clusters[cluster]; c != nil {
		for _, probes := range c.probes {
			all = append(all, probes...)
		}
	}
	return all
}
