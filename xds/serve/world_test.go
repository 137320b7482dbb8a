package serve

import (
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/xds"
)

// stateful is a raw state-of-the-world client.
type stateful struct {
	t      *testing.T
	stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesClient
}

func (b *bench) worldClient(t *testing.T) *stateful {
	t.Helper()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(b.conn).StreamAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &stateful{t, stream}
}

func (s *stateful) ask(typeURL, nonce string, names ...string) {
	s.t.Helper()
	if err := s.stream.Send(&discoveryv3.DiscoveryRequest{
		Node: &corev3.Node{Id: "edge", UserAgentName: "envoy"}, TypeUrl: typeURL, ResponseNonce: nonce, ResourceNames: names,
	}); err != nil {
		s.t.Fatal(err)
	}
}

// expect reads a response and compares the names of its resources.
func (s *stateful) expect(typeURL string, names ...string) *discoveryv3.DiscoveryResponse {
	s.t.Helper()
	r, err := s.stream.Recv()
	if err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for _, body := range r.Resources {
		got = append(got, nameOf(s.t, body))
	}
	if r.TypeUrl != typeURL || strings.Join(got, " ") != strings.Join(names, " ") {
		s.t.Errorf("%s %v, want %s %v", r.TypeUrl, got, typeURL, names)
	}
	return r
}

func nameOf(t *testing.T, body *anypb.Any) string {
	t.Helper()
	m, err := body.UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	switch m := m.(type) {
	case interface{ GetName() string }:
		return m.GetName()
	case interface{ GetClusterName() string }:
		return m.GetClusterName()
	}
	t.Fatalf("%T has no name", m)
	return ""
}

func TestTheStateOfTheWorldOfAnEnvoy(t *testing.T) {
	b := startLocal(t)
	b.update(b.server(), b.host("a.example", 200), b.group("cart"), b.group("old"))
	s := b.worldClient(t)
	s.ask(xds.ClusterType, "")
	clusters := s.expect(xds.ClusterType, "import/shop/cart:80", "import/shop/old:80")
	s.ask(xds.ClusterType, clusters.Nonce)
	s.ask(xds.RouteType, "", "shop/web:8080")
	routes := s.expect(xds.RouteType, "shop/web:8080")
	c := &routev3.RouteConfiguration{}
	if err := proto.Unmarshal(routes.Resources[0].Value, c); err != nil || len(c.VirtualHosts) != 1 || c.Vhds != nil {
		t.Errorf("route configuration: %v %v", c, err)
	}
	s.ask(xds.RouteType, routes.Nonce, "shop/web:8080")
	s.ask(xds.EndpointsType, "", "import/shop/cart:80")
	endpoints := s.expect(xds.EndpointsType, "import/shop/cart:80")
	s.ask(xds.EndpointsType, endpoints.Nonce, "import/shop/cart:80")

	// A new cluster comes first, with the old one still there; it goes when the routes have changed.
	b.update(b.host("b.example", 200), b.without(b.group("old")), b.group("new"))
	clusters = s.expect(xds.ClusterType, "import/shop/cart:80", "import/shop/new:80", "import/shop/old:80")
	routes = s.expect(xds.RouteType, "shop/web:8080")
	s.ask(xds.RouteType, routes.Nonce, "shop/web:8080")
	s.ask(xds.ClusterType, clusters.Nonce)
	clusters = s.expect(xds.ClusterType, "import/shop/cart:80", "import/shop/new:80")

	// A NACK is an answer too, and an overtaken one is none.
	if err := s.stream.Send(&discoveryv3.DiscoveryRequest{TypeUrl: xds.ClusterType, ResponseNonce: clusters.Nonce,
		ErrorDetail: &statuspb.Status{Message: "no"}}); err != nil {
		t.Fatal(err)
	}
	b.update(b.group("cart", tier("west", fleet.Healthy, "10.0.0.1:80")))
	endpoints = s.expect(xds.EndpointsType, "import/shop/cart:80")
	s.ask(xds.EndpointsType, "1")
	s.ask(xds.EndpointsType, endpoints.Nonce, "import/shop/cart:80", "import/shop/new:80")
	s.expect(xds.EndpointsType, "import/shop/new:80")
	if r := b.report(xds.ClusterType); r.Refused != 1 || r.Refusals[0].Reason != "no" {
		t.Errorf("report: %+v", r)
	}
}
