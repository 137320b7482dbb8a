package picture

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"pgregory.net/rapid"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/mcs"
)

// kept is what a real cluster still has after its agents have gone: its own objects, those that were written for imports, and what was
// noted of the members.
type kept struct {
	local    []Change
	services []*corev1.Service
	slices   [][]*discoveryv1.EndpointSlice // by service
	members  []*v1alpha1.Member
	verdicts map[string]health.State
}

// write is what the writer of a real cluster does with a picture. The API server gives each derived Service an IP.
func write(t *testing.T, k *kept, pic *Picture) (facts []Change) {
	t.Helper()
	k.services, k.slices = nil, nil
	i := 0
	for s := range pic.Services() {
		if s.Imported == nil {
			continue
		}
		i++
		svc := wire(t, s.Imported.Service)
		if len(svc.Spec.ClusterIPs) == 0 {
			svc.Spec.ClusterIP = fmt.Sprintf("10.96.0.%d", i)
			svc.Spec.ClusterIPs = []string{svc.Spec.ClusterIP}
		}
		var written []*discoveryv1.EndpointSlice
		for _, es := range s.Imported.Slices {
			written = append(written, wire(t, es))
		}
		k.services, k.slices = append(k.services, svc), append(k.slices, written)
		facts = append(facts, is(derivedFrom(s.Name, svc)))
	}
	return facts
}

func derivedFrom(name fleet.Name, svc *corev1.Service) *Derived {
	d := &Derived{Service: name, Headless: svc.Spec.ClusterIP == corev1.ClusterIPNone, Families: svc.Spec.IPFamilies}
	for _, ip := range svc.Spec.ClusterIPs {
		if addr, err := netip.ParseAddr(ip); err == nil {
			d.IPs = append(d.IPs, addr)
		}
	}
	return d
}

// wire is an object as it comes back from an API server.
func wire[T any](t *testing.T, object *T) *T {
	t.Helper()
	b, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	out := new(T)
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// restart returns a new centre that knows what the cluster kept, and nothing of the hub.
func (k *kept) restart(v Vantage, now time.Time) (*Centre, *Picture) {
	prior := Prior{Members: k.verdicts}
	facts := slices.Clone(k.local)
	prior.Restore(k.members, nil, nil)
	for i, svc := range k.services {
		facts = append(facts, is(derivedFrom(fleet.Name{Namespace: svc.Namespace, Name: svc.Labels["multicluster.kubernetes.io/service-name"]}, svc)))
		records, endpoints := mcs.Restore(svc, k.slices[i], v.Name)
		prior.Restore(nil, records, endpoints)
	}
	c := NewCentre(v, prior)
	pic, _, _ := c.Step(facts, now)
	return c, pic
}

// imported is what a picture wants written, and what traffic follows.
func imported(pic *Picture) map[string]any {
	out := map[string]any{}
	for s := range pic.Services() {
		out[s.Name.String()] = s.Imported
	}
	for g := range pic.Groups() {
		out[g.ID.String()] = g
	}
	for m := range pic.Members() {
		out[m.Name] = m.Verdict
	}
	return out
}

func same(t *testing.T, when string, want, got *Picture) {
	t.Helper()
	if !reflect.DeepEqual(imported(want), imported(got)) {
		t.Fatalf("%s:\n%s", when, cmp.Diff(want.String(), got.String()))
	}
}

// An agent that restarts while the hub is away serves what it served; when the hub is back, nothing changes; and what the hub then explains is
// obeyed.
func TestARestartWithoutTheHubLosesNothing(t *testing.T) {
	k := &kept{local: []Change{
		is(namespace("shop")), is(svc("shop", "web", 80)), is(serviceExport("shop", "web", 2)), is(slice("shop", "web", "web-1", true, 80, "10.1.0.1")),
	}}
	k.members = []*v1alpha1.Member{memberObject("east", "us", "us-b", 3, 3), memberObject("north", "eu", "eu-a", 1, 1)}
	var hub []Change
	for i, name := range []string{"web", "cart", "till"} {
		s := svc("shop", name, 80)
		if name == "till" {
			s.Spec.ClusterIP = corev1.ClusterIPNone
		}
		for _, f := range remote("east", s, serviceExport("shop", name, 1), slice("shop", name, name+"-1", true, 80, fmt.Sprintf("10.2.0.%d", i+1))) {
			hub = append(hub, is(f))
		}
	}
	for _, f := range remote("north", svc("shop", "cart", 80, 90), serviceExport("shop", "cart", 3), slice("shop", "cart", "cart-1", true, 90, "10.3.0.1")) {
		hub = append(hub, is(f))
	}
	for _, m := range k.members {
		hub = append(hub, is(m))
	}

	now := start
	c := NewCentre(realWest(), Prior{})
	pic, _, _ := c.Step(append(slices.Concat(k.local, hub), is(observed("east", 0)), is(observed("north", 0))), now)
	c.Step(write(t, k, pic), now)
	// North is lost, and stays so for who comes after.
	pic, _, _ = c.Step([]Change{is(observed("north", 3))}, now)
	if pic.Member("north").Verdict != fleet.Lost || pic.Service(fleet.Name{Namespace: "shop", Name: "web"}).IPs == nil {
		t.Fatalf("not as it should be before the restart:\n%s", pic)
	}
	write(t, k, pic)
	k.verdicts = c.Prior().Members

	c, after := k.restart(realWest(), now.Add(time.Minute))
	same(t, "after the restart", pic, after)

	now = now.Add(10 * time.Minute)
	for _, ch := range slices.Backward(hub) { // one by one, as a list comes
		var between *Picture
		between, _, _ = c.Step([]Change{ch}, now)
		same(t, "while the hub comes back", after, between)
	}
	after, _, _ = c.Step(nil, now)
	same(t, "when the hub is back", pic, after)
	for s := range after.Services() {
		if len(s.Held) > 0 {
			t.Errorf("%s: still held of %v", s.Name, s.Held)
		}
	}

	m := memberObject("east", "us", "us-b", 2, 2)
	m.Status.Marker.Sequence = 9
	after, _, _ = c.Step([]Change{{hub[4].Key, nil}, {hub[5].Key, nil}, is(m)}, now)
	if after.Service(fleet.Name{Namespace: "shop", Name: "till"}) != nil {
		t.Errorf("an explained deletion was not obeyed:\n%s", after)
	}
}

// What was withdrawn while nobody looked is explained by the marker that the hub then has.
func TestAfterARestartTheMarkerExplainsWhatIsNoMore(t *testing.T) {
	k := &kept{local: []Change{is(namespace("shop"))}, members: []*v1alpha1.Member{memberObject("east", "us", "us-b", 2, 2)}}
	facts := slices.Clone(k.local)
	var hub [][]Change
	for i, name := range []string{"cart", "till"} {
		var records []Change
		for _, f := range remote("east", svc("shop", name, 80), serviceExport("shop", name, 1), slice("shop", name, name+"-1", true, 80, addr(i))) {
			records = append(records, is(f))
		}
		hub = append(hub, records)
		facts = append(facts, records...)
	}
	c := NewCentre(realWest(), Prior{})
	pic, _, _ := c.Step(append(facts, is(k.members[0])), start)
	write(t, k, pic)

	c, pic = k.restart(realWest(), start)
	if imports(pic) != 2 {
		t.Fatalf("lost at the restart:\n%s", pic)
	}
	m := memberObject("east", "us", "us-b", 1, 1)
	m.Status.Marker.Sequence = 9
	if pic, _, _ = c.Step([]Change{is(m)}, start); imports(pic) != 2 {
		t.Fatalf("obeyed before the list explains it:\n%s", pic)
	}
	if pic, _, _ = c.Step(hub[0], start); imports(pic) != 1 || pic.Member("east").Held != 0 {
		t.Errorf("the list and the marker agree, and what is gone is still there:\n%s", pic)
	}
}

// Who was noted nowhere, but has records here, was a member when they were taken.
func TestARestartWithoutTheListOfMembersKeepsTheirRecords(t *testing.T) {
	k := &kept{local: []Change{is(namespace("shop"))}}
	c := NewCentre(realWest(), Prior{})
	pic, _, _ := c.Step(append(cartFrom("east", 1, "10.2.0.1"), k.local[0], is(memberObject("east", "us", "us-b", 1, 1))), start)
	write(t, k, pic)
	c, pic = k.restart(realWest(), start)
	if got := endpointsOf(pic.Service(cartName)); len(got) != 1 || pic.Member("east").Held != 2 {
		t.Errorf("endpoints %v\n%s", got, pic)
	}
	m := memberObject("east", "us", "us-b", 1, 1)
	m.Spec.Leaving = true
	if pic, _, _ = c.Step([]Change{is(m)}, start); pic.Service(cartName) != nil {
		t.Errorf("a goodbye was not obeyed:\n%s", pic)
	}
}

// Whatever was seen, what was imported of it is there after a restart without the hub.
func TestWhatWasImportedSurvivesARestart(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		facts := map[Key]Fact{}
		for range rapid.IntRange(1, 40).Draw(r, "facts") {
			f := drawFact(r)
			if _, api := f.(*Derived); !api { // the API server has its say below
				facts[KeyOf(f)] = f
			}
		}
		k := &kept{}
		var all []Change
		for key, f := range facts {
			all = append(all, Change{key, f})
			switch f := f.(type) {
			case *v1alpha1.Member:
				k.members = append(k.members, f)
			case *v1alpha1.ServiceRecord, *v1alpha1.EndpointRecord, *Observed:
			default:
				k.local = append(k.local, Change{key, f})
			}
		}
		c := NewCentre(realWest(), Prior{})
		pic, _, _ := c.Step(all, start)
		pic, _, _ = c.Step(write(t, k, pic), start)
		write(t, k, pic)
		k.verdicts = c.Prior().Members

		_, after := k.restart(realWest(), start)
		for s := range pic.Services() {
			if s.Imported == nil {
				continue
			}
			again := after.Service(s.Name)
			if again == nil || !reflect.DeepEqual(again.Imported, s.Imported) {
				r.Fatalf("%s is another one:\n%s", s.Name, cmp.Diff(pic.String(), after.String()))
			}
		}
	})
}
