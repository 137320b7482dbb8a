package serve

import (
	"maps"
	"slices"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/xds"
)

// postbox is a state-of-the-world stream that keeps what is sent.
type postbox struct {
	grpc.ServerStream
	sent []*discoveryv3.DiscoveryResponse
}

func (p *postbox) Send(r *discoveryv3.DiscoveryResponse) error {
	p.sent = append(p.sent, r)
	return nil
}

func (p *postbox) Recv() (*discoveryv3.DiscoveryRequest, error) { panic("not used") }

// envoy is a state-of-the-world client as Envoy is one: all clusters, the endpoints of those that it has, one route configuration.
type envoy struct {
	session *session
	world   *world
	out     *postbox
	seen    int
	answer  []string          // types whose last response is not answered yet
	nonces  map[string]string // of the last response taken, by type

	clusters  map[string]bool
	endpoints map[string]*anypb.Any
	routes    *routev3.RouteConfiguration
}

func newEnvoy(s *Server) *envoy {
	e := &envoy{out: &postbox{}, nonces: map[string]string{}, endpoints: map[string]*anypb.Any{}, routes: &routev3.RouteConfiguration{}}
	e.session = newSession(s, &corev3.Node{Id: "edge", UserAgentName: "envoy"}, World)
	e.world = &world{session: e.session, stream: e.out}
	e.session.out = e.world
	s.enter(e.session)
	e.ask(xds.ClusterType)
	e.ask(xds.RouteType)
	return e
}

// ask sends a request with the names that are wanted now.
func (e *envoy) ask(typeURL string) {
	r := &discoveryv3.DiscoveryRequest{TypeUrl: typeURL, ResponseNonce: e.nonces[typeURL]}
	switch typeURL {
	case xds.RouteType:
		r.ResourceNames = []string{web.String()}
	case xds.EndpointsType:
		r.ResourceNames = slices.Collect(maps.Keys(e.clusters))
	}
	e.world.handle(r)
}

// take applies the next response. New clusters ask for their endpoints.
func (e *envoy) take(t *rapid.T) bool {
	if e.seen == len(e.out.sent) {
		return false
	}
	r := e.out.sent[e.seen]
	e.seen++
	e.nonces[r.TypeUrl] = r.Nonce
	e.answer = append(e.answer, r.TypeUrl)
	if r.TypeUrl == xds.ClusterType {
		e.clusters = map[string]bool{}
	}
	for _, body := range r.Resources {
		e.apply(t, body)
	}
	if r.TypeUrl == xds.ClusterType {
		maps.DeleteFunc(e.endpoints, func(name string, _ *anypb.Any) bool { return !e.clusters[name] })
		e.ask(xds.EndpointsType)
	}
	return true
}

func (e *envoy) apply(t *rapid.T, body *anypb.Any) {
	m, err := body.UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	switch m := m.(type) {
	case *clusterv3.Cluster:
		e.clusters[m.Name] = true
	case *endpointv3.ClusterLoadAssignment:
		if e.clusters[m.ClusterName] {
			e.endpoints[m.ClusterName] = body
		}
	case *routev3.RouteConfiguration:
		e.routes = m
	}
}

func (e *envoy) acknowledge() bool {
	if len(e.answer) == 0 {
		return false
	}
	e.ask(e.answer[0])
	e.answer = e.answer[1:]
	return true
}

func (e *envoy) dangling() string {
	for _, v := range e.routes.VirtualHosts {
		for _, c := range v.Routes[0].GetRoute().GetWeightedClusters().GetClusters() {
			if !e.clusters[c.Name] {
				return v.Name + " points at " + c.Name
			}
		}
	}
	return ""
}

// The same for the state of the world: no route points at a cluster that is not there, and in the end all is as it is served.
func TestAnEnvoyHoldsWhatIsServed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := source{map[route.ServerID]*route.Server{web: {ID: web}}, map[route.HostID]*route.VirtualHost{}, map[fleet.GroupID]*fleet.Group{}}
		s := New(xds.NewStore(xds.Options{}))
		s.Update(w, []picture.Key{{Kind: picture.KindServer, Path: web.String()}})
		e := newEnvoy(s)
		flush := func() {
			if err := e.session.flush(); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				s.Update(w, shuffle(t, w))
			case 1, 2:
				e.take(t)
			case 3:
				e.acknowledge()
			case 4:
				flush()
			}
			if d := e.dangling(); d != "" {
				t.Fatal(d)
			}
		}
		for flush(); e.take(t) || e.acknowledge(); flush() {
			if d := e.dangling(); d != "" {
				t.Fatal(d)
			}
		}
		if len(e.clusters) != s.Set().Len(xds.ClusterType) || len(e.endpoints) != s.Set().Len(xds.EndpointsType) {
			t.Fatalf("%v and %d endpoint sets held, %d served", e.clusters, len(e.endpoints), s.Set().Len(xds.ClusterType))
		}
		for r := range s.Set().All(xds.EndpointsType) {
			if !proto.Equal(e.endpoints[r.Name], r.Body) {
				t.Fatalf("%s is not as it is served", r.Name)
			}
		}
		if whole := xds.Whole.Get(s.Set(), xds.RouteType, web.String()); !proto.Equal(packed(t, e.routes), whole.Body) {
			t.Fatalf("routes held: %v", e.routes)
		}
	})
}

func packed(t *rapid.T, m proto.Message) *anypb.Any {
	a := new(anypb.Any)
	if err := anypb.MarshalFrom(a, m, proto.MarshalOptions{Deterministic: true}); err != nil {
		t.Fatal(err)
	}
	return a
}
