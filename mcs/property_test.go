package mcs_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// anyRecord draws from few values, so that records meet and clash. Invalid ones are among them.
func anyRecord(t *rapid.T) *v1alpha1.ServiceRecord {
	family := rapid.SampledFrom([]corev1.IPFamily{v4, v6})
	ports := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) v1alpha1.ServicePort {
		p := v1alpha1.ServicePort{
			Name:     rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "name"),
			Protocol: rapid.SampledFrom([]corev1.Protocol{"", "TCP", "UDP"}).Draw(t, "protocol"),
			Port:     rapid.SampledFrom([]int32{1, 2, 3, 4, 4, 0, -1, 65536}).Draw(t, "port"),
		}
		if rapid.Bool().Draw(t, "with app protocol") {
			p.AppProtocol = ptr(rapid.SampledFrom([]string{"", "x"}).Draw(t, "app protocol"))
		}
		return p
	}), 0, 4)
	r := record(rapid.SampledFrom([]string{"west", "east", "north", ""}).Draw(t, "cluster"), rapid.IntRange(0, 2).Draw(t, "age"))
	r.Name = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "object name")
	r.Spec.Ports = ports.Draw(t, "ports")
	r.Spec.Headless = rapid.Bool().Draw(t, "headless")
	r.Spec.IPFamilies = rapid.SliceOfN(family, 0, 3).Draw(t, "families")
	r.Spec.SessionAffinity = rapid.SampledFrom([]corev1.ServiceAffinity{"", "None", "ClientIP"}).Draw(t, "affinity")
	if rapid.Bool().Draw(t, "with timeout") {
		r.Spec.SessionAffinityConfig = timeout(rapid.Int32().Draw(t, "timeout"))
	}
	r.Spec.ExportedLabels = rapid.MapOfN(rapid.SampledFrom([]string{"k", "l"}), rapid.SampledFrom([]string{"1", "2"}), 0, 2).Draw(t, "labels")
	if rapid.Bool().Draw(t, "without time") {
		r.Spec.ExportedAt = metav1.Time{}
	}
	return r
}

func TestMergeIsIndependentOfOrderAndRepetition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(rapid.Custom(anyRecord), 0, 6).Draw(t, "records")
		want := mcs.Merge(cart, records)
		again := append(slices.Clone(records), rapid.SliceOfN(rapid.SampledFrom(append(records, nil)), 0, 4).Draw(t, "again")...)
		for i, r := range again {
			// What comes from an API server twice are copies, not the same object.
			again[i] = r.DeepCopy()
		}
		again = rapid.Permutation(again).Draw(t, "order")
		if diff := cmp.Diff(want, mcs.Merge(cart, again)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A record that went through an API server merges like the one that its own cluster still has in memory.
func TestMergeSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(rapid.Custom(anyRecord), 0, 4).Draw(t, "records")
		var wired []*v1alpha1.ServiceRecord
		for _, r := range records {
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var w v1alpha1.ServiceRecord
			if err := json.Unmarshal(b, &w); err != nil {
				t.Fatal(err)
			}
			wired = append(wired, &w)
		}
		if diff := cmp.Diff(print(mcs.Merge(cart, records)), print(mcs.Merge(cart, wired))); diff != "" {
			t.Fatal(diff)
		}
	})
}

func checkMerged(t interface{ Fatalf(string, ...any) }, records []*v1alpha1.ServiceRecord, m *mcs.Merged) {
	names, numbers := map[string]bool{}, map[string]bool{}
	for _, p := range m.Ports {
		number := fmt.Sprintf("%d/%s", p.Port.Port, p.Protocol)
		if names[p.Name] || numbers[number] {
			t.Fatalf("%s stands twice in %v", p, m.Ports)
		}
		names[p.Name], numbers[number] = true, true
		if p.Port.Port == 0 || len(p.Sources) == 0 {
			t.Fatalf("%v is no port, or nobody's", p)
		}
	}
	for _, r := range records {
		if r == nil || r.Spec.Namespace != cart.Namespace || r.Spec.Name != cart.Name || !slices.ContainsFunc(m.Exporters, func(e mcs.Exporter) bool { return e.Cluster == r.Spec.Cluster }) {
			continue
		}
		if mcs.ValidateRecord(r) != "" || len(m.Exporters) != len(records) {
			continue
		}
		// Every port of a record that counts is in the union, by its name or by its number.
		for _, p := range r.Spec.Ports {
			if number := fmt.Sprintf("%d/%s", p.Port, p.Protocol); p.Protocol != "" && !names[p.Name] && !numbers[number] {
				t.Fatalf("port %s of %s is not in the union %v", p.Name, r.Spec.Cluster, m.Ports)
			}
		}
	}
	for i, c := range m.Conflicts {
		if c.Message == "" || i > 0 && m.Conflicts[i-1].Reason >= c.Reason {
			t.Fatalf("conflicts are not sorted, or say nothing: %v", m.Conflicts)
		}
	}
}

func TestMergeIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(rapid.Custom(anyRecord), 1, 6).Draw(t, "records")
		m := mcs.Merge(cart, records)
		checkMerged(t, records, m)

		same := []*v1alpha1.ServiceRecord{}
		for _, c := range []string{"west", "east", "north"} {
			r := records[0].DeepCopy()
			r.Spec.Cluster = c
			same = append(same, r)
		}
		if m := mcs.Merge(cart, same); len(m.Conflicts) > 0 {
			t.Fatalf("equal exports conflict: %v", m.Conflicts)
		}
	})
}

// Importing anything that was merged from anything holds to the rules of ServiceImports and EndpointSlices.
func TestImportIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := mcs.ImportInput{
			Merged:          mcs.Merge(cart, rapid.SliceOfN(rapid.Custom(anyRecord), 1, 5).Draw(t, "records")),
			Families:        rapid.SampledFrom([][]corev1.IPFamily{nil, {}, {v4}, {v6, v4}}).Draw(t, "families"),
			IPs:             rapid.SliceOfN(rapid.SampledFrom([]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")}), 0, 2).Draw(t, "ips"),
			Exporting:       rapid.Bool().Draw(t, "exporting"),
			Own:             rapid.SampledFrom([]string{"west", "south"}).Draw(t, "own"),
			NamespaceExists: true,
		}
		for _, c := range []string{"west", "east", "south"} {
			in.Slices = append(in.Slices, mcs.SliceOf(c, slice("cart-a", "10.1.0.1")), mcs.SliceOf(c, slice("cart-b", "10.1.0.2")))
		}
		out := mcs.Import(in)
		spec := out.Object.Spec
		left := spec.IPFamilies
		for _, ip := range spec.IPs {
			// In the order of the families; one that has no IP yet is passed over.
			i := slices.IndexFunc(left, func(f corev1.IPFamily) bool { return (f == v4) == netip.MustParseAddr(ip).Is4() })
			if i < 0 {
				t.Fatalf("IPs %v for families %v", spec.IPs, spec.IPFamilies)
			}
			left = left[i+1:]
		}
		if in.Merged.Headless && len(spec.IPs) > 0 {
			t.Fatal("a headless service has IPs")
		}
		names := map[string]bool{}
		for _, s := range out.Slices {
			if names[s.Name] {
				t.Fatalf("two slices are called %s", s.Name)
			}
			names[s.Name] = true
			source := s.Labels["multicluster.kubernetes.io/source-cluster"]
			if !slices.ContainsFunc(in.Merged.Exporters, func(e mcs.Exporter) bool { return e.Cluster == source }) {
				t.Fatalf("a slice of %s, which does not export", source)
			}
			for _, p := range s.Ports {
				if !slices.ContainsFunc(in.Merged.Ports, func(m mcs.MergedPort) bool { return m.Name == *p.Name && m.Sources[source] == "http" }) {
					t.Fatalf("port %s of %s is not one that it shares with the import", *p.Name, source)
				}
			}
		}
	})
}

// FuzzMerge feeds records made of bytes to ValidateRecord, Merge and Import.
func FuzzMerge(f *testing.F) {
	seed, err := json.Marshal([]*v1alpha1.ServiceRecord{record("west", 1), record("east", 2, withPorts("http:81/TCP(x)"))})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`[null, {"spec":{"cluster":"\u0000","namespace":"shop","name":"cart","ports":[{"port":-1}],"sessionAffinity":"ClientIP","sessionAffinityConfig":{}}}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var records []*v1alpha1.ServiceRecord
		if json.Unmarshal(b, &records) != nil {
			return
		}
		for _, r := range records {
			if r != nil {
				mcs.ValidateRecord(r)
			}
		}
		m := mcs.Merge(cart, records)
		if m == nil {
			return
		}
		checkMerged(t, records, m)
		slices.Reverse(records)
		if one, other := print(m), print(mcs.Merge(cart, records)); one != other {
			t.Fatalf("the order decides:\n%s%s", one, other)
		}
		mcs.Import(mcs.ImportInput{Merged: m, NamespaceExists: true, Exporting: true, Own: "west",
			Slices: []*fleet.Slice{mcs.SliceOf("west", slice("cart-a", "10.1.0.1"))}})
	})
}
