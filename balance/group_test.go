package balance_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/balance"
	"fairlead.dev/fairlead/fleet"
)

var (
	west  = fleet.Cluster{Name: "west", Locality: fleet.Locality{Region: "us", Zone: "us-1"}}
	east  = fleet.Cluster{Name: "east", Locality: fleet.Locality{Region: "us", Zone: "us-2"}, Labels: map[string]string{"tier": "gold"}}
	north = fleet.Cluster{Name: "north", Locality: fleet.Locality{Region: "eu", Zone: "eu-1"}}
	cart  = fleet.Name{Namespace: "shop", Name: "cart"}
)

// print writes a group one line per place: tier cluster region/zone weight address=health …
func print(g *fleet.Group) string {
	var b strings.Builder
	for _, t := range g.Tiers {
		for _, p := range t.Places {
			fmt.Fprintf(&b, "%s %s %s %d:", t.Name, p.Cluster, p.Locality, p.Weight)
			for _, target := range p.Targets {
				fmt.Fprintf(&b, " %s=%s", target.Addr, target.Health)
			}
			b.WriteString("\n")
		}
	}
	if len(g.Unreachable) > 0 {
		fmt.Fprintf(&b, "unreachable: %v\n", g.Unreachable)
	}
	return b.String()
}

// slice reads endpoints like "10.0.0.1", "10.0.0.2 unready", "10.0.0.3 terminating", "10.0.0.4 zone=us-9".
func slice(cluster string, endpoints ...string) *fleet.Slice {
	s := &fleet.Slice{Cluster: cluster, Service: cart, Name: "cart-" + cluster, Ports: []fleet.Port{{Name: "http", Protocol: fleet.TCP, Port: 8080}}}
	for _, text := range endpoints {
		words := strings.Fields(text)
		e := fleet.Endpoint{Address: netip.MustParseAddr(words[0]), Ready: true, Serving: true}
		for _, w := range words[1:] {
			switch {
			case w == "unready":
				e.Ready, e.Serving = false, false
			case w == "terminating":
				e.Ready, e.Terminating = false, true
			case strings.HasPrefix(w, "zone="):
				e.Zone = strings.TrimPrefix(w, "zone=")
			}
		}
		s.Endpoints = append(s.Endpoints, e)
	}
	return s
}

func input(verdicts map[string]fleet.Verdict, ss ...*fleet.Slice) balance.Input {
	in := balance.Input{
		ID:       fleet.GroupID{Kind: fleet.Import, Service: cart, Port: 80},
		Vantage:  west,
		Clusters: map[string]balance.Member{},
		PortName: map[string]string{},
		Slices:   ss,
	}
	for _, c := range []fleet.Cluster{west, east, north} {
		in.Clusters[c.Name] = balance.Member{Cluster: c, Verdict: verdicts[c.Name]}
		in.PortName[c.Name] = "http"
	}
	return in
}

type verdicts = map[string]fleet.Verdict

func TestGroup(t *testing.T) {
	three := []*fleet.Slice{slice("north", "10.3.0.1"), slice("west", "10.1.0.2", "10.1.0.1"), slice("east", "10.2.0.1")}
	for name, row := range map[string]struct {
		in   balance.Input
		edit func(*balance.Input)
		want string
	}{
		"zone, region and rest by default": {in: input(nil, three...), want: `
zone west us/us-1 2: 10.1.0.1:8080=ready 10.1.0.2:8080=ready
region east us/us-2 1: 10.2.0.1:8080=ready
rest north eu/eu-1 1: 10.3.0.1:8080=ready
`},
		"tiers without endpoints are dropped": {in: input(nil, slice("north", "10.3.0.1")), want: `
rest north eu/eu-1 1: 10.3.0.1:8080=ready
`},
		"an endpoint's zone beats its cluster's": {in: input(nil, slice("west", "10.1.0.1", "10.1.0.2 zone=us-2", "10.1.0.3 zone=us-1"), slice("east", "10.2.0.1 zone=us-1")), want: `
zone east us/us-1 1: 10.2.0.1:8080=ready
zone west us/us-1 2: 10.1.0.1:8080=ready 10.1.0.3:8080=ready
region west us/us-2 1: 10.1.0.2:8080=ready
`},
		"a suspect cluster is used": {in: input(verdicts{"west": fleet.Suspect}, three...), want: `
zone west us/us-1 2: 10.1.0.1:8080=ready 10.1.0.2:8080=ready
region east us/us-2 1: 10.2.0.1:8080=ready
rest north eu/eu-1 1: 10.3.0.1:8080=ready
`},
		"a draining cluster comes after all others, a lost one last, one that is gone not at all": {
			in: input(verdicts{"west": fleet.DrainingCluster, "east": fleet.Lost}, three...), want: `
rest north eu/eu-1 1: 10.3.0.1:8080=ready
draining west us/us-1 2: 10.1.0.1:8080=draining 10.1.0.2:8080=draining
lost east us/us-2 1: 10.2.0.1:8080=lost
`},
		"gone is gone": {in: input(verdicts{"west": fleet.Gone}, three...), want: `
region east us/us-2 1: 10.2.0.1:8080=ready
rest north eu/eu-1 1: 10.3.0.1:8080=ready
`},
		"unready endpoints are listed and weigh nothing beside healthy ones": {
			in: input(nil, slice("west", "10.1.0.1", "10.1.0.2 unready", "10.1.0.3 terminating"), slice("east", "10.2.0.1 unready", "10.2.0.2 unready")), want: `
zone west us/us-1 1: 10.1.0.1:8080=ready 10.1.0.2:8080=unready 10.1.0.3:8080=draining
region east us/us-2 2: 10.2.0.1:8080=unready 10.2.0.2:8080=unready
`},
		"last resort: the draining cluster": {
			in: input(verdicts{"west": fleet.DrainingCluster, "east": fleet.Lost}, slice("west", "10.1.0.1", "10.1.0.2 unready"), slice("east", "10.2.0.1")), want: `
draining west us/us-1 1: 10.1.0.1:8080=ready 10.1.0.2:8080=unready
lost east us/us-2 1: 10.2.0.1:8080=lost
`},
		"last resort: the lost cluster": {
			in: input(verdicts{"west": fleet.DrainingCluster, "east": fleet.Lost}, slice("west", "10.1.0.1 unready"), slice("east", "10.2.0.1", "10.2.0.2 unready")), want: `
draining west us/us-1 1: 10.1.0.1:8080=unready
lost east us/us-2 1: 10.2.0.1:8080=ready 10.2.0.2:8080=lost
`},
		"last resort: what terminates but serves": {
			in: input(verdicts{"east": fleet.Lost}, slice("west", "10.1.0.1 unready", "10.1.0.2 terminating"), slice("east", "10.2.0.1 terminating")), want: `
zone west us/us-1 1: 10.1.0.1:8080=unready 10.1.0.2:8080=ready
lost east us/us-2 1: 10.2.0.1:8080=lost
`},
		"last resort: nothing to fall back to": {
			in: input(nil, slice("west", "10.1.0.1 unready")), want: `
zone west us/us-1 1: 10.1.0.1:8080=unready
`},
		"another network cannot be reached": {in: input(nil, three...),
			edit: func(in *balance.Input) {
				m := in.Clusters["east"]
				m.Network = "island"
				in.Clusters["east"] = m
			}, want: `
zone west us/us-1 2: 10.1.0.1:8080=ready 10.1.0.2:8080=ready
rest north eu/eu-1 1: 10.3.0.1:8080=ready
unreachable: [east]
`},
		"the empty network is the default one": {in: input(nil, slice("west", "10.1.0.1")),
			edit: func(in *balance.Input) { in.Vantage.Name, in.Vantage.Network = "south", "default" }, want: `
zone west us/us-1 1: 10.1.0.1:8080=ready
`},
		"tiers of the policy: first match wins, no match gets nothing": {in: input(nil, three...),
			edit: func(in *balance.Input) {
				in.Policy.Tiers = []balance.Selector{{Labels: map[string]string{"tier": "gold"}}, {Name: "home", SameRegion: true}}
			}, want: `
tier 1 east us/us-2 1: 10.2.0.1:8080=ready
home west us/us-1 2: 10.1.0.1:8080=ready 10.1.0.2:8080=ready
`},
		"no tier, no last resort": {in: input(verdicts{"north": fleet.Lost}, slice("north", "10.3.0.1")),
			edit: func(in *balance.Input) { in.Policy.Tiers = []balance.Selector{{Clusters: []string{"west", "east"}}} }, want: "\n"},
		"tiers by name": {in: input(nil, three...),
			edit: func(in *balance.Input) {
				in.Policy.Tiers = []balance.Selector{{Name: "a", Clusters: []string{"north", "west"}}, {Name: "b"}}
			}, want: `
a north eu/eu-1 1: 10.3.0.1:8080=ready
a west us/us-1 2: 10.1.0.1:8080=ready 10.1.0.2:8080=ready
b east us/us-2 1: 10.2.0.1:8080=ready
`},
		"weights multiply, and 0 is none": {in: input(nil, three...),
			edit: func(in *balance.Input) {
				in.Policy = balance.Policy{Tiers: []balance.Selector{{Name: "all"}}, Weights: map[string]uint32{"west": 5, "east": 0}}
			}, want: `
all north eu/eu-1 1: 10.3.0.1:8080=ready
all west us/us-1 10: 10.1.0.1:8080=ready 10.1.0.2:8080=ready
`},
		"a cluster that does not expose the port is left out": {in: input(nil, three...),
			edit: func(in *balance.Input) { delete(in.PortName, "west"); in.PortName["east"] = "other" }, want: `
rest north eu/eu-1 1: 10.3.0.1:8080=ready
`},
		"another protocol is another port": {in: input(nil, three...),
			edit: func(in *balance.Input) { in.Protocol = fleet.UDP }, want: "\n"},
		"an address in two slices counts once, in its best state": {
			in: input(nil, slice("west", "10.1.0.1 unready"), slice("west", "10.1.0.1"), slice("west", "10.1.0.1 terminating")), want: `
zone west us/us-1 1: 10.1.0.1:8080=ready
`},
		"a cluster without a locality is near itself": {in: input(nil, three...),
			edit: func(in *balance.Input) {
				in.Vantage.Locality = fleet.Locality{}
				for n, m := range in.Clusters {
					m.Locality = fleet.Locality{}
					in.Clusters[n] = m
				}
			}, want: `
zone west -/- 2: 10.1.0.1:8080=ready 10.1.0.2:8080=ready
rest east -/- 1: 10.2.0.1:8080=ready
rest north -/- 1: 10.3.0.1:8080=ready
`},
		"a cluster that nobody described serves": {in: input(nil, slice("south", "10.4.0.1")),
			edit: func(in *balance.Input) { in.PortName["south"] = "http" }, want: `
rest south -/- 1: 10.4.0.1:8080=ready
`},
		"nothing": {in: balance.Input{}, want: "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if row.edit != nil {
				row.edit(&row.in)
			}
			if diff := cmp.Diff(strings.TrimPrefix(row.want, "\n"), print(balance.Group(row.in))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGroupScalesHugeWeights(t *testing.T) {
	in := input(nil, slice("west", "10.1.0.1", "10.1.0.2"), slice("east", "10.2.0.1"), slice("north", "10.3.0.1"))
	in.Policy = balance.Policy{
		Tiers:   []balance.Selector{{Name: "all"}},
		Weights: map[string]uint32{"west": math.MaxUint32, "east": math.MaxUint32},
	}
	places := balance.Group(in).Tiers[0].Places
	sum := uint64(0)
	for _, p := range places {
		sum += uint64(p.Weight)
	}
	if sum > math.MaxUint32 {
		t.Errorf("the weights add up to %d, more than 32 bits hold", sum)
	}
	if e, w := uint64(places[0].Weight), uint64(places[2].Weight); places[1].Weight != 1 || w < 2*e-2 || w > 2*e+2 {
		t.Errorf("want east and west at 1 to 2 and north at the least, got %v", places)
	}
}

// anyInput draws clusters, verdicts, policies and slices, nonsense among them.
func anyInput(t *rapid.T) balance.Input {
	zones := rapid.SampledFrom([]string{"", "a", "b"})
	names := []string{"west", "east", "north", "south"}
	in := balance.Input{Clusters: map[string]balance.Member{}, PortName: map[string]string{}, ID: fleet.GroupID{Kind: fleet.Import, Service: cart, Port: 80}}
	for _, n := range names {
		c := fleet.Cluster{Name: n, Locality: fleet.Locality{Region: zones.Draw(t, "region"), Zone: zones.Draw(t, "zone")}}
		c.Network = rapid.SampledFrom([]string{"", "", "default", "island"}).Draw(t, "network")
		in.Clusters[n] = balance.Member{Cluster: c, Verdict: rapid.SampledFrom([]fleet.Verdict{
			fleet.Serving, fleet.Suspect, fleet.DrainingCluster, fleet.Lost, fleet.Gone}).Draw(t, "verdict")}
		in.PortName[n] = "http"
	}
	in.Vantage = in.Clusters["west"].Cluster
	if rapid.Bool().Draw(t, "with policy") {
		in.Policy.Weights = rapid.MapOfN(rapid.SampledFrom(names), rapid.Uint32(), 0, 4).Draw(t, "weights")
		in.Policy.Tiers = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) balance.Selector {
			return balance.Selector{SameZone: rapid.Bool().Draw(t, "zone"), Clusters: rapid.SliceOfN(rapid.SampledFrom(names), 0, 2).Draw(t, "clusters")}
		}), 0, 3).Draw(t, "tiers")
	}
	in.Slices = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *fleet.Slice {
		s := slice(rapid.SampledFrom(names).Draw(t, "cluster"))
		s.Endpoints = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fleet.Endpoint {
			last := rapid.ByteRange(0, 9).Draw(t, "address")
			return fleet.Endpoint{
				Address:  netip.AddrFrom4([4]byte{10, 0, 0, last}),
				Hostname: rapid.SampledFrom([]string{"", "x-0"}).Draw(t, "hostname"),
				// An address is in one zone, whichever slice it stands in.
				Zone:  []string{"", "a", "b"}[last%3],
				Ready: rapid.Bool().Draw(t, "ready"), Serving: rapid.Bool().Draw(t, "serving"), Terminating: rapid.Bool().Draw(t, "terminating"),
			}
		}), 0, 5).Draw(t, "endpoints")
		return s
	}), 0, 6).Draw(t, "slices")
	return in
}

func TestGroupIsIndependentOfSliceOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput(t)
		want := balance.Group(in)
		in.Slices = rapid.Permutation(in.Slices).Draw(t, "order")
		if diff := cmp.Diff(want, balance.Group(in), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Whatever goes in: places and weights are sound, nobody is listed twice in a cluster, and what could be used is used.
func TestGroupIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput(t)
		g := balance.Group(in)
		seen, healthy, usable := map[string]bool{}, 0, false
		for _, tier := range g.Tiers {
			if tier.Name == "" || len(tier.Places) == 0 {
				t.Fatalf("an empty tier: %+v", tier)
			}
			for _, p := range tier.Places {
				if p.Weight == 0 || len(p.Targets) == 0 {
					t.Fatalf("an empty place: %+v", p)
				}
				v := in.Clusters[p.Cluster].Verdict
				for _, target := range p.Targets {
					key := p.Cluster + target.Addr.String()
					if seen[key] || target.Weight == 0 || v == fleet.Gone {
						t.Fatalf("%s is listed twice, weighs nothing or is gone", key)
					}
					seen[key] = true
					if target.Health == fleet.Healthy {
						healthy++
						usable = usable || v == fleet.Serving || v == fleet.Suspect
					}
				}
			}
		}
		ready := 0
		for _, s := range in.Slices {
			for _, e := range s.Endpoints {
				if seen[s.Cluster+netip.AddrPortFrom(e.Address, 8080).String()] && e.Ready {
					ready++
				}
			}
		}
		if ready > 0 && healthy == 0 {
			t.Fatal("there are ready endpoints and none is used")
		}
		for _, tier := range g.Tiers {
			for _, p := range tier.Places {
				v := in.Clusters[p.Cluster].Verdict
				withdrawn := v == fleet.DrainingCluster || v == fleet.Lost
				if usable && withdrawn && slices.ContainsFunc(p.Targets, func(x fleet.Target) bool { return x.Health == fleet.Healthy }) {
					t.Fatalf("%s is %v and used although a serving cluster has endpoints", p.Cluster, v)
				}
			}
		}
	})
}

func BenchmarkGroup(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("endpoints=%d", n), func(b *testing.B) {
			in := input(nil)
			names := []string{"west", "east", "north"}
			r := rand.New(rand.NewPCG(1, 2))
			for i := 0; i < n; i += 10 {
				s := slice(names[i/10%3])
				for range 10 {
					s.Endpoints = append(s.Endpoints, fleet.Endpoint{Address: netip.AddrFrom4([4]byte{10, 0, byte(r.Uint32()), byte(r.Uint32())}), Ready: true, Serving: true})
				}
				in.Slices = append(in.Slices, s)
			}
			b.ReportAllocs()
			for b.Loop() {
				balance.Group(in)
			}
		})
	}
}
