package xds

import (
	"fmt"
	"maps"
	"net/netip"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
)

// change makes one random change of a world and returns the key that changed.
func change(t *rapid.T, w *world) picture.Key {
	gone := rapid.IntRange(0, 4).Draw(t, "gone") == 0
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		s := server(uint16(rapid.IntRange(1, 3).Draw(t, "port")), anyListeners(t)...)
		if gone {
			delete(w.servers, s.ID)
			return serverKey(s.ID)
		}
		return w.setServer(s)
	case 1:
		h := host(rapid.SampledFrom([]string{"*", "a.example", "*.example"}).Draw(t, "hostname"), anyRules(t)...)
		if gone {
			delete(w.hosts, h.ID)
			return hostKey(h.ID)
		}
		return w.setHost(h)
	}
	g := anyGroup(t)
	if gone {
		delete(w.groups, g.ID)
		return groupKey(g.ID)
	}
	return w.setGroup(g)
}

func anyListeners(t *rapid.T) []route.Listener {
	if rapid.Bool().Draw(t, "plain") {
		return []route.Listener{{Name: "http", Hostname: "*"}}
	}
	var out []route.Listener
	for i, secret := range rapid.SliceOfN(rapid.SampledFrom([]string{"s/a", "s/b", "s/c"}), 1, 3).Draw(t, "secrets") {
		out = append(out, secured(fmt.Sprint(i), fmt.Sprintf("%d.example", i), secret))
	}
	return out
}

// anyRules are rules that compile: what was never good has no last good version, and a full build could not know it.
func anyRules(t *rapid.T) []*route.Rule {
	var out []*route.Rule
	for range rapid.IntRange(0, 3).Draw(t, "rules") {
		r := &route.Rule{Match: route.Match{
			Path:   rapid.SampledFrom([]route.PathMatch{route.Exact, route.Prefix, route.Regex}).Draw(t, "path"),
			Value:  rapid.SampledFrom([]string{"/", "/a", "/a/b", "/a/"}).Draw(t, "value"),
			Method: rapid.SampledFrom([]string{"", "GET"}).Draw(t, "method"),
		}}
		switch rapid.IntRange(0, 2).Draw(t, "action") {
		case 0:
			r.Redirect = &route.Redirect{Code: 301, Path: &route.PathEdit{Prefix: rapid.Bool().Draw(t, "prefix"), Value: "/x"}}
		case 1:
			r.Backends = []route.Backend{to(rapid.Uint32Range(0, 3).Draw(t, "weight"), "import/shop/cart:80"), to(1, "nothing")}
			r.Rewrite = &route.Rewrite{Path: &route.PathEdit{Prefix: true, Value: rapid.SampledFrom([]string{"", "/", "/y"}).Draw(t, "rewrite")}}
		}
		out = append(out, r)
	}
	return out
}

func anyGroup(t *rapid.T) *fleet.Group {
	g := cart()
	g.ID.Port = rapid.Uint16Range(80, 82).Draw(t, "port")
	g.SessionAffinity = rapid.SampledFrom([]string{"None", "ClientIP"}).Draw(t, "affinity")
	g.AppProtocol = rapid.SampledFrom([]string{"", "kubernetes.io/h2c"}).Draw(t, "protocol")
	for range rapid.IntRange(0, 3).Draw(t, "tiers") {
		var places []fleet.Place
		for i := range rapid.IntRange(1, 2).Draw(t, "places") {
			var targets []fleet.Target
			for range rapid.IntRange(0, 3).Draw(t, "targets") {
				addr := netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "address")})
				targets = append(targets, fleet.Target{
					Addr: netip.AddrPortFrom(addr, 80), Weight: rapid.Uint32Range(1, 5).Draw(t, "weight"),
					Health: fleet.TargetHealth(rapid.IntRange(0, 3).Draw(t, "health")),
				})
			}
			places = append(places, place(fmt.Sprint("c", i), targets...))
		}
		g.Tiers = append(g.Tiers, tier("t", places...))
	}
	return g
}

func TestFollowingChangesEqualsBuildingAnew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, s, keys := newWorld(), NewStore(Options{}), map[picture.Key]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			var changed []picture.Key
			for range rapid.IntRange(1, 3).Draw(t, "changes") {
				key := change(t, w)
				keys[key] = true
				changed = append(changed, key)
			}
			before := versions(s.Set())
			told := map[Changed]bool{}
			for _, c := range s.Apply(w, changed) {
				told[c] = true
			}
			after := versions(s.Set())
			for name := range joined(before, after) {
				if (before[name] != after[name]) != told[name] {
					t.Fatalf("%v: version %q before, %q after, told: %v", name, before[name], after[name], told[name])
				}
			}
		}
		anew := NewStore(Options{})
		anew.Apply(w, sortedKeys(keys))
		if diff := cmp.Diff(versions(anew.Set()), versions(s.Set())); diff != "" {
			t.Fatalf("built anew, and followed (-anew +followed):\n%s", diff)
		}
		compiles(t, s.Set())
		soundForGRPC(t, s.Set())
	})
}

func joined(a, b map[Changed]string) map[Changed]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// compiles checks that the proxy takes every resource but secrets, whose bytes are made up here.
func compiles(t *rapid.T, s *Set) {
	for r := range s.All(ListenerType) {
		m := &listenerv3.Listener{}
		unpack(r, m)
		if _, err := match.CompileListener(m); err != nil {
			t.Fatalf("%s: %v\n%v", r.Name, err, m)
		}
	}
	for r := range s.All(ClusterType) {
		m := &clusterv3.Cluster{}
		unpack(r, m)
		if _, err := match.CompileCluster(m); err != nil {
			t.Fatalf("%s: %v\n%v", r.Name, err, m)
		}
	}
	for r := range s.All(EndpointsType) {
		m := &endpointv3.ClusterLoadAssignment{}
		unpack(r, m)
		if _, err := match.CompileEndpoints(m); err != nil {
			t.Fatalf("%s: %v\n%v", r.Name, err, m)
		}
	}
	for r := range s.All(HostType) {
		m := &routev3.VirtualHost{}
		unpack(r, m)
		if err := m.ValidateAll(); err != nil {
			t.Fatalf("%s: %v\n%v", r.Name, err, m)
		}
	}
}

// soundForGRPC checks what a gRPC client refuses: gaps between priorities, empty or repeated places, repeated addresses; and that each
// change of the Set affects exactly names that the rendering has.
func soundForGRPC(t *rapid.T, s *Set) {
	for r := range s.All(EndpointsType) {
		a := &endpointv3.ClusterLoadAssignment{}
		unpack(GRPC.Get(s, EndpointsType, r.Name), a)
		next, seen := uint32(0), map[string]bool{}
		for i, l := range a.Endpoints {
			if i > 0 && l.Priority != next && l.Priority != next+1 || i == 0 && l.Priority != 0 {
				t.Fatalf("priorities have a gap: %v", a)
			}
			next = l.Priority
			place := fmt.Sprint(l.Priority, l.Locality.SubZone)
			if seen[place] || len(l.LbEndpoints) == 0 {
				t.Fatalf("a place is empty or stands twice: %v", a)
			}
			seen[place] = true
			for _, e := range l.LbEndpoints {
				address := e.GetEndpoint().GetAddress().String()
				if seen[address] {
					t.Fatalf("%s stands twice: %v", address, a)
				}
				seen[address] = true
			}
		}
	}
	for name := range GRPC.Names(s, ListenerType) {
		if GRPC.Get(s, ListenerType, name) == nil {
			t.Fatalf("the listener %s is named and not there", name)
		}
	}
}
