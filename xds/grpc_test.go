package xds

import (
	"fmt"
	"testing"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
)

// lines prints an endpoint set, one endpoint a line: priority, cluster, address.
func lines(a *endpointv3.ClusterLoadAssignment) (out []string) {
	for _, l := range a.Endpoints {
		for _, e := range l.LbEndpoints {
			sa := e.GetEndpoint().GetAddress().GetSocketAddress()
			out = append(out, fmt.Sprintf("%d %s %s:%d", l.Priority, l.Locality.SubZone, sa.Address, sa.GetPortValue()))
		}
	}
	return out
}

func TestGRPCClientsSeeOnlyWhatTakesTraffic(t *testing.T) {
	g := cart(
		tier("zone", place("west", target("10.0.0.1:80", fleet.Unready), target("10.0.0.2:80", fleet.Draining))),
		tier("region", place("east", target("10.1.0.1:80", fleet.Healthy), target("10.1.0.2:80", fleet.Unready)),
			place("north", target("10.1.0.1:80", fleet.Healthy))),
		tier("draining", place("south", target("10.2.0.1:80", fleet.Draining))),
		tier("rest", place("far", target("10.3.0.1:80", fleet.Healthy))),
		tier("lost", place("dead", target("10.4.0.1:80", fleet.LostTarget))),
	)
	want(t, "endpoints", lines(grpcEndpoints(Endpoints(g))), "0 east 10.1.0.1:80", "1 far 10.3.0.1:80")

	last := cart(tier("lost", place("dead", target("10.4.0.1:80", fleet.Healthy))))
	want(t, "last resort", lines(grpcEndpoints(Endpoints(last))), "0 dead 10.4.0.1:80")
}

func TestRenderingsFollowChanges(t *testing.T) {
	w, s := newWorld(), NewStore(Options{})
	s.Apply(w, []picture.Key{
		w.setServer(server(8080, route.Listener{Name: "http", Hostname: "*"})),
		w.setHost(host("a.example", &route.Rule{Respond: &route.Respond{Code: 200}})),
		w.setHost(host("b.example", &route.Rule{Respond: &route.Respond{Code: 200}})),
		w.setGroup(cart()),
	})
	c := &routev3.RouteConfiguration{}
	unpack(Whole.Get(s.Set(), RouteType, "shop/web:8080"), c)
	if c.Vhds != nil || len(c.VirtualHosts) != 2 || c.VirtualHosts[0].Name != "shop/web:8080/a.example" {
		t.Errorf("whole route configuration: %v", c)
	}
	affected := func(r Rendering, c Changed) (out []string) {
		r.Affected(c, func(c Changed) { out = append(out, short([]Changed{c})...) })
		return out
	}
	vhost := Changed{HostType, "shop/web:8080/a.example"}
	want(t, "a host, plain", affected(Plain, vhost), "VirtualHost shop/web:8080/a.example")
	want(t, "a host, whole", affected(Whole, vhost), "RouteConfiguration shop/web:8080")
	want(t, "a host, gRPC", affected(GRPC, vhost))
	want(t, "a cluster, gRPC", affected(GRPC, Changed{ClusterType, "import/shop/cart:80"}),
		"Cluster import/shop/cart:80", "Listener cart.shop.svc.clusterset.local:80")

	if GRPC.Get(s.Set(), ListenerType, "cart.shop.svc.clusterset.local:81") != nil {
		t.Error("a port that nobody has is served")
	}
	if GRPC.Get(s.Set(), ListenerType, "cart.shop.svc.clusterset.local:080") != nil {
		t.Error("one target has two names")
	}
	var all []string
	for name := range GRPC.Names(s.Set(), ListenerType) {
		all = append(all, name)
	}
	want(t, "gRPC listeners", all, "cart.shop.svc.clusterset.local:80")
}
