package zone

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/dns"
	"fairlead.dev/fairlead/dns/names"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// overTheWire is an object as it comes back from an API.
func overTheWire[T any](t *rapid.T, object *T) *T {
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	back := new(T)
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatal(err)
	}
	return back
}

// written draws what an agent would write for a service.
func written(t *rapid.T, name fleet.Name) *mcs.Imported {
	m := &mcs.Merged{Name: name, Headless: rapid.Bool().Draw(t, "headless"), Exporters: []mcs.Exporter{{Cluster: "west"}, {Cluster: "east.eu"}}}
	m.Ports = []mcs.MergedPort{{Port: fleet.Port{Name: "http", Port: 80, Protocol: fleet.TCP}, Sources: map[string]string{"west": "web", "east.eu": "http"}}}
	in := mcs.ImportInput{Merged: m, NamespaceExists: true, IPs: []netip.Addr{netip.AddrFrom4([4]byte{10, 9, 0, byte(rapid.IntRange(1, 9).Draw(t, "ip"))})}}
	for i := range rapid.IntRange(0, 3).Draw(t, "slices") {
		s := &fleet.Slice{
			Cluster: rapid.SampledFrom([]string{"west", "east.eu"}).Draw(t, "cluster"), Service: name, Name: fmt.Sprint("s", i),
			Ports: []fleet.Port{{Name: "web", Port: 8080, Protocol: fleet.TCP}, {Name: "http", Port: 8081, Protocol: fleet.TCP}},
		}
		for range rapid.IntRange(0, 3).Draw(t, "endpoints") {
			s.Endpoints = append(s.Endpoints, fleet.Endpoint{
				Address: netip.AddrFrom4([4]byte{10, 1, 0, byte(rapid.IntRange(1, 9).Draw(t, "pod"))}),
				Ready:   rapid.Bool().Draw(t, "ready"), Hostname: rapid.SampledFrom([]string{"", "db-0"}).Draw(t, "hostname"),
			})
		}
		in.Slices = append(in.Slices, s)
	}
	return mcs.Import(in)
}

// However the objects come, one by one or listed anew, in whatever order, the table is what the picture would give.
func TestObjectsAnswerAsThePictureDoes(t *testing.T) {
	cart, db := fleet.Name{Namespace: "shop", Name: "cart"}, fleet.Name{Namespace: "shop", Name: "db"}
	rapid.Check(t, func(t *rapid.T) {
		var table *dns.Table
		z := New(func(now *dns.Table) { table = now })
		in := api{t: t, imports: store{z, imports}, slices: store{z, endpoints}}
		stands := map[fleet.Name]*mcs.Imported{}
		in.relist(stands, in.imports)
		if table != nil {
			t.Fatal("names are told before all was listed")
		}
		in.relist(stands, in.slices)
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			name := rapid.SampledFrom([]fleet.Name{cart, db}).Draw(t, "service")
			before := stands[name]
			delete(stands, name)
			if rapid.Bool().Draw(t, "stays") {
				stands[name] = written(t, name)
			}
			if rapid.Bool().Draw(t, "relist") {
				in.relist(stands, in.slices)
				in.relist(stands, in.imports)
			} else {
				in.events(before, stands[name])
			}
			want := dns.NewTable()
			for _, i := range stands {
				want = want.With([]*dns.Service{names.Of(i)}, nil)
			}
			equal := cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()}
			for _, n := range []fleet.Name{cart, db} {
				if diff := cmp.Diff(want.Service(n), table.Service(n), equal); diff != "" {
					t.Fatalf("%s: %s", n, diff)
				}
			}
		}
		if z.Len() != len(stands) || len(z.service) != headlessSlices(stands) {
			t.Fatalf("%d services and %d slices are kept of %v", z.Len(), len(z.service), stands)
		}
	})
}

func headlessSlices(stands map[fleet.Name]*mcs.Imported) (n int) {
	for _, i := range stands {
		n += len(watched(i))
	}
	return n
}

// api gives objects to the stores as a reflector would.
type api struct {
	t               *rapid.T
	imports, slices store
}

// watched returns the slices that the selector lets through: those of headless imports.
func watched(i *mcs.Imported) map[string]*discoveryv1.EndpointSlice {
	out := map[string]*discoveryv1.EndpointSlice{}
	if i != nil && i.Object.Spec.Type == mcsv1beta1.Headless {
		for _, s := range i.Slices {
			out[s.Name] = s
		}
	}
	return out
}

func (a api) relist(stands map[fleet.Name]*mcs.Imported, s store) {
	var list []any
	for _, i := range stands {
		if s.kind == imports {
			list = append(list, overTheWire(a.t, i.Object))
			continue
		}
		for _, es := range watched(i) {
			list = append(list, overTheWire(a.t, es))
		}
	}
	for i := range list {
		list[i], _ = s.Transformer()(list[i])
	}
	_ = s.Replace(list, "1")
}

// events are those between two states of one service, in any order of the two watches.
func (a api) events(before, now *mcs.Imported) {
	steps := []func(){func() { a.importEvent(before, now) }, func() { a.sliceEvents(watched(before), watched(now)) }}
	if rapid.Bool().Draw(a.t, "slices first") {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		step()
	}
}

func (a api) importEvent(before, now *mcs.Imported) {
	switch {
	case now != nil && before != nil:
		_ = a.imports.Update(overTheWire(a.t, now.Object))
	case now != nil:
		_ = a.imports.Add(overTheWire(a.t, now.Object))
	case before != nil:
		_ = a.imports.Delete(before.Object)
	}
}

func (a api) sliceEvents(before, now map[string]*discoveryv1.EndpointSlice) {
	for name, s := range before {
		if now[name] == nil {
			_ = a.slices.Delete(s)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		_ = a.slices.Update(overTheWire(a.t, now[name]))
	}
}

// A slice that changes hands leaves the service that it was of.
func TestASliceCanChangeHands(t *testing.T) {
	var table *dns.Table
	z := New(func(now *dns.Table) { table = now })
	is, es := store{z, imports}, store{z, endpoints}
	headless := func(name string) any {
		return &mcsv1beta1.ServiceImport{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: mcsv1beta1.ServiceImportSpec{Type: mcsv1beta1.Headless}}
	}
	slice := func(service string) any {
		return &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: "s", Labels: map[string]string{mcsv1beta1.LabelServiceName: service, mcsv1beta1.LabelSourceCluster: "west"}},
			AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.1.0.1"}}},
		}
	}
	_ = is.Replace([]any{headless("a"), headless("b")}, "1")
	_ = es.Replace([]any{slice("a")}, "1")
	count := func(name string) int { return len(table.Service(fleet.Name{Namespace: "shop", Name: name}).Slices) }
	if count("a") != 1 || count("b") != 0 {
		t.Errorf("got %d and %d slices", count("a"), count("b"))
	}
	_ = es.Update(slice("b"))
	if count("a") != 0 || count("b") != 1 {
		t.Errorf("got %d and %d slices", count("a"), count("b"))
	}
	_ = es.Update(slice(""))
	if count("b") != 0 || len(z.service) != 0 {
		t.Errorf("got %d slices", count("b"))
	}
}
