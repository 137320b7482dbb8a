package serve

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"fairlead.dev/fairlead/xds"
)

// chunk bounds the resources of one delta response, in bytes. A single larger resource goes alone.
const chunk = 1 << 20

// DeltaAggregatedResources serves one client that speaks deltas.
func (s *Server) DeltaAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	session := newSession(s, first.GetNode(), Delta)
	d := &delta{session: session, stream: stream}
	session.out = d
	return run(session, stream, stream.Context().Done(), first, d.handle)
}

// delta is the incremental protocol of xDS on one stream.
type delta struct {
	session *session
	stream  discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer
}

// handle takes an answer, a change of subscription, or both at once.
func (d *delta) handle(r *discoveryv3.DeltaDiscoveryRequest) {
	s := d.session
	sub, fresh := s.subscription(r.GetTypeUrl())
	if nonce := r.GetResponseNonce(); nonce != "" {
		s.answer(sub, nonce, r.GetErrorDetail())
	}
	set, _ := s.server.current()
	if fresh {
		for name, version := range r.GetInitialResourceVersions() {
			sub.learn(name, &xds.Resource{Name: name, Version: version})
		}
		// An older way to say "*".
		if len(r.GetResourceNamesSubscribe()) == 0 {
			sub.followAll(s.rendering, set)
		}
	} else {
		// Who subscribes again wants to be told again.
		for _, name := range r.GetResourceNamesSubscribe() {
			sub.unlearn(name)
		}
	}
	sub.follow(s.rendering, set, r.GetResourceNamesSubscribe())
	if len(r.GetResourceNamesUnsubscribe()) > 0 {
		unfollow(sub, r.GetResourceNamesUnsubscribe())
	}
}

func unfollow(sub *subscription, names []string) {
	for _, name := range names {
		if name == "*" {
			sub.wildcard = false
			continue
		}
		delete(sub.names, name)
		if sub.wildcard {
			// It follows the name still, with all others, and has to be told so.
			sub.unlearn(name)
			sub.asked[name] = true
		}
	}
	sub.forget()
}

func (d *delta) put(sub *subscription, version string, resources []*xds.Resource, absent []string) error {
	for first := true; first || len(resources) > 0 || len(absent) > 0; first = false {
		n := fitting(resources)
		if err := d.send(sub, version, resources[:n], absent); err != nil {
			return err
		}
		resources, absent = resources[n:], nil
	}
	return nil
}

func (d *delta) drop(sub *subscription, version string, names []string) error {
	return d.send(sub, version, nil, names)
}

// fitting counts the first resources that go into one response.
func fitting(resources []*xds.Resource) (n int) {
	size := 0
	for ; n < len(resources); n++ {
		size += len(resources[n].Name) + len(resources[n].Body.GetValue())
		if n > 0 && size > chunk {
			break
		}
	}
	return n
}

func (d *delta) send(sub *subscription, version string, resources []*xds.Resource, removed []string) error {
	r := &discoveryv3.DeltaDiscoveryResponse{
		TypeUrl:           sub.typeURL,
		SystemVersionInfo: version,
		ControlPlane:      controlPlane(),
		RemovedResources:  removed,
	}
	names := make([]string, 0, len(resources)+len(removed))
	for _, res := range resources {
		names = append(names, res.Name)
		r.Resources = append(r.Resources, &discoveryv3.Resource{Name: res.Name, Version: res.Version, Resource: res.Body})
	}
	r.Nonce = d.session.sent(sub, append(names, removed...))
	return d.stream.Send(r)
}

func controlPlane() *corev3.ControlPlane { return &corev3.ControlPlane{Identifier: "fairlead"} }
