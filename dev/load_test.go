package dev

import (
	"testing"
	"time"

	"fairlead.dev/fairlead/fleet"
)

func TestNoRequestFailsWhile(t *testing.T) {
	s := newShop(t, 41).start()
	const west, east = 11, 12

	t.Run("a cluster drains", func(t *testing.T) {
		s := s.in(t)
		res := s.under(west, "/cart", func() { s.must(s.f.Drain("west", true)) })
		if res.Clusters["west"] == 0 || res.Clusters["east"] == 0 || res.Clusters["north"] > 0 {
			t.Errorf("answers came from %v, want from west first and then from east", res.Clusters)
		}
	})
	t.Run("it is restored", func(t *testing.T) {
		s := s.in(t)
		res := s.under(west, "/cart", func() { s.must(s.f.Drain("west", false)) })
		if res.Clusters["west"] == 0 || res.Clusters["east"] == 0 {
			t.Errorf("answers came from %v, want from east first and then from west", res.Clusters)
		}
	})
	t.Run("weights are edited", func(t *testing.T) {
		s := s.in(t)
		s.under(west, "/mixed", func() {
			for i := range 10 {
				s.route("west", i, 10-i)
				time.Sleep(100 * time.Millisecond)
			}
		})
	})
	t.Run("a route is edited", func(t *testing.T) {
		s := s.in(t)
		res := s.under(east, "/stock", func() {
			s.write("east/stock-route.yaml", `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: stock, namespace: shop}
spec:
  parentRefs: [{name: web}]
  hostnames: [shop.example]
  rules:
  - matches: [{path: {type: Exact, value: /stock}}]
    backendRefs: [{name: web, port: 80}]
`)
			time.Sleep(500 * time.Millisecond)
			s.remove("east/stock-route.yaml")
		})
		if res.Clusters["east"] == 0 || res.Clusters["west"] == 0 {
			t.Errorf("answers came from %v, want from west and, for a while, from east", res.Clusters)
		}
	})
	t.Run("every pod is restarted, one by one", func(t *testing.T) {
		s := s.in(t)
		s.under(west, "/cart", func() {
			s.write("west/cart.yaml", workload("cart", 2, "2"))
			s.write("east/cart.yaml", workload("cart", 2, "2"))
		})
		s.eventually("the new pods are alone", func() bool {
			for _, p := range s.f.cluster("west").pods.list() {
				if p.Labels["app"] == "cart" && (p.Labels["version"] != "2" || p.Terminating) {
					return false
				}
			}
			return true
		})
	})
	t.Run("the hub is down", func(t *testing.T) {
		s := s.in(t)
		s.under(west, "/cart", func() {
			s.must(s.f.Hub(false))
			s.write("west/cart.yaml", workload("cart", 3, "2"))
			s.eventually("a third pod is an endpoint", func() bool { return s.endpoints("west", "import/shop/cart:80") == 5 })
		})
		s.must(s.f.Hub(true))
	})
	t.Run("the cluster that answers is lost", func(t *testing.T) {
		s := s.in(t)
		var verdict time.Duration
		res := s.under(east, "/stock", func() {
			s.must(s.f.Lose("west"))
			verdict = s.eventually("east holds west for lost", func() bool { return s.verdict("east", "west") == fleet.Lost })
		})
		t.Logf("lost after %s", verdict.Round(time.Millisecond))
		if res.Clusters["west"] == 0 || res.Clusters["north"] == 0 {
			t.Errorf("answers came from %v, want from west first and then from north", res.Clusters)
		}
		t.Logf("the slowest answer took %s", res.Max.Round(time.Millisecond))
	})
	t.Run("it is found", func(t *testing.T) {
		s := s.in(t)
		s.under(east, "/stock", func() { s.must(s.f.Find("west")) })
		s.eventually("east holds west for serving", func() bool { return s.verdict("east", "west") == fleet.Serving })
	})
}

// in returns the shop for a part of a test.
func (s *shop) in(t *testing.T) *shop {
	part := *s
	part.t = t
	return &part
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
