package serve

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/xds"
)

// FuzzRequests feeds any bytes as the requests of a delta client. Nothing panics, and a sane request afterwards is answered rightly.
func FuzzRequests(f *testing.F) {
	for _, r := range []*discoveryv3.DeltaDiscoveryRequest{
		{TypeUrl: xds.ClusterType},
		{TypeUrl: xds.HostType, ResourceNamesSubscribe: []string{"shop/web:8080", "*"}, ResourceNamesUnsubscribe: []string{"*", "a"}},
		{TypeUrl: xds.EndpointsType, ResponseNonce: "1", ErrorDetail: &statuspb.Status{Message: "a: b: c\n: \n\n"}},
		{TypeUrl: "", InitialResourceVersions: map[string]string{"": ""}},
	} {
		b, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append([]byte{byte(len(b))}, b...))
	}
	id := fleet.GroupID{Kind: fleet.Import, Service: fleet.Name{Namespace: "shop", Name: "cart"}, Port: 80}
	w := source{map[route.ServerID]*route.Server{}, map[route.HostID]*route.VirtualHost{}, map[fleet.GroupID]*fleet.Group{id: {ID: id}}}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := New(xds.NewStore(xds.Options{}))
		s.Update(w, []picture.Key{{Kind: picture.KindGroup, Path: id.String()}})
		session := newSession(s, &corev3.Node{}, Delta)
		out := &outbox{}
		d := &delta{session: session, stream: out}
		session.out = d
		for len(b) > 0 {
			n := min(int(b[0]), len(b)-1)
			r := &discoveryv3.DeltaDiscoveryRequest{}
			if proto.Unmarshal(b[1:1+n], r) == nil {
				d.handle(r)
				if err := session.flush(); err != nil {
					t.Fatal(err)
				}
			}
			b = b[1+n:]
		}
		for _, sub := range session.subscriptions {
			sub.awaiting = nil
		}
		d.handle(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: xds.EndpointsType}) // opens the type, if nothing has
		d.handle(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: xds.EndpointsType, ResourceNamesSubscribe: []string{id.String()}})
		out.sent = nil
		if err := session.flush(); err != nil {
			t.Fatal(err)
		}
		for _, r := range out.sent {
			for _, res := range r.Resources {
				if r.TypeUrl == xds.EndpointsType && res.Name == id.String() {
					return
				}
			}
		}
		t.Errorf("asked for and not sent: %v", out.sent)
	})
}
