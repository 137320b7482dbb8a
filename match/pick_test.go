package match_test

import (
	"fmt"
	"net/netip"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
)

// place is a locality: its tier, its weight (0: not said), and the status of each endpoint.
type place struct {
	tier, weight uint32
	targets      []corev3.HealthStatus
}

func targets(n int, s corev3.HealthStatus) []corev3.HealthStatus {
	out := make([]corev3.HealthStatus, n)
	for i := range out {
		out[i] = s
	}
	return out
}

const (
	healthy  = corev3.HealthStatus_HEALTHY
	draining = corev3.HealthStatus_DRAINING
	unready  = corev3.HealthStatus_UNHEALTHY
	lost     = corev3.HealthStatus_TIMEOUT
)

func set(t interface{ Fatal(...any) }, places ...place) *match.Endpoints {
	a := &endpointv3.ClusterLoadAssignment{ClusterName: "c"}
	n := 0
	for i, p := range places {
		l := &endpointv3.LocalityLbEndpoints{Priority: p.tier, Locality: &corev3.Locality{SubZone: fmt.Sprint("place", i)}}
		if p.weight > 0 {
			l.LoadBalancingWeight = wrapperspb.UInt32(p.weight)
		}
		for _, s := range p.targets {
			n++
			l.LbEndpoints = append(l.LbEndpoints, &endpointv3.LbEndpoint{HealthStatus: s, HostIdentifier: &endpointv3.LbEndpoint_Endpoint{
				Endpoint: &endpointv3.Endpoint{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
					Address: fmt.Sprintf("10.0.%d.%d", n/250, n%250), PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 80}}}}}}})
		}
		a.Endpoints = append(a.Endpoints, l)
	}
	e, err := match.CompileEndpoints(a)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// spread is how many of 1000 turns each place gets.
func spread(e *match.Endpoints, v *match.View) map[string]int {
	got := map[string]int{}
	for i := range uint64(1000) {
		c := v.Pick(match.PickInput{Draw: match.Turn(i)})
		if c.Target < 0 {
			got["none"]++
			continue
		}
		t := e.Targets[c.Target]
		got[e.Tiers[t.Tier].Places[t.Place].Cluster]++
	}
	return got
}

func TestPickSpreads(t *testing.T) {
	mixed := func(good, bad int) []corev3.HealthStatus {
		return append(targets(good, healthy), targets(bad, unready)...)
	}
	for name, c := range map[string]struct {
		places []place
		want   map[string]int
	}{
		"by weight":                 {[]place{{0, 3, targets(2, healthy)}, {0, 1, targets(5, healthy)}}, map[string]int{"place0": 750, "place1": 250}},
		"by number where none said": {[]place{{0, 0, targets(4, healthy)}, {0, 0, targets(1, healthy)}}, map[string]int{"place0": 800, "place1": 200}},
		"first tier alone":          {[]place{{0, 0, targets(2, healthy)}, {1, 0, targets(2, healthy)}}, map[string]int{"place0": 1000}},
		"gradual spill":             {[]place{{0, 0, mixed(1, 1)}, {1, 0, targets(2, healthy)}}, map[string]int{"place0": 700, "place1": 300}},
		"three of four are enough":  {[]place{{0, 0, mixed(3, 1)}, {1, 0, targets(2, healthy)}}, map[string]int{"place0": 1000}},
		"a place loses its share":   {[]place{{0, 1, mixed(1, 3)}, {0, 1, targets(4, healthy)}}, map[string]int{"place0": 260, "place1": 740}},
		"draining does not count":   {[]place{{0, 0, append(targets(1, healthy), targets(9, draining)...)}, {1, 0, targets(2, healthy)}}, map[string]int{"place0": 1000}},
		"lost is passed over":       {[]place{{0, 0, targets(2, lost)}, {1, 0, targets(2, healthy)}}, map[string]int{"place1": 1000}},
		"nobody is ready":           {[]place{{0, 0, targets(2, unready)}, {1, 0, targets(2, lost)}}, map[string]int{"none": 1000}},
		"empty":                     {nil, map[string]int{"none": 1000}},
		"a gap in the tiers":        {[]place{{3, 0, targets(1, healthy)}}, map[string]int{"place0": 1000}},
	} {
		e := set(t, c.places...)
		got := spread(e, e.View(&match.Cluster{}, nil))
		for k := range got {
			if d := got[k] - c.want[k]; d < -15 || d > 15 {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	}
}

func TestPanic(t *testing.T) {
	e := set(t, place{0, 0, targets(4, healthy)})
	v := e.View(&match.Cluster{}, func(i int) bool { return i == 0 })
	seen := map[int]bool{}
	for i := range uint64(100) {
		c := v.Pick(match.PickInput{Draw: match.Turn(i)})
		seen[c.Target] = true
		if !c.Panic {
			t.Fatal("a quarter is healthy, and there is no panic")
		}
	}
	if len(seen) != 4 {
		t.Errorf("in panic all are asked, not %v", seen)
	}
	v = e.View(&match.Cluster{}, func(int) bool { return false })
	if c := v.Pick(match.PickInput{}); c.Target < 0 || !c.Panic {
		t.Errorf("%+v", c)
	}
	// The withdrawn are left alone even in panic.
	e = set(t, place{0, 0, append(targets(1, healthy), targets(3, unready)...)})
	v = e.View(&match.Cluster{}, nil)
	for i := range uint64(50) {
		if c := v.Pick(match.PickInput{Draw: match.Turn(i)}); c.Target != 0 {
			t.Fatalf("%+v", c)
		}
	}
}

// TestPickAlways: a pick is in range, can be used, was not tried while another is left, and is there if anybody is.
func TestPickAlways(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var places []place
		for range rapid.IntRange(0, 4).Draw(t, "places") {
			places = append(places, place{rapid.Uint32Range(0, 2).Draw(t, "tier"), rapid.Uint32Range(0, 3).Draw(t, "weight"),
				rapid.SliceOfN(rapid.SampledFrom([]corev3.HealthStatus{healthy, healthy, draining, unready, lost}), 0, 4).Draw(t, "targets")})
		}
		e := set(t, places...)
		down := map[int]bool{}
		for i := range e.Targets {
			down[i] = rapid.IntRange(0, 3).Draw(t, "down") == 0
		}
		spec := &match.Cluster{Balancing: rapid.SampledFrom([]match.Balancing{match.RoundRobin, match.LeastRequest, match.RingHash, match.Random}).Draw(t, "how")}
		v := e.View(spec, func(i int) bool { return !down[i] })
		in := match.PickInput{Draw: match.Turn(rapid.Uint64().Draw(t, "draw")), Hash: rapid.Uint64().Draw(t, "hash"),
			HasHash: rapid.Bool().Draw(t, "has hash"), Busy: func(i int) int { return i }}
		usable, eligible := 0, 0
		for i, target := range e.Targets {
			if target.Health == fleet.Healthy {
				eligible++
				if !down[i] {
					usable++
				}
			}
		}
		seen := map[int]bool{}
		for {
			c := v.Pick(in)
			if c.Target < 0 {
				if eligible > 0 {
					t.Fatalf("nobody was picked of %d", eligible)
				}
				return
			}
			target := e.Targets[c.Target]
			if target.Health != fleet.Healthy || down[c.Target] && !c.Panic || c.Tier != target.Tier || c.Place != target.Place {
				t.Fatalf("%+v picked: %+v", c, target)
			}
			if c.Again {
				if len(seen) < usable {
					t.Fatalf("%d of %d usable were tried, and one again", len(seen), usable)
				}
				return
			}
			if seen[c.Target] {
				t.Fatal("the same twice")
			}
			seen[c.Target] = true
			in.Tried = append(in.Tried, target.Addr)
		}
	})
}

func TestRoundRobinIsEven(t *testing.T) {
	e := set(t, place{0, 0, targets(7, healthy)})
	v := e.View(&match.Cluster{}, nil)
	got := map[int]int{}
	for i := range uint64(70) {
		got[v.Pick(match.PickInput{Draw: match.Turn(i)}).Target]++
	}
	for i, n := range got {
		if n < 8 || n > 12 {
			t.Errorf("target %d was picked %d times of 70: %v", i, n, got)
		}
	}
}

func TestHashStays(t *testing.T) {
	e := set(t, place{0, 0, targets(10, healthy)})
	spec := &match.Cluster{Balancing: match.RingHash}
	v := e.View(spec, nil)
	without := e.View(spec, func(i int) bool { return i != 3 })
	counts := map[int]int{}
	for i := range uint64(1000) {
		in := match.PickInput{Hash: match.HashAddr(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})), HasHash: true}
		a, b := v.Pick(in).Target, without.Pick(in).Target
		counts[a]++
		if a != 3 && a != b {
			t.Fatalf("client %d moved from %d to %d though only 3 went away", i, a, b)
		}
	}
	for n, c := range counts {
		if c < 60 || c > 150 {
			t.Errorf("target %d has %d of 1000 clients", n, c)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	for _, n := range []int{10, 1000} {
		for _, how := range []match.Balancing{match.RoundRobin, match.RingHash} {
			e := set(b, place{0, 0, targets(n/2, healthy)}, place{1, 0, targets(n/2, healthy)})
			v := e.View(&match.Cluster{Balancing: how}, nil)
			b.Run(fmt.Sprintf("%s/%d", how, n), func(b *testing.B) {
				b.ReportAllocs()
				for i := uint64(0); b.Loop(); i++ {
					if v.Pick(match.PickInput{Draw: match.Turn(i), Hash: i, HasHash: how == match.RingHash}).Target < 0 {
						b.Fatal("none")
					}
				}
			})
		}
	}
}

func BenchmarkView(b *testing.B) {
	for _, n := range []int{10, 1000} {
		e := set(b, place{0, 0, targets(n, healthy)})
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.View(&match.Cluster{}, nil)
			}
		})
	}
}
