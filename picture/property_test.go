package picture

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
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
	sl := slice(ns, name, fmt.Sprintf("%s-%d", name, n), n > 1, port, fmt.Sprintf("127.%d.0.%d", 10+n, n))
	switch rapid.IntRange(0, 12).Draw(t, "kind") {
	case 0:
		return namespace(ns)
	case 1:
		return service
	case 2:
		return serviceExport(ns, name, n)
	case 3:
		return sl
	case 4:
		return memberObject(cluster, "us", fmt.Sprintf("us-%d", n), int32(n-1), int32(n-1))
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

// Taking changes one at a time gives the same picture as a rebuild from the same facts and prior.
func TestStepsEqualRebuild(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := NewCentre(west(), Prior{})
		facts := map[Key]Fact{}
		now := start
		for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "pause")) * time.Millisecond)
			f := drawFact(t)
			ch := is(f)
			if rapid.IntRange(0, 3).Draw(t, "gone") == 0 {
				ch.Fact = nil
				delete(facts, ch.Key)
			} else {
				facts[ch.Key] = f
			}
			stepped, _, wake := c.Step([]Change{ch}, now)
			var all []Change
			for k, f := range facts {
				all = append(all, Change{k, f})
			}
			rebuilt, rewake := Build(west(), c.Prior(), all, now)
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
		c := NewCentre(west(), Prior{})
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
