package serve

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/xds"
)

// outbox is a delta stream that keeps what is sent.
type outbox struct {
	grpc.ServerStream
	sent []*discoveryv3.DeltaDiscoveryResponse
}

func (o *outbox) Send(r *discoveryv3.DeltaDiscoveryResponse) error {
	o.sent = append(o.sent, r)
	return nil
}

func (o *outbox) Recv() (*discoveryv3.DeltaDiscoveryRequest, error) { panic("not used") }

// model is a delta client that follows everything, takes responses in order, and answers them when it likes.
type model struct {
	server  *Server
	session *session
	delta   *delta
	out     *outbox
	seen    int // responses taken
	answer  []*discoveryv3.DeltaDiscoveryRequest
	held    map[string]map[string]*discoveryv3.Resource
}

func newModel(s *Server) *model {
	m := &model{server: s, held: map[string]map[string]*discoveryv3.Resource{}}
	for _, typeURL := range xds.Types {
		m.held[typeURL] = map[string]*discoveryv3.Resource{}
	}
	m.connect()
	return m
}

// connect opens a stream and tells what the client holds from earlier ones.
func (m *model) connect() {
	if m.session != nil {
		m.server.leave(m.session)
	}
	m.out, m.seen, m.answer = &outbox{}, 0, nil
	m.session = newSession(m.server, &corev3.Node{Id: "west"}, Delta)
	m.delta = &delta{session: m.session, stream: m.out}
	m.session.out = m.delta
	m.server.enter(m.session)
	for _, typeURL := range xds.Types {
		held := map[string]string{}
		for name, r := range m.held[typeURL] {
			held[name] = r.Version
		}
		m.delta.handle(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, ResourceNamesSubscribe: []string{"*"}, InitialResourceVersions: held})
	}
}

// take applies the next response, if there is one.
func (m *model) take() bool {
	if m.seen == len(m.out.sent) {
		return false
	}
	r := m.out.sent[m.seen]
	m.seen++
	for _, res := range r.Resources {
		m.held[r.TypeUrl][res.Name] = res
	}
	for _, name := range r.RemovedResources {
		delete(m.held[r.TypeUrl], name)
	}
	m.answer = append(m.answer, &discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.TypeUrl, ResponseNonce: r.Nonce})
	return true
}

func (m *model) acknowledge() bool {
	if len(m.answer) == 0 {
		return false
	}
	m.delta.handle(m.answer[0])
	m.answer = m.answer[1:]
	return true
}

// dangling returns a cluster that a held virtual host points at and that is not held; empty if there is none.
func (m *model) dangling(t *rapid.T) string {
	for _, r := range m.held[xds.HostType] {
		v := &routev3.VirtualHost{}
		if err := proto.Unmarshal(r.Resource.Value, v); err != nil {
			t.Fatal(err)
		}
		for _, c := range v.Routes[0].GetRoute().GetWeightedClusters().GetClusters() {
			if m.held[xds.ClusterType][c.Name] == nil || m.held[xds.EndpointsType][c.Name] == nil {
				return v.Name + " points at " + c.Name
			}
		}
	}
	return ""
}

// current says in what the client differs from what is served; empty where it does not.
func (m *model) current() string {
	set := m.server.Set()
	for _, typeURL := range xds.Types {
		if len(m.held[typeURL]) != set.Len(typeURL) {
			return fmt.Sprintf("%s: %d held, %d served", typeURL, len(m.held[typeURL]), set.Len(typeURL))
		}
		for r := range set.All(typeURL) {
			if got := m.held[typeURL][r.Name].GetVersion(); got != r.Version {
				return fmt.Sprintf("%s: version %q held, %q served", r.Name, got, r.Version)
			}
		}
	}
	return ""
}

// shuffle makes a random picture in which every route points at a group that is there, and returns the keys that may have changed.
func shuffle(t *rapid.T, w source) (keys []picture.Key) {
	clear(w.hosts)
	clear(w.groups)
	for i := range 3 {
		id := fleet.GroupID{Kind: fleet.Import, Service: fleet.Name{Namespace: "shop", Name: fmt.Sprint("g", i)}, Port: 80}
		keys = append(keys, picture.Key{Kind: picture.KindGroup, Path: id.String()})
		if rapid.Bool().Draw(t, "group") {
			var tiers []fleet.Tier
			if rapid.Bool().Draw(t, "endpoints") {
				tiers = []fleet.Tier{tier("west", fleet.Healthy, "10.0.0.1:80")}
			}
			w.groups[id] = &fleet.Group{ID: id, Tiers: tiers}
		}
	}
	groups := make([]fleet.GroupID, 0, len(w.groups))
	for id := range w.groups {
		groups = append(groups, id)
	}
	slices.SortFunc(groups, func(a, b fleet.GroupID) int { return strings.Compare(a.String(), b.String()) })
	for i := range 3 {
		id := route.HostID{Server: web, Hostname: fmt.Sprintf("%d.example", i)}
		keys = append(keys, picture.Key{Kind: picture.KindHost, Path: id.String()})
		if len(groups) > 0 && rapid.Bool().Draw(t, "host") {
			group := rapid.SampledFrom(groups).Draw(t, "to")
			w.hosts[id] = &route.VirtualHost{ID: id, Rules: []*route.Rule{{
				Name: "r", Match: route.Match{Path: route.Prefix, Value: "/"}, Backends: []route.Backend{{Group: group, Weight: 1}},
			}}}
		}
	}
	return keys
}

// However pictures change, however slowly a client takes and answers, and however often it comes back: nothing that it holds ever
// points at what it does not hold, and in the end it holds just what is served.
func TestAClientHoldsWhatIsServed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := source{map[route.ServerID]*route.Server{}, map[route.HostID]*route.VirtualHost{}, map[fleet.GroupID]*fleet.Group{}}
		s := New(xds.NewStore(xds.Options{}))
		m := newModel(s)
		flush := func() {
			if err := m.session.flush(); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				s.Update(w, shuffle(t, w))
			case 1, 2:
				m.take()
			case 3:
				m.acknowledge()
			case 4:
				flush()
			case 5:
				if rapid.IntRange(0, 5).Draw(t, "again") == 0 {
					m.connect()
				}
			}
			if d := m.dangling(t); d != "" {
				t.Fatal(d)
			}
			if s.Clients()[0].Current && m.current() != "" {
				t.Fatalf("current, they say, but %s", m.current())
			}
		}
		for flush(); m.take() || m.acknowledge(); flush() {
			if d := m.dangling(t); d != "" {
				t.Fatal(d)
			}
		}
		if c := s.Clients(); len(c) != 1 || !c[0].Current {
			t.Fatalf("not current: %+v", c)
		}
		if why := m.current(); why != "" {
			t.Fatal(why)
		}
	})
}
