package serve

import (
	"maps"
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"fairlead.dev/fairlead/xds"
)

// StreamAggregatedResources serves one client that speaks the state of the world.
func (s *Server) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	session := newSession(s, first.GetNode(), World)
	w := &world{session: session, stream: stream}
	session.out = w
	return run(session, stream, stream.Context().Done(), first, w.handle)
}

// world is the state-of-the-world protocol of xDS on one stream.
type world struct {
	session *session
	stream  discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer
}

// handle takes an answer with the names that the client now follows. An answer to anything but the newest response of its type is
// overtaken: the client has that one to answer still, and says then what it follows.
func (w *world) handle(r *discoveryv3.DiscoveryRequest) {
	s := w.session
	sub, fresh := s.subscription(r.GetTypeUrl())
	if nonce := r.GetResponseNonce(); !fresh && nonce != "" && !s.answer(sub, nonce, r.GetErrorDetail()) && sub.blocked() {
		return
	}
	set, _ := s.server.current()
	names := r.GetResourceNames()
	if len(names) == 0 && whole(sub.typeURL) && (fresh || sub.wildcard) {
		if fresh {
			sub.followAll(s.rendering, set)
		}
		return
	}
	w.follow(sub, set, names)
	sub.owed = sub.owed || fresh && whole(sub.typeURL)
}

// follow makes names all that a client follows.
func (w *world) follow(sub *subscription, set *xds.Set, names []string) {
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	var added []string
	for name := range wanted {
		if followed := sub.names[name] || name == "*" && sub.wildcard; !followed {
			added = append(added, name)
		}
	}
	sub.wildcard = sub.wildcard && wanted["*"]
	maps.DeleteFunc(sub.names, func(name string, _ bool) bool { return !wanted[name] })
	sub.follow(w.session.rendering, set, added)
	sub.forget()
}

// whole says whether a response of a type holds everything that the client follows, so that what is missing is gone.
func whole(typeURL string) bool { return typeURL == xds.ListenerType || typeURL == xds.ClusterType }

func (w *world) put(sub *subscription, version string, resources []*xds.Resource, _ []string) error {
	if whole(sub.typeURL) {
		return w.sendAll(sub, version)
	}
	if len(resources) == 0 {
		return nil
	}
	return w.send(sub, version, resources)
}

// drop needs words only where a response holds everything: elsewhere a resource goes with what pointed at it.
func (w *world) drop(sub *subscription, version string, _ []string) error {
	if whole(sub.typeURL) {
		return w.sendAll(sub, version)
	}
	return nil
}

func (w *world) sendAll(sub *subscription, version string) error {
	var resources []*xds.Resource
	for _, name := range slices.Sorted(maps.Keys(sub.known)) {
		if res := sub.known[name]; res != nil {
			resources = append(resources, res)
		}
	}
	return w.send(sub, version, resources)
}

func (w *world) send(sub *subscription, version string, resources []*xds.Resource) error {
	r := &discoveryv3.DiscoveryResponse{TypeUrl: sub.typeURL, VersionInfo: version, ControlPlane: controlPlane()}
	names := make([]string, len(resources))
	for i, res := range resources {
		names[i] = res.Name
		r.Resources = append(r.Resources, &anypb.Any{TypeUrl: res.Body.TypeUrl, Value: res.Body.Value})
	}
	r.Nonce = w.session.sent(sub, names)
	return w.stream.Send(r)
}
