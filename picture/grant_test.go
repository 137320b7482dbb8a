package picture

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
)

var cartName = fleet.Name{Namespace: "shop", Name: "cart"}

// rejected returns what a picture rejects, one line each.
func rejected(pic *Picture) (lines []string) {
	for r := range pic.Rejections() {
		lines = append(lines, r.Object.String()+": "+r.Message)
	}
	return lines
}

// cartFrom is what a cluster exports of shop/cart, with endpoints at some addresses.
func cartFrom(cluster string, age int, addrs ...string) (changes []Change) {
	for _, f := range remote(cluster, svc("shop", "cart", 80), serviceExport("shop", "cart", age), slice("shop", "cart", "cart-1", true, 80, addrs...)) {
		changes = append(changes, is(f))
	}
	return changes
}

func endpointsOf(s *Service) (addrs []string) {
	if s == nil {
		return nil
	}
	for _, sl := range s.Slices {
		for _, e := range sl.Endpoints {
			addrs = append(addrs, e.Address.String())
		}
	}
	return addrs
}

func TestWhatAMemberDoesNotGrantIsNotTaken(t *testing.T) {
	for name, row := range map[string]struct {
		edit  func(*v1alpha1.Member)
		taken bool
		want  string
	}{
		"all namespaces":    {func(*v1alpha1.Member) {}, true, ""},
		"this one":          {func(m *v1alpha1.Member) { m.Spec.Namespaces = []string{"bank", "shop"} }, true, ""},
		"another one":       {func(m *v1alpha1.Member) { m.Spec.Namespaces = []string{"bank"} }, false, "spec.namespaces of its Member lists bank; add it there"},
		"not approved yet":  {func(m *v1alpha1.Member) { m.Spec.Pending = true }, false, "fairlead approve east"},
		"it has left again": {func(m *v1alpha1.Member) { m.Spec.Leaving = true }, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := memberObject("east", "us", "us-b", 1, 1)
			c := NewCentre(realWest(), Prior{})
			pic, _, _ := c.Step(append(cartFrom("east", 1, "10.2.0.1"), is(namespace("shop")), is(m)), start)
			if endpointsOf(pic.Service(cartName)) == nil {
				t.Fatalf("not imported:\n%s", pic)
			}
			m = m.DeepCopy()
			row.edit(m)
			pic, _, _ = c.Step([]Change{is(m)}, start)
			if taken := pic.Service(cartName) != nil; taken != row.taken {
				t.Errorf("taken: %v\n%s", taken, pic)
			}
			told := rejected(pic)
			if row.want == "" && len(told) > 0 || row.want != "" && (len(told) != 2 || !strings.Contains(told[0], row.want) || !strings.Contains(told[1], row.want)) {
				t.Errorf("told %q", told)
			}
			if pic, _, _ = c.Step([]Change{is(memberObject("east", "us", "us-b", 1, 1))}, start); endpointsOf(pic.Service(cartName)) == nil {
				t.Errorf("not taken when it is granted again:\n%s", pic)
			}
		})
	}
}

// What the own Member does not grant would be refused by everybody: it is not exported, and the export says why.
func TestTheOwnMemberGrantsToo(t *testing.T) {
	facts := []Change{is(namespace("shop")), is(svc("shop", "cart", 80)), is(serviceExport("shop", "cart", 1))}
	ref := fleet.Ref{Kind: "ServiceExport", Name: cartName}
	for name, row := range map[string]struct {
		edit     func(*v1alpha1.Member)
		exported bool
		ready    string
	}{
		"granted": {func(*v1alpha1.Member) {}, true, "True/Exported"},
		"not":     {func(m *v1alpha1.Member) { m.Spec.Namespaces = []string{"bank"} }, false, "False/Failed"},
		"not yet": {func(m *v1alpha1.Member) { m.Spec.Pending = true }, true, "False/Pending"},
	} {
		m := memberObject("west", "us", "us-a", 1, 0)
		row.edit(m)
		pic, _ := Build(realWest(), Prior{}, append(facts, is(m)), start)
		if exported := pic.Export(cartName) != nil; exported != row.exported {
			t.Errorf("%s: exported %v", name, exported)
		}
		conditions := pic.Status(ref).Conditions
		if got := conditionOf(conditions, "Ready"); got != row.ready || conditionOf(conditions, "Valid") != "True/Valid" {
			t.Errorf("%s: %v", name, conditions)
		}
	}
}

func TestEndpointsWhereNoneCanStandAreLeftOut(t *testing.T) {
	for name, row := range map[string]struct {
		vantage Vantage
		east    []string // its service ranges
		pods    []string
		north   []string
		address string
		taken   bool
	}{
		"a pod":                                   {realWest(), nil, nil, nil, "10.2.0.1", true},
		"loopback, of a real cluster":             {realWest(), nil, nil, nil, "127.0.0.1", false},
		"loopback, on one machine":                {west(), nil, nil, nil, "127.0.0.1", true},
		"a service of the importer":               {realWest(), nil, nil, nil, "10.96.0.1", false},
		"a service of the importer, said a pod":   {realWest(), nil, []string{"10.96.0.0/16"}, nil, "10.96.0.1", false},
		"a service of its own":                    {realWest(), []string{"10.200.0.0/16"}, nil, nil, "10.200.0.1", false},
		"a service of a third":                    {realWest(), nil, nil, []string{"10.200.0.0/16"}, "10.200.0.1", false},
		"a pod where a third claims services":     {realWest(), nil, []string{"10.200.7.0/24"}, []string{"10.200.0.0/16"}, "10.200.7.1", true},
		"a pod where a third claims everything":   {realWest(), nil, nil, []string{"0.0.0.0/0", "10.0.0.0/8"}, "10.2.0.1", true},
		"a pod where a third claims what is none": {realWest(), nil, nil, []string{"10.2", "", "fd00::/8"}, "10.2.0.1", true},
	} {
		t.Run(name, func(t *testing.T) {
			east, north := memberObject("east", "us", "us-b", 1, 1), memberObject("north", "us", "us-c", 0, 0)
			east.Status.ServiceRanges, east.Status.PodRanges, north.Status.ServiceRanges = row.east, row.pods, row.north
			c := NewCentre(row.vantage, Prior{})
			c.Step(append(cartFrom("east", 1, "10.2.0.9", row.address), is(namespace("shop")), is(memberObject("east", "us", "us-b", 1, 1))), start)
			pic, _, _ := c.Step([]Change{is(east), is(north)}, start)
			if got := endpointsOf(pic.Service(cartName)); !slices.Contains(got, "10.2.0.9") || slices.Contains(got, row.address) != row.taken {
				t.Errorf("endpoints %v", got)
			}
			if told := rejected(pic); (len(told) == 0) != row.taken {
				t.Errorf("told %q", told)
			}
		})
	}
}

// A cluster that joins does not take over a service by saying that it exports it longest, and is told so where it matters.
func TestABackdatedExportIsTold(t *testing.T) {
	north := memberObject("north", "us", "us-c", 1, 1)
	north.CreationTimestamp = metav1.NewTime(start.Add(-time.Hour))
	east := memberObject("east", "us", "us-b", 1, 1)
	east.CreationTimestamp = metav1.NewTime(start.Add(-100 * time.Hour))
	facts := append(cartFrom("east", 50, "10.2.0.1"), is(namespace("shop")), is(east), is(north))

	pic, _ := Build(realWest(), Prior{}, append(facts, cartFrom("north", 5000, "10.3.0.1")...), start)
	if e := pic.Service(cartName).Exporters; e[0].Cluster != "east" {
		t.Errorf("exporters %v", e)
	}
	if told := rejected(pic); len(told) > 0 {
		t.Errorf("two exports that agree are told of: %q", told)
	}
	for _, f := range remote("north", svc("shop", "cart", 81), serviceExport("shop", "cart", 5000)) {
		facts = append(facts, is(f))
	}
	pic, _ = Build(realWest(), Prior{}, facts, start)
	if told := rejected(pic); len(told) != 1 || !strings.Contains(told[0], "is before cluster north joined the clusterset") {
		t.Errorf("told %q", told)
	}
}

func TestBeaconsAreThoseOfTheSpecAndOfTheStatus(t *testing.T) {
	m := memberObject("east", "us", "us-b", 0, 0)
	m.Spec.Beacons = []string{"10.2.0.1:1", "nowhere", "10.2.0.2:1"}
	m.Status.Beacons = []string{"10.2.0.3:1", "10.2.0.1:1"}
	pic, _ := Build(realWest(), Prior{}, []Change{is(m)}, start)
	var want []netip.AddrPort
	for _, a := range []string{"10.2.0.1:1", "10.2.0.2:1", "10.2.0.3:1"} {
		want = append(want, netip.MustParseAddrPort(a))
	}
	if got := pic.Member("east").Beacons; !slices.Equal(got, want) {
		t.Errorf("beacons %v, want %v", got, want)
	}
	m = m.DeepCopy()
	m.Spec.Pending = true
	pic, _ = Build(realWest(), Prior{}, []Change{is(m)}, start)
	if east := pic.Member("east"); len(east.Beacons) > 0 || !strings.Contains(east.Reason, "not approved") {
		t.Errorf("pending, and yet: %+v", east)
	}
}

// A heartbeat is a new Member object, and says nothing new of any service.
func TestAHeartbeatChangesNothing(t *testing.T) {
	c, _ := fleetOf(t, 3)
	m := memberObject("east", "us", "us-b", 3, 3)
	m.Status.Marker.Sequence = 8
	if _, changed, _ := c.Step([]Change{is(m)}, start); len(changed) > 0 {
		t.Errorf("changed: %v", changed)
	}
}
