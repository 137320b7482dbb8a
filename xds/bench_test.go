package xds

import (
	"fmt"
	"testing"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
)

// BenchmarkApply changes one endpoint, or one route, among many; the cost must not depend on how many.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		w, s := newWorld(), NewStore(Options{})
		for i := range n {
			g := cart(tier("zone", place("west", target("10.0.0.1:80", fleet.Healthy))))
			g.ID.Service.Name = fmt.Sprint("cart-", i)
			s.Apply(w, []picture.Key{
				w.setGroup(g),
				w.setHost(host(fmt.Sprintf("%d.example", i), &route.Rule{Backends: []route.Backend{to(1, g.ID.String())}})),
			})
		}
		b.Run(fmt.Sprintf("endpoint/%d", n), func(b *testing.B) {
			healths := []fleet.TargetHealth{fleet.Healthy, fleet.Unready}
			for i := range b.N {
				g := cart(tier("zone", place("west", target("10.0.0.1:80", healths[i%2]))))
				g.ID.Service.Name = fmt.Sprint("cart-", n/2)
				if got := s.Apply(w, []picture.Key{w.setGroup(g)}); len(got) > 1 {
					b.Fatal(got)
				}
			}
		})
		code := 200
		b.Run(fmt.Sprintf("route/%d", n), func(b *testing.B) {
			for range b.N {
				code = 401 - code // 200, 201, 200, …
				h := host(fmt.Sprintf("%d.example", n/2), &route.Rule{Respond: &route.Respond{Code: code}})
				if got := s.Apply(w, []picture.Key{w.setHost(h)}); len(got) != 1 {
					b.Fatal(got)
				}
			}
		})
	}
}
