package balance_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/balance"
	"fairlead.dev/fairlead/fleet"
)

func printSlices(ss []*fleet.Slice) string {
	var b strings.Builder
	for _, s := range ss {
		b.WriteString(s.Cluster + ":")
		for _, e := range s.Endpoints {
			fmt.Fprintf(&b, " %s ready=%v", e.Address, e.Ready)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestWithdraw(t *testing.T) {
	for name, row := range map[string]struct {
		verdicts verdicts
		slices   []*fleet.Slice
		want     string
	}{
		"all serve": {nil, []*fleet.Slice{slice("west", "10.1.0.1"), slice("east", "10.2.0.1 unready")}, `
west: 10.1.0.1 ready=true
east: 10.2.0.1 ready=false
`},
		"draining and lost are withdrawn, gone is dropped": {
			verdicts{"west": fleet.DrainingCluster, "east": fleet.Lost, "south": fleet.Gone},
			[]*fleet.Slice{slice("west", "10.1.0.1"), slice("south", "10.4.0.1"), slice("east", "10.2.0.1"), slice("north", "10.3.0.1")}, `
west: 10.1.0.1 ready=false
east: 10.2.0.1 ready=false
north: 10.3.0.1 ready=true
`},
		"last resort: draining": {verdicts{"west": fleet.DrainingCluster, "east": fleet.Lost},
			[]*fleet.Slice{slice("west", "10.1.0.1"), slice("east", "10.2.0.1"), slice("north", "10.3.0.1 unready")}, `
west: 10.1.0.1 ready=true
east: 10.2.0.1 ready=false
north: 10.3.0.1 ready=false
`},
		"last resort: lost": {verdicts{"west": fleet.DrainingCluster, "east": fleet.Lost},
			[]*fleet.Slice{slice("west", "10.1.0.1 unready"), slice("east", "10.2.0.1")}, `
west: 10.1.0.1 ready=false
east: 10.2.0.1 ready=true
`},
		"suspect serves": {verdicts{"west": fleet.Suspect, "east": fleet.DrainingCluster},
			[]*fleet.Slice{slice("west", "10.1.0.1"), slice("east", "10.2.0.1")}, `
west: 10.1.0.1 ready=true
east: 10.2.0.1 ready=false
`},
		"terminating endpoints are left to kube-proxy": {nil, []*fleet.Slice{slice("west", "10.1.0.1 terminating")}, `
west: 10.1.0.1 ready=false
`},
	} {
		t.Run(name, func(t *testing.T) {
			members := map[string]balance.Member{}
			for c, v := range row.verdicts {
				members[c] = balance.Member{Verdict: v}
			}
			before := printSlices(row.slices)
			got := balance.Withdraw(row.slices, members)
			if diff := cmp.Diff(strings.TrimPrefix(row.want, "\n"), printSlices(got)); diff != "" {
				t.Error(diff)
			}
			if printSlices(row.slices) != before {
				t.Error("the input was changed")
			}
		})
	}
}

// Names and routes obey one verdict: in a service of one port, what Withdraw leaves ready is what Group holds for healthy,
// but for terminating endpoints and other networks.
func TestWithdrawAgreesWithGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput(t)
		in.Policy = balance.Policy{}
		for n, m := range in.Clusters {
			m.Network = ""
			in.Clusters[n] = m
		}
		in.Vantage = in.Clusters["west"].Cluster
		ready := map[string]bool{}
		for _, s := range balance.Withdraw(in.Slices, in.Clusters) {
			for _, e := range s.Endpoints {
				if e.Ready {
					ready[s.Cluster+" "+netip.AddrPortFrom(e.Address, 8080).String()] = true
				}
			}
		}
		healthy := map[string]bool{}
		for _, tier := range balance.Group(in).Tiers {
			for _, p := range tier.Places {
				for _, x := range p.Targets {
					if x.Health == fleet.Healthy {
						healthy[p.Cluster+" "+x.Addr.String()] = true
					}
				}
			}
		}
		if len(ready) > 0 && !cmp.Equal(ready, healthy) {
			t.Fatal(cmp.Diff(ready, healthy))
		}
	})
}
