package mcs_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// exportedFrom is what one cluster exports of shop/cart.
func exportedFrom(cluster string, age int, ready bool, slices ...string) mcs.Exported {
	src := source(func(s *mcs.Source) {
		s.Cluster, s.Slices = cluster, nil
		s.Export.CreationTimestamp = at(age)
		for i, name := range slices {
			es := slice(name, fmt.Sprintf("10.%d.0.1", i+1), fmt.Sprintf("10.%d.0.2", i+1))
			es.Endpoints[0].Conditions.Ready = &ready
			s.Slices = append(s.Slices, es)
		}
	})
	return mcs.Export(src)
}

// importOf imports what clusters export into west, as an agent does, and returns the objects through an API server.
func importOf(t interface{ Fatal(...any) }, all ...mcs.Exported) (*corev1.Service, []*discoveryv1.EndpointSlice) {
	in := mcs.ImportInput{NamespaceExists: true, Own: "west", Packed: map[mcs.SourceSlice]string{}}
	var records []*v1alpha1.ServiceRecord
	for _, e := range all {
		records = append(records, e.Record)
		for _, r := range e.Endpoints {
			s, why := mcs.Unpack(r, mcs.Ground{})
			if s == nil {
				t.Fatal(why)
			}
			in.Slices = append(in.Slices, s)
			if s.Cluster != "west" {
				in.Packed[mcs.SourceSlice{Cluster: s.Cluster, Name: s.Name}] = mcs.KeepPacked(r)
			}
		}
	}
	in.Merged = mcs.Merge(cart, records)
	in.Records = in.Merged.KeepRecords("west")
	out := mcs.Import(in)
	service := wired(t, out.Service)
	var written []*discoveryv1.EndpointSlice
	for _, s := range out.Slices {
		written = append(written, wired(t, s))
	}
	return service, written
}

// wired is an object as an API server gives it back.
func wired[T any](t interface{ Fatal(...any) }, object *T) *T {
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

func TestRestoreGivesTheRecordsOfTheOthersBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []mcs.Exported
		var records []*v1alpha1.ServiceRecord
		var endpoints []*v1alpha1.EndpointRecord
		for _, cluster := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"west", "east", "north.eu"}), 1, 3, rapid.ID).Draw(t, "clusters") {
			names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"cart-a", "cart-b", "cart.c"}), 0, 3, rapid.ID).Draw(t, "slices")
			e := exportedFrom(cluster, rapid.IntRange(0, 3).Draw(t, "age"), rapid.Bool().Draw(t, "ready"), names...)
			if rapid.Bool().Draw(t, "headless") {
				e.Record.Spec.Headless = true
			}
			all = append(all, e)
			if cluster != "west" {
				records, endpoints = append(records, e.Record), append(endpoints, e.Endpoints...)
			}
		}
		service, written := importOf(t, all...)
		gotRecords, gotEndpoints := mcs.Restore(service, written, "west")
		byName := func(a, b metav1.Object) int {
			return strings.Compare(a.GetLabels()[v1alpha1.LabelCluster]+a.GetName(), b.GetLabels()[v1alpha1.LabelCluster]+b.GetName())
		}
		for _, list := range [][]*v1alpha1.ServiceRecord{records, gotRecords} {
			slices.SortFunc(list, func(a, b *v1alpha1.ServiceRecord) int { return byName(a, b) })
		}
		for _, list := range [][]*v1alpha1.EndpointRecord{endpoints, gotEndpoints} {
			slices.SortFunc(list, func(a, b *v1alpha1.EndpointRecord) int { return byName(a, b) })
		}
		if diff := cmp.Diff(records, gotRecords); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(endpoints, gotEndpoints); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A withdrawn cluster's endpoints say ready: false here; what was exported is restored all the same.
func TestRestoreForgetsVerdicts(t *testing.T) {
	east := exportedFrom("east", 1, true, "cart-a")
	service, written := importOf(t, east)
	for i := range written[0].Endpoints {
		written[0].Endpoints[i].Conditions.Ready = ptr(false)
	}
	_, endpoints := mcs.Restore(service, written, "west")
	got, _ := mcs.Unpack(endpoints[0], mcs.Ground{})
	if !got.Endpoints[0].Ready {
		t.Error("the verdict of one moment has become what the cluster says of itself")
	}
}

func TestRestorePassesOverWhatIsBroken(t *testing.T) {
	for name, spoil := range map[string]func(*corev1.Service, *discoveryv1.EndpointSlice){
		"no annotations": func(s *corev1.Service, e *discoveryv1.EndpointSlice) { s.Annotations, e.Annotations = nil, nil },
		"no labels":      func(s *corev1.Service, e *discoveryv1.EndpointSlice) { s.Labels, e.Labels = nil, nil },
		"not base64, not JSON": func(s *corev1.Service, e *discoveryv1.EndpointSlice) {
			s.Annotations[mcs.AnnotationRecords], e.Annotations[mcs.AnnotationRecord] = "[{", "!"
		},
		"base64 of something else": func(s *corev1.Service, e *discoveryv1.EndpointSlice) {
			s.Annotations[mcs.AnnotationRecords], e.Annotations[mcs.AnnotationRecord] = "aGVsbG8=", "aGVsbG8="
		},
		"of another namespace": func(s *corev1.Service, e *discoveryv1.EndpointSlice) { s.Namespace, e.Namespace = "bank", "bank" },
		"of another service": func(s *corev1.Service, e *discoveryv1.EndpointSlice) {
			s.Labels["multicluster.kubernetes.io/service-name"], e.Labels["multicluster.kubernetes.io/service-name"] = "till", "till"
		},
		"of the own cluster": func(s *corev1.Service, e *discoveryv1.EndpointSlice) {
			s.Annotations[mcs.AnnotationRecords] = strings.ReplaceAll(s.Annotations[mcs.AnnotationRecords], `"east"`, `"west"`)
			e.Labels["multicluster.kubernetes.io/source-cluster"] = "west"
		},
		"of a cluster that is none": func(s *corev1.Service, e *discoveryv1.EndpointSlice) {
			s.Annotations[mcs.AnnotationRecords] = strings.ReplaceAll(s.Annotations[mcs.AnnotationRecords], `"east"`, `"a/b"`)
			e.Labels["multicluster.kubernetes.io/source-cluster"] = "a/b"
		},
		"of another slice": func(s *corev1.Service, e *discoveryv1.EndpointSlice) {
			s.Annotations[mcs.AnnotationRecords], e.Annotations[mcs.AnnotationSourceSlice] = "null", "cart-b"
		},
	} {
		t.Run(name, func(t *testing.T) {
			service, written := importOf(t, exportedFrom("east", 1, true, "cart-a"))
			spoil(service, written[0])
			if records, endpoints := mcs.Restore(service, written, "west"); len(records)+len(endpoints) > 0 {
				t.Errorf("restored %v and %v", records, endpoints)
			}
		})
	}
	if records, endpoints := mcs.Restore(nil, nil, "west"); len(records)+len(endpoints) > 0 {
		t.Error("something was made of nothing")
	}
}

// However many clusters export one service, an annotation holds what is kept of them, and the oldest exports first.
func TestKeptRecordsFitAnAnnotation(t *testing.T) {
	noise := rand.NewChaCha8([32]byte{7})
	for _, row := range []struct{ clusters, annotation, want int }{{2, 10, 2}, {250, 10, 250}, {250, 2000, 62}} {
		var all []mcs.Exported
		for i := range row.clusters {
			e := exportedFrom(fmt.Sprintf("cluster-%03d", i), i, true)
			text := make([]byte, row.annotation)
			_, _ = noise.Read(text)
			e.Record.Spec.ExportedAnnotations = map[string]string{"note": fmt.Sprintf("%x", text)}
			all = append(all, e)
		}
		service, _ := importOf(t, all...)
		if n := len(service.Annotations[mcs.AnnotationRecords]); n > 200<<10 {
			t.Errorf("%d clusters take %d bytes", row.clusters, n)
		}
		records, _ := mcs.Restore(service, nil, "west")
		if len(records) != row.want || records[0].Spec.Cluster != "cluster-000" {
			t.Errorf("%d of %d records restored, want %d", len(records), row.clusters, row.want)
		}
	}
}

// FuzzRestore feeds annotations to Restore. What it lets through must be good enough for the hub.
func FuzzRestore(f *testing.F) {
	service, written := importOf(f, exportedFrom("east", 1, true, "cart-a"))
	f.Add(service.Annotations[mcs.AnnotationRecords], written[0].Annotations[mcs.AnnotationRecord], "cart-a")
	f.Add("[null, {}]", "", "")
	f.Add("KLUv/QQAAA==", "KLUv/QQAAA==", "A")
	f.Fuzz(func(t *testing.T, records, packed, name string) {
		s, e := service.DeepCopy(), written[0].DeepCopy()
		s.Annotations[mcs.AnnotationRecords] = records
		e.Annotations[mcs.AnnotationRecord], e.Annotations[mcs.AnnotationSourceSlice] = packed, name
		gotRecords, gotEndpoints := mcs.Restore(s, []*discoveryv1.EndpointSlice{e}, "west")
		for _, r := range gotRecords {
			if why := mcs.ValidateRecord(r); why != "" || r.Spec.Namespace != "shop" || r.Spec.Name != "cart" || r.Spec.Cluster == "west" {
				t.Fatalf("came through: %+v %s", r.Spec, why)
			}
		}
		for _, r := range gotEndpoints {
			if s, why := mcs.Unpack(r, mcs.Ground{Loopback: true}); s == nil || s.Service != (fleet.Name{Namespace: "shop", Name: "cart"}) {
				t.Fatalf("came through: %+v %s", r.Spec, why)
			}
		}
	})
}
