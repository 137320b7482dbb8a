package picture

import (
	"fmt"
	"net/netip"
	"testing"
)

// One change must cost the same however large the fleet is.
var sizes = []int{100, 10_000}

func addr(i int) string { return fmt.Sprintf("127.11.%d.%d", i/250%100, 1+i%250) }

func BenchmarkOneEndpoint(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("services=%d", n), func(b *testing.B) {
			v := west()
			v.ServiceRanges = []netip.Prefix{netip.MustParsePrefix("127.64.0.0/16")}
			c := NewCentre(v, Prior{})
			facts := []Change{is(namespace("shop")), is(memberObject("east", "us", "us-b", int32(n), int32(n)))}
			flip := [2]Change{}
			for i := range n {
				name := fmt.Sprintf("s%d", i)
				s, ex := svc("shop", name, 80), serviceExport("shop", name, 1)
				for _, f := range remote("east", s, ex, slice("shop", name, name+"-1", true, 80, addr(i))) {
					facts = append(facts, is(f))
				}
				if i == n/2 {
					flip[0] = is(remote("east", s, ex, slice("shop", name, name+"-1", false, 80, addr(i)))[1])
					flip[1] = is(remote("east", s, ex, slice("shop", name, name+"-1", true, 80, addr(i)))[1])
				}
			}
			c.Step(facts, start)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, changed, _ := c.Step(flip[i%2:i%2+1], start); len(changed) == 0 {
					b.Fatal("nothing changed")
				}
			}
		})
	}
}

func BenchmarkOneRoute(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			c := NewCentre(west(), Prior{})
			facts := []Change{is(namespace("shop")), is(svc("shop", "web", 80)), is(gatewayObject("gw", 8080, "*"))}
			for i := range n {
				facts = append(facts, is(httpRoute(fmt.Sprintf("r%d", i), "gw", fmt.Sprintf("h%d.example", i), "/", "Service", "web", 80)))
			}
			c.Step(facts, start)
			flip := [2]Change{
				is(httpRoute("r7", "gw", "h7.example", "/a", "Service", "web", 80)),
				is(httpRoute("r7", "gw", "h7.example", "/b", "Service", "web", 80)),
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, changed, _ := c.Step(flip[i%2:i%2+1], start); len(changed) == 0 {
					b.Fatal("nothing changed")
				}
			}
		})
	}
}
