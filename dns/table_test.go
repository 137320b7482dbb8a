package dns

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fairlead.dev/fairlead/fleet"
)

// Whatever comes and goes, a table is what a map would be, and earlier tables are what they were.
func TestTableIsAMap(t *testing.T) {
	names := []fleet.Name{}
	for _, ns := range []string{"a", "a-b", "b", ""} {
		for _, n := range []string{"a", "b", "a-b"} {
			names = append(names, fleet.Name{Namespace: ns, Name: n})
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		table, want := NewTable(), known{}
		type moment struct {
			table *Table
			want  known
		}
		var past []moment
		for range rapid.IntRange(1, 8).Draw(t, "changes") {
			past = append(past, moment{table, maps.Clone(want)})
			gone := rapid.SliceOfN(rapid.SampledFrom(names), 0, 3).Draw(t, "gone")
			var now []*Service
			for _, n := range rapid.SliceOfN(rapid.SampledFrom(names), 0, 3).Draw(t, "now") {
				now = append(now, &Service{Name: n})
			}
			table = table.With(now, gone)
			for _, n := range gone {
				delete(want, n)
			}
			for _, s := range now {
				want[s.Name] = s
			}
		}
		for _, m := range append(past, moment{table, want}) {
			if m.table.Len() != len(m.want) {
				t.Fatalf("got %d services, want %d", m.table.Len(), len(m.want))
			}
			for _, n := range names {
				if m.table.Service(n) != m.want[n] {
					t.Fatalf("%s: got %v, want %v", n, m.table.Service(n), m.want[n])
				}
			}
			for _, ns := range []string{"a", "a-b", "b", "", "c"} {
				if got, want := listed(m.table, ns), listed(m.want, ns); !slices.Equal(got, want) {
					t.Fatalf("in %q: got %v, want %v", ns, got, want)
				}
			}
		}
	})
}

func listed(src Source, namespace string) (names []string) {
	for s := range src.ServicesIn(namespace) {
		names = append(names, fmt.Sprintf("%p", s))
	}
	slices.Sort(names)
	return names
}

// What one change costs, among few services and many.
func BenchmarkTableWith(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var all []*Service
			for i := range n {
				all = append(all, service(fmt.Sprintf("other/s%d", i), false))
			}
			table, one := NewTable(all...), []*Service{service("other/s7", true)}
			b.ReportAllocs()
			for b.Loop() {
				table = table.With(one, nil)
			}
		})
	}
}
