package plan_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"pgregory.net/rapid"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/plan"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// member returns a cluster with the namespace shop and some exported services, two endpoints each.
func member(name string, n byte, services ...string) plan.Cluster {
	c := plan.Cluster{Vantage: picture.Vantage{
		Cluster:       fleet.Cluster{Name: name, Locality: fleet.Locality{Region: "us", Zone: "us-" + name}},
		ServiceRanges: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, n, 240, 0}), 20)},
		Health:        health.DefaultPolicy(),
	}}
	c.Facts = append(c.Facts, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	for i, s := range services {
		c.Facts = append(c.Facts, exported(s, n, byte(i))...)
	}
	return c
}

func exported(name string, n, i byte) []picture.Fact {
	meta := metav1.ObjectMeta{Namespace: "shop", Name: name}
	port, portName, tcp := int32(8080), "http", corev1.ProtocolTCP
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: name + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: name}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &portName, Port: &port, Protocol: &tcp}},
	}
	for e := range 2 {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.%d.%d.%d", n, i, e+1)}})
	}
	return []picture.Fact{
		&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
			IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol},
			Ports:      []corev1.ServicePort{{Name: "http", Port: 80, Protocol: tcp}},
		}},
		&mcsv1beta1.ServiceExport{ObjectMeta: meta},
		slice,
	}
}

func three() []plan.Cluster {
	return []plan.Cluster{member("west", 1, "cart", "search"), member("east", 2, "cart"), member("north", 3)}
}

func texts(f *plan.Fleet) string {
	var b strings.Builder
	pictures := f.Pictures()
	for _, name := range slices.Sorted(maps.Keys(pictures)) {
		fmt.Fprintf(&b, "# %s\n%s", name, pictures[name])
	}
	return b.String()
}

func TestExportsReachEveryCluster(t *testing.T) {
	f := plan.New(three(), now)
	for _, c := range f.Clusters() {
		svc := f.Picture(c).Service(fleet.Name{Namespace: "shop", Name: "cart"})
		if svc == nil {
			t.Fatalf("%s does not see shop/cart:\n%s", c, f.Picture(c))
		}
		var exporters []string
		for _, e := range svc.Exporters {
			exporters = append(exporters, e.Cluster)
		}
		if got := strings.Join(exporters, " "); got != "east west" {
			t.Errorf("%s sees shop/cart from %q, want east west", c, got)
		}
	}
}

func TestEvents(t *testing.T) {
	for _, tc := range []struct {
		events []string
		want   map[string]string // what a cluster's picture must say of west, by the seeing cluster
	}{
		{[]string{"drain west"}, map[string]string{"east": "draining", "north": "draining", "west": "draining"}},
		{[]string{"drain west", "restore west"}, map[string]string{"east": "serving", "north": "serving", "west": "serving"}},
		{[]string{"lose west"}, map[string]string{"east": "lost", "north": "lost", "west": "serving"}},
		{[]string{"lose west", "find west"}, map[string]string{"east": "serving", "north": "serving"}},
		{[]string{"hub down"}, map[string]string{"east": "serving", "north": "serving"}},
		{[]string{"hub down", "drain west"}, map[string]string{"east": "draining", "north": "draining"}},
		{[]string{"hub down", "drain west", "hub up", "restore west"}, map[string]string{"east": "serving", "north": "serving"}},
		{[]string{"lose east", "lose north"}, map[string]string{"east": "suspect"}},
	} {
		t.Run(strings.Join(tc.events, ", "), func(t *testing.T) {
			f := plan.New(three(), now)
			for _, line := range tc.events {
				e, err := plan.ParseEvent(line)
				if err != nil {
					t.Fatal(err)
				}
				f.Do(e)
				f.Run(10 * time.Second)
			}
			for from, want := range tc.want {
				if got := f.Picture(from).Member("west").Verdict.String(); got != want {
					t.Errorf("%s holds west for %s, want %s\n%s", from, got, want, f.Picture(from))
				}
			}
		})
	}
}

func TestCompareCountsWhatIsLeft(t *testing.T) {
	f := plan.New(three(), now)
	before := f.Pictures()
	f.Do(plan.Event{Verb: plan.Lose, Cluster: "west"})
	outcomes := plan.Compare(before, f.Pictures())
	var north plan.Outcome
	for _, o := range outcomes {
		if o.Cluster == "north" {
			north = o
		}
	}
	var left []string
	for _, l := range north.Services {
		left = append(left, l.String())
	}
	want := []string{"shop/cart:80 keeps 2 of 4 endpoints", "shop/search:80 has no endpoint left of 2; as a last resort 2 in draining or lost clusters are tried"}
	if !slices.Equal(left, want) {
		t.Errorf("seen from north, %q is left, want %q", left, want)
	}
	if got := plan.Summary(outcomes); !strings.Contains(got, "at the last resort: ") || !strings.Contains(got, "shop/search:80 in north") {
		t.Errorf("the summary does not tell that shop/search is at its last resort in north: %s", got)
	}
}

func TestReplaceWithdrawsAnExport(t *testing.T) {
	f := plan.New(three(), now)
	f.Replace("west", member("west", 1, "cart").Facts)
	if f.Picture("north").Service(fleet.Name{Namespace: "shop", Name: "search"}) != nil {
		t.Errorf("north still sees shop/search:\n%s", f.Picture("north"))
	}
}

func TestUnknownClustersChangeNothing(t *testing.T) {
	f := plan.New(three(), now)
	before := texts(f)
	f.Do(plan.Event{Verb: plan.Lose, Cluster: "south"})
	f.Replace("south", nil)
	if after := texts(f); after != before || f.Has("south") || f.Picture("south") != nil {
		t.Errorf("something changed:\n%s", after)
	}
}

func TestWrongEventsAreExplained(t *testing.T) {
	for line, want := range map[string]string{
		"":                              "nothing happens",
		"explode east":                  `no event begins with "explode"`,
		"lose":                          "write 'lose CLUSTER'",
		"lose east now":                 "write 'lose CLUSTER'",
		"hub":                           "write 'hub down' or 'hub up'",
		"delete Service shop/cart":      "write 'delete KIND NAMESPACE/NAME in CLUSTER'",
		"apply cart.yaml in west":       "write 'apply FILE to CLUSTER'",
		"delete Service shop/cart at x": "write 'delete",
	} {
		if _, err := plan.ParseEvent(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error that says %q", line, err, want)
		}
	}
}

func TestEventsReadWhatTheyWrite(t *testing.T) {
	for line := range strings.Lines(plan.Grammar) {
		line = strings.TrimSpace(line)
		e, err := plan.ParseEvent(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		} else if e.String() != line {
			t.Errorf("%s reads as %s", line, e)
		}
	}
}

// What a fleet shows depends on neither the order in which its clusters are given nor on running it twice; and what is lost and
// found, drained and restored, or without a hub for a while, is afterwards as it was.
func TestOrderDoesNotMatterAndWhatHealsIsAsBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clusters := three()
		f := plan.New(clusters, now)
		before := texts(f)
		if again := texts(plan.New(rapid.Permutation(clusters).Draw(t, "order"), now)); again != before {
			t.Fatalf("another order, another picture:\n%s\n%s", before, again)
		}
		pairs := [][2]plan.Verb{{plan.Lose, plan.Find}, {plan.Drain, plan.Restore}, {plan.HubDown, plan.HubUp}}
		for range rapid.IntRange(1, 4).Draw(t, "events") {
			pair := rapid.SampledFrom(pairs).Draw(t, "pair")
			cluster := rapid.SampledFrom(f.Clusters()).Draw(t, "cluster")
			for _, verb := range pair {
				f.Do(plan.Event{Verb: verb, Cluster: cluster})
				f.Run(10 * time.Second)
			}
		}
		if after := texts(f); after != before {
			t.Fatalf("not as before:\n%s\n%s", before, after)
		}
	})
}

// A fleet of a size that people have: what if one of its clusters is lost?
func BenchmarkLoseOneOfTen(b *testing.B) {
	var clusters []plan.Cluster
	for c := range byte(10) {
		var services []string
		for s := range 50 {
			services = append(services, fmt.Sprintf("s%02d", s))
		}
		clusters = append(clusters, member(fmt.Sprintf("c%d", c), c, services...))
	}
	for b.Loop() {
		f := plan.New(clusters, now)
		before := f.Pictures()
		f.Do(plan.Event{Verb: plan.Lose, Cluster: "c3"})
		plan.Compare(before, f.Pictures())
	}
}
