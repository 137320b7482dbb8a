package serve

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/google/go-cmp/cmp"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/xds"
)

// bench is a server with a picture that a test fills by hand.
type bench struct {
	*Server
	conn  *grpc.ClientConn
	world source
}

type source struct {
	servers map[route.ServerID]*route.Server
	hosts   map[route.HostID]*route.VirtualHost
	groups  map[fleet.GroupID]*fleet.Group
}

func (s source) Server(id route.ServerID) *route.Server   { return s.servers[id] }
func (s source) Host(id route.HostID) *route.VirtualHost  { return s.hosts[id] }
func (s source) Group(id fleet.GroupID) *fleet.Group      { return s.groups[id] }
func (s source) Service(name fleet.Name) *picture.Service { return nil }

func start(t *testing.T, lis net.Listener) *bench {
	t.Helper()
	b := &bench{
		Server: New(xds.NewStore(xds.Options{})),
		world:  source{map[route.ServerID]*route.Server{}, map[route.HostID]*route.VirtualHost{}, map[fleet.GroupID]*fleet.Group{}},
	}
	g := grpc.NewServer()
	b.Register(g)
	go func() { _ = g.Serve(lis) }()
	t.Cleanup(g.Stop)
	return b
}

// startLocal is start on a listener in memory, with a connection to it.
func startLocal(t *testing.T) *bench {
	t.Helper()
	lis := bufconn.Listen(1 << 20)
	b := start(t, lis)
	conn, err := grpc.NewClient("passthrough:///local", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return lis.Dial() }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	b.conn = conn
	return b
}

var web = route.ServerID{Gateway: fleet.Name{Namespace: "shop", Name: "web"}, Port: 8080}

// server, host and group change the picture and return the key that changed; without is the same for what goes.
func (b *bench) server() picture.Key {
	b.world.servers[web] = &route.Server{ID: web, Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.11")},
		Listeners: []route.Listener{{Name: "http", Hostname: "*"}}}
	return picture.Key{Kind: picture.KindServer, Path: web.String()}
}

func (b *bench) host(name string, code int) picture.Key {
	id := route.HostID{Server: web, Hostname: name}
	b.world.hosts[id] = &route.VirtualHost{ID: id, Rules: []*route.Rule{{
		Name: "shop/r/0/0", Match: route.Match{Path: route.Prefix, Value: "/"}, Respond: &route.Respond{Code: code},
	}}}
	return picture.Key{Kind: picture.KindHost, Path: id.String()}
}

func (b *bench) group(name string, tiers ...fleet.Tier) picture.Key {
	id := fleet.GroupID{Kind: fleet.Import, Service: fleet.Name{Namespace: "shop", Name: name}, Port: 80}
	b.world.groups[id] = &fleet.Group{ID: id, Protocol: fleet.TCP, Tiers: tiers}
	return picture.Key{Kind: picture.KindGroup, Path: id.String()}
}

func (b *bench) without(key picture.Key) picture.Key {
	if id, err := xds.ParseHostID(key.Path); err == nil {
		delete(b.world.hosts, id)
	}
	if id, err := fleet.ParseGroupID(key.Path); err == nil {
		delete(b.world.groups, id)
	}
	return key
}

func (b *bench) update(keys ...picture.Key) { b.Update(b.world, keys) }

func tier(cluster string, h fleet.TargetHealth, addresses ...string) fleet.Tier {
	p := fleet.Place{Cluster: cluster, Locality: fleet.Locality{Region: "us", Zone: cluster}, Weight: 1}
	for _, a := range addresses {
		p.Targets = append(p.Targets, fleet.Target{Addr: netip.MustParseAddrPort(a), Weight: 1, Health: h})
	}
	return fleet.Tier{Name: cluster, Places: []fleet.Place{p}}
}

const patience = 10 * time.Second

// client is a raw delta client.
type client struct {
	t      *testing.T
	stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
	got    chan *discoveryv3.DeltaDiscoveryResponse
}

func (b *bench) delta(t *testing.T) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(b.conn).DeltaAggregatedResources(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, stream: stream, got: make(chan *discoveryv3.DeltaDiscoveryResponse, 100)}
	go func() {
		defer close(c.got)
		for {
			r, err := stream.Recv()
			if err != nil {
				return
			}
			c.got <- r
		}
	}()
	return c
}

func (c *client) send(r *discoveryv3.DeltaDiscoveryRequest) {
	c.t.Helper()
	if r.Node == nil {
		r.Node = &corev3.Node{Id: "west", UserAgentName: "fairlead-proxy"}
	}
	if err := c.stream.Send(r); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) follow(typeURL string, names ...string) {
	c.t.Helper()
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, ResourceNamesSubscribe: names})
}

// next waits for the next response; ack says yes to it.
func (c *client) next() *discoveryv3.DeltaDiscoveryResponse {
	c.t.Helper()
	select {
	case r, ok := <-c.got:
		if !ok {
			c.t.Fatal("the stream has ended")
		}
		return r
	case <-time.After(patience):
		c.t.Fatal("no response comes")
		return nil
	}
}

func (c *client) ack(r *discoveryv3.DeltaDiscoveryResponse) {
	c.t.Helper()
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.TypeUrl, ResponseNonce: r.Nonce})
}

func (c *client) nack(r *discoveryv3.DeltaDiscoveryResponse, message string) {
	c.t.Helper()
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.TypeUrl, ResponseNonce: r.Nonce, ErrorDetail: &statuspb.Status{Message: message}})
}

// expect waits for a response, says yes to it, and compares it with one line: the kind, then +name or -name.
func (c *client) expect(want string) *discoveryv3.DeltaDiscoveryResponse {
	c.t.Helper()
	r := c.next()
	c.ack(r)
	if diff := cmp.Diff(want, line(r)); diff != "" {
		c.t.Errorf("response (-want +got):\n%s", diff)
	}
	return r
}

// quiet checks that nothing was sent: it asks for something unheard of and expects just that answer.
func (c *client) quiet() {
	c.t.Helper()
	name := fmt.Sprint("import/none/", time.Now().UnixNano(), ":1")
	c.follow(xds.EndpointsType, name)
	c.expect("ClusterLoadAssignment -" + name)
}

func line(r *discoveryv3.DeltaDiscoveryResponse) string {
	words := []string{r.TypeUrl[strings.LastIndex(r.TypeUrl, ".")+1:]}
	for _, res := range r.Resources {
		words = append(words, "+"+res.Name)
	}
	for _, name := range r.RemovedResources {
		words = append(words, "-"+name)
	}
	return strings.Join(words, " ")
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after %s", what, patience)
		}
	}
}

// report returns what the server knows of the only client's type.
func (b *bench) report(typeURL string) Report {
	for _, c := range b.Clients() {
		if i := slices.IndexFunc(c.Types, func(r Report) bool { return r.TypeURL == typeURL }); i >= 0 {
			return c.Types[i]
		}
	}
	return Report{}
}
