package serve

import (
	"fmt"
	"strings"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/xds"
)

func TestAChangedEndpointSendsOneResource(t *testing.T) {
	b := startLocal(t)
	b.update(b.server(), b.host("a.example", 200), b.host("b.example", 200),
		b.group("cart", tier("west", fleet.Healthy, "10.0.0.1:80")), b.group("web"))
	c := b.delta(t)
	c.follow(xds.ClusterType)
	c.expect("Cluster +import/shop/cart:80 +import/shop/web:80")
	c.follow(xds.EndpointsType, "import/shop/cart:80", "import/shop/web:80")
	c.expect("ClusterLoadAssignment +import/shop/cart:80 +import/shop/web:80")
	c.follow(xds.ListenerType, "*")
	c.expect("Listener +shop/web:8080")
	c.follow(xds.RouteType, "shop/web:8080")
	c.expect("RouteConfiguration +shop/web:8080")
	c.follow(xds.HostType, "*")
	c.expect("VirtualHost +shop/web:8080/a.example +shop/web:8080/b.example")
	c.follow(xds.SecretType)
	c.expect("Secret") // an empty answer: there is none

	b.update(b.group("cart", tier("west", fleet.Unready, "10.0.0.1:80")))
	c.expect("ClusterLoadAssignment +import/shop/cart:80")
	b.update(b.host("b.example", 201))
	c.expect("VirtualHost +shop/web:8080/b.example")
	b.update(b.without(b.host("a.example", 0)))
	c.expect("VirtualHost -shop/web:8080/a.example")
	c.quiet()
}

func TestNamesThatAreNotThereAreTold(t *testing.T) {
	b := startLocal(t)
	c := b.delta(t)
	c.follow(xds.EndpointsType, "import/shop/cart:80")
	c.expect("ClusterLoadAssignment -import/shop/cart:80")
	b.update(b.group("cart"))
	c.expect("ClusterLoadAssignment +import/shop/cart:80")
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: xds.EndpointsType, ResourceNamesUnsubscribe: []string{"import/shop/cart:80"}})
	c.quiet()
	b.update(b.group("cart", tier("west", fleet.Healthy, "10.0.0.1:80")))
	c.quiet()
	c.follow(xds.EndpointsType, "import/shop/cart:80")
	c.expect("ClusterLoadAssignment +import/shop/cart:80")
	c.follow(xds.EndpointsType, "import/shop/cart:80") // who asks again is told again
	c.expect("ClusterLoadAssignment +import/shop/cart:80")
	c.follow("type.googleapis.com/unheard.Of", "x")
	c.expect("Of -x")
}

func TestARefusedResourceIsShownByName(t *testing.T) {
	b := startLocal(t)
	b.update(b.server(), b.host("a.example", 200), b.host("b.example", 200))
	c := b.delta(t)
	c.follow(xds.HostType, "*")
	r := c.next()
	c.nack(r, "shop/web:8080/b.example: routes[0]: too bright\nand the rest")
	eventually(t, "the refusal is shown", func() bool { return b.report(xds.HostType).Refused == 1 })
	want := Report{TypeURL: xds.HostType, Resources: 2, Sent: 1, Refused: 1, Refusals: []Refusal{
		{Name: "shop/web:8080/b.example", Reason: "routes[0]: too bright"}, {Reason: "and the rest"}}}
	if diff := cmp.Diff(want, b.report(xds.HostType)); diff != "" {
		t.Error(diff)
	}
	if node := b.Clients()[0]; node.Node != "west" || node.Rendering != xds.Plain {
		t.Errorf("client: %+v", node)
	}

	// What was refused is not sent again as it was, but again when it has changed.
	b.update(b.host("a.example", 201))
	c.expect("VirtualHost +shop/web:8080/a.example")
	eventually(t, "acked", func() bool { return b.report(xds.HostType).Acked == 1 })
	if got := b.report(xds.HostType).Refusals; len(got) != 1 || got[0].Name != "shop/web:8080/b.example" {
		t.Errorf("refusals after another resource was taken: %+v", got)
	}
	b.update(b.host("b.example", 201))
	c.expect("VirtualHost +shop/web:8080/b.example")
	eventually(t, "the refusal is over", func() bool { return len(b.report(xds.HostType).Refusals) == 0 })
}

func TestAClientThatComesBackGetsTheDifferences(t *testing.T) {
	b := startLocal(t)
	b.update(b.group("cart"), b.group("web"), b.group("old"))
	c := b.delta(t)
	c.follow(xds.ClusterType, "*")
	held := map[string]string{}
	for _, r := range c.expect("Cluster +import/shop/cart:80 +import/shop/old:80 +import/shop/web:80").Resources {
		held[r.Name] = r.Version
	}

	// Another server with the same picture gives the same versions.
	b = startLocal(t)
	cart := b.group("cart")
	for id := range b.world.groups {
		b.world.groups[id].SessionAffinity = "ClientIP"
	}
	b.update(cart, b.group("web"))
	c = b.delta(t)
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: xds.ClusterType, ResourceNamesSubscribe: []string{"*"}, InitialResourceVersions: held})
	c.expect("Cluster +import/shop/cart:80")
	c.expect("Cluster -import/shop/old:80")
	held["import/shop/web:80"] = "other"
	c = b.delta(t)
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: xds.ClusterType, ResourceNamesSubscribe: []string{"import/shop/web:80"},
		InitialResourceVersions: held})
	c.expect("Cluster +import/shop/web:80")
}

func TestAdditionsComeBeforeWhatPointsAtThemAndRemovalsAfter(t *testing.T) {
	b := startLocal(t)
	b.update(b.server(), b.host("a.example", 200), b.group("old"))
	c := b.delta(t)
	for _, typeURL := range []string{xds.ClusterType, xds.RouteType, xds.HostType, xds.ListenerType} {
		c.follow(typeURL, "*")
		c.ack(c.next())
	}
	b.update(b.host("a.example", 201), b.without(b.group("old")), b.host("b.example", 200), b.group("new"))
	c.expect("Cluster +import/shop/new:80")
	c.expect("VirtualHost +shop/web:8080/a.example +shop/web:8080/b.example")
	c.expect("Cluster -import/shop/old:80")

	// A cluster that cannot be sent yet, because the last response is not answered, holds back the route.
	b.update(b.group("one"))
	one := c.next()
	b.update(b.group("two"), b.host("a.example", 202))
	b.update(b.host("b.example", 202), b.without(b.group("one")))
	c.quiet()
	c.ack(one)
	c.expect("Cluster +import/shop/two:80")
	c.expect("VirtualHost +shop/web:8080/a.example +shop/web:8080/b.example")
	c.expect("Cluster -import/shop/one:80")
}

func TestASlowClientSkipsWhatWasOvertaken(t *testing.T) {
	b := startLocal(t)
	b.update(b.group("cart"))
	c := b.delta(t)
	c.follow(xds.EndpointsType, "import/shop/cart:80")
	first := c.next()
	for i := range 100 {
		b.update(b.group("cart", tier("west", fleet.Healthy, fmt.Sprintf("10.0.0.%d:80", i+1))))
	}
	c.ack(first)
	last := c.expect("ClusterLoadAssignment +import/shop/cart:80")
	if want := b.Set().Get(xds.EndpointsType, "import/shop/cart:80").Version; last.Resources[0].Version != want {
		t.Errorf("version %s, the newest is %s", last.Resources[0].Version, want)
	}
	c.quiet()
}

func TestResponsesAreCutIntoChunks(t *testing.T) {
	b := startLocal(t)
	var keys []picture.Key
	for i := range 30 {
		key := b.host(fmt.Sprintf("%02d.example", i), 200)
		id, _ := xds.ParseHostID(key.Path)
		b.world.hosts[id].Rules[0].Respond.Body = strings.Repeat("x", 100<<10)
		keys = append(keys, key)
	}
	b.update(keys...)
	c := b.delta(t)
	c.follow(xds.HostType, "*")
	total, chunks := 0, 0
	for total < 30 {
		r := c.next()
		c.ack(r)
		size := 0
		for _, res := range r.Resources {
			size += len(res.Resource.Value)
		}
		if size > chunk {
			t.Errorf("a response of %d bytes", size)
		}
		total, chunks = total+len(r.Resources), chunks+1
	}
	if chunks != 3 {
		t.Errorf("%d chunks", chunks)
	}
	b.update(b.host("00.example", 201))
	c.expect("VirtualHost +shop/web:8080/00.example")
}

// Envoy subscribes to the virtual hosts of a route configuration by its name.
func TestVirtualHostsOfOneServer(t *testing.T) {
	b := startLocal(t)
	b.update(b.server(), b.host("a.example", 200))
	c := b.delta(t)
	c.follow(xds.HostType, "shop/web:8080")
	c.expect("VirtualHost +shop/web:8080/a.example")
	b.update(b.host("b.example", 200))
	c.expect("VirtualHost +shop/web:8080/b.example")
}

func TestManyClientsWhileThePictureChanges(t *testing.T) {
	b := startLocal(t)
	b.update(b.group("cart"))
	ended := make(chan string, 8)
	for range cap(ended) {
		c := b.delta(t)
		c.follow(xds.EndpointsType, "import/shop/cart:80", "import/shop/last:80")
		go func() {
			held := map[string]string{}
			for r := range c.got {
				for _, res := range r.Resources {
					held[res.Name] = res.Version
				}
				if err := c.stream.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.TypeUrl, ResponseNonce: r.Nonce}); err != nil {
					break
				}
				if held["import/shop/last:80"] != "" {
					break
				}
			}
			ended <- held["import/shop/cart:80"]
		}()
	}
	for i := range 200 {
		b.update(b.group("cart", tier("west", fleet.Healthy, fmt.Sprintf("10.0.0.%d:80", i+1))))
		_ = b.Clients()
	}
	b.update(b.group("last"))
	for range cap(ended) {
		if got, want := <-ended, b.Set().Get(xds.EndpointsType, "import/shop/cart:80").Version; got != want {
			t.Errorf("version %s, the newest is %s", got, want)
		}
	}
}
