package picture

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"fairlead.dev/fairlead/fleet"
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

// A cluster that is lost, and found, costs each service that it exports one computation: all of them together must be withdrawn within a
// fraction of the two seconds in which new connections are to leave it.
func BenchmarkVerdict(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("services=%d", n), func(b *testing.B) {
			v := realWest()
			c := NewCentre(v, Prior{})
			facts := []Change{is(namespace("shop")), is(observed("east", 0))}
			for _, cluster := range []string{"east", "north"} {
				facts = append(facts, is(memberObject(cluster, "us", "us-b", int32(n), int32(n))))
				for i := range n {
					name := fmt.Sprintf("s%d", i)
					s, ex := svc("shop", name, 80), serviceExport("shop", name, 1)
					for _, f := range remote(cluster, s, ex, slice("shop", name, name+"-1", true, 80, fmt.Sprintf("10.%d.%d.1", 16+i/250, i%250), fmt.Sprintf("10.%d.%d.2", 16+i/250, i%250))) {
						facts = append(facts, is(f))
					}
					if cluster == "east" {
						facts = append(facts, is(&Derived{Service: fleet.Name{Namespace: "shop", Name: name}, Families: v.Families,
							IPs: []netip.Addr{netip.AddrFrom4([4]byte{10, 96, byte(i / 250), byte(i % 250)})}}))
					}
				}
			}
			c.Step(facts, start)
			now := start
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				now = now.Add(time.Minute)
				_, changed, _ := c.Step([]Change{is(observed("east", 3*((i+1)%2)))}, now)
				if i%2 == 1 { // it must answer for a while
					now = now.Add(time.Minute)
					_, changed, _ = c.Step(nil, now)
				}
				if len(changed) < 2*n {
					b.Fatalf("%d values changed", len(changed))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/service")
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
