package picture

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
)

// drawFact draws a fact from a world small enough that objects meet.
func drawFact(t *rapid.T) Fact {
	ns := rapid.SampledFrom([]string{"shop", "shop", "bank"}).Draw(t, "namespace")
	name := rapid.SampledFrom([]string{"cart", "web"}).Draw(t, "name")
	cluster := rapid.SampledFrom([]string{"east", "north"}).Draw(t, "cluster")
	n := rapid.IntRange(1, 3).Draw(t, "n")
	port := int32(80 + n%2)
	host := rapid.SampledFrom([]string{"*", "shop.example", "*.example", "a.shop.example"}).Draw(t, "host")
	service := svc(ns, name, port)
	sl := slice(ns, name, fmt.Sprintf("%s-%d", name, n), n > 1, port, fmt.Sprintf("%d.%d.0.%d", rapid.SampledFrom([]int{10, 127}).Draw(t, "network"), 10+n, n))
	switch rapid.IntRange(0, 15).Draw(t, "kind") {
	case 0:
		out := namespace(ns)
		if n == 3 {
			out.Status.Phase = corev1.NamespaceTerminating
		}
		return out
	case 1:
		return service
	case 2:
		return serviceExport(ns, name, n)
	case 3:
		return sl
	case 4:
		return memberObject(cluster, "us", fmt.Sprintf("us-%d", n), int32(n-1), int32(n-1))
	case 13:
		return drawMember(t, rapid.SampledFrom([]string{"east", "north", "west"}).Draw(t, "member"), n)
	case 14, 15:
		return drawDerived(t, fleet.Name{Namespace: ns, Name: name}, n)
	case 5, 6:
		return remote(cluster, service, serviceExport(ns, name, n))[0]
	case 7, 8:
		return remote(cluster, service, serviceExport(ns, name, n), sl)[1]
	case 9:
		return gatewayObject(name, 8080+int32(n%2), host)
	case 10, 11:
		kind := rapid.SampledFrom([]string{"Service", "ServiceImport"}).Draw(t, "backend kind")
		return httpRoute(fmt.Sprintf("route-%d", n), name, host, "/"+name, kind, name, port)
	}
	return observed(cluster, rapid.IntRange(0, 4).Draw(t, "misses"))
}

// drawMember draws what a Member may grant and claim.
func drawMember(t *rapid.T, cluster string, n int) *v1alpha1.Member {
	m := memberObject(cluster, "us", "us-1", int32(n-1), int32(n-1))
	m.Spec.Pending = rapid.IntRange(0, 3).Draw(t, "pending") == 0
	m.Spec.Namespaces = rapid.SampledFrom([][]string{nil, {"shop"}, {"bank"}}).Draw(t, "namespaces")
	m.Status.ServiceRanges = rapid.SampledFrom([][]string{nil, {"127.11.0.0/16"}, {"127.0.0.0/8"}}).Draw(t, "service ranges")
	m.Status.PodRanges = rapid.SampledFrom([][]string{nil, {"127.11.0.0/24"}}).Draw(t, "pod ranges")
	if rapid.Bool().Draw(t, "accounts") {
		account := v1alpha1.Account{Exports: int32(n - 1), Slices: int32(n - 1), Digest: rapid.SampledFrom([]string{"", "1"}).Draw(t, "digest")}
		m.Status.Marker.Namespaces = map[string]v1alpha1.Account{"shop": account}
	}
	if rapid.Bool().Draw(t, "of an age") {
		m.CreationTimestamp = metav1.NewTime(start.Add(-time.Duration(2*n-3) * time.Hour))
	}
	return m
}

// drawDerived draws what an API server may have made of a service.
func drawDerived(t *rapid.T, name fleet.Name, n int) *Derived {
	d := &Derived{Service: name, Refused: rapid.SampledFrom([]string{"", "", "no"}).Draw(t, "refused")}
	if n > 1 {
		d.Headless, d.Families = rapid.Bool().Draw(t, "headless"), []corev1.IPFamily{corev1.IPv4Protocol}
		if !d.Headless {
			d.IPs = []netip.Addr{netip.MustParseAddr(fmt.Sprintf("10.96.0.%d", n))}
		}
	}
	return d
}

// drawVantage is west on one machine, or as a real cluster.
func drawVantage(t *rapid.T) Vantage {
	if rapid.Bool().Draw(t, "real") {
		return realWest()
	}
	return west()
}

// Taking changes one at a time gives the same picture as a rebuild from the same facts and prior.
func TestStepsEqualRebuild(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawVantage(t)
		c := NewCentre(v, Prior{})
		facts := map[Key]Fact{}
		now := start
		for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "pause")) * time.Millisecond)
			f := drawFact(t)
			ch := is(f)
			switch rapid.IntRange(0, 6).Draw(t, "gone") {
			case 0:
				ch.Fact = nil
				delete(facts, ch.Key)
			case 1:
				if _, record := f.(v1alpha1.FromCluster); record && ch.Key.Kind != "Member" {
					ch.Fact = Unwatched{}
					delete(facts, ch.Key)
					break
				}
				fallthrough
			default:
				facts[ch.Key] = f
			}
			stepped, _, wake := c.Step([]Change{ch}, now)
			var all []Change
			for k, f := range facts {
				all = append(all, Change{k, f})
			}
			rebuilt, rewake := Build(v, c.Prior(), all, now)
			if diff := cmp.Diff(rebuilt.String(), stepped.String()); diff != "" {
				t.Fatalf("step %d (%s): rebuilt (-) and stepped (+) differ:\n%s", i, ch.Key, diff)
			}
			if !wake.Equal(rewake) {
				t.Fatalf("step %d (%s): wakes at %v, rebuilt at %v", i, ch.Key, wake, rewake)
			}
			sameValues(t, stepped, rebuilt)
		}
	})
}

func sameValues(t *rapid.T, a, b *Picture) {
	for kind := range shown {
		var as, bs []any
		for v := range all[any](a, kind, "") {
			as = append(as, v)
		}
		for v := range all[any](b, kind, "") {
			bs = append(bs, v)
		}
		if !reflect.DeepEqual(as, bs) {
			t.Fatalf("%s differ:\n%+v\n%+v", kind, as, bs)
		}
	}
}

// Step names each value that changed, and no other.
func TestStepNamesWhatChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := NewCentre(drawVantage(t), Prior{})
		before, _, _ := c.Step(nil, start)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			f := drawFact(t)
			ch := is(f)
			if rapid.Bool().Draw(t, "gone") {
				ch.Fact = nil
			}
			after, changed, _ := c.Step([]Change{ch}, start)
			told := map[string]bool{}
			for _, k := range changed {
				told[k.String()] = true
			}
			for kind := range shown {
				was, is := map[string]any{}, map[string]any{}
				walk(before.values, string(kind)+"/", func(k string, v any) bool { was[k] = v; return true })
				walk(after.values, string(kind)+"/", func(k string, v any) bool { is[k] = v; return true })
				for k := range is {
					if !reflect.DeepEqual(was[k], is[k]) && !told[k] {
						t.Fatalf("%s changed and was not named", k)
					}
				}
				for k := range was {
					if is[k] == nil && !told[k] {
						t.Fatalf("%s went and was not named", k)
					}
				}
			}
			before = after
		}
	})
}
