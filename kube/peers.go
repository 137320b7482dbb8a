package kube

import (
	"net"
	"slices"
	"strconv"
	"sync"

	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/fleet"
)

// Peers is a Receiver that knows the replicas of the agent by the EndpointSlices of their headless Service. While the API server is away,
// they are those that were known last.
type Peers struct {
	service fleet.Name

	mu    sync.Mutex
	pods  map[string][]pod // by slice
	heard func()
}

type pod struct {
	address string
	serving bool
}

// NewPeers returns the Peers behind a Service. heard is called when they change; it must not block, and may be nil.
func NewPeers(service fleet.Name, heard func()) *Peers {
	return &Peers{service: service, pods: map[string][]pod{}, heard: heard}
}

// Beacons returns host:port of each replica that is ready, sorted.
func (p *Peers) Beacons(port int) []string {
	return p.addresses(port, func(at pod) bool { return at.serving })
}

// Others returns host:port of each replica, ready or not, but for the one at an address, sorted.
func (p *Peers) Others(own string, port int) []string {
	return p.addresses(port, func(at pod) bool { return at.address != own })
}

func (p *Peers) addresses(port int, want func(pod) bool) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pods := range p.pods {
		for _, at := range pods {
			if want(at) {
				out = append(out, net.JoinHostPort(at.address, strconv.Itoa(port)))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Replace implements Receiver.
func (p *Peers) Replace(kind string, all []client.Object) {
	if kind != kindSlice {
		return
	}
	p.mu.Lock()
	before := p.pods
	p.pods = map[string][]pod{}
	for _, obj := range all {
		if s, ok := p.mine(obj); ok {
			p.pods[s.Name] = podsOf(s)
		}
	}
	changed := len(before) > 0 || len(p.pods) > 0
	p.mu.Unlock()
	p.tell(changed)
}

// Put implements Receiver.
func (p *Peers) Put(obj client.Object) {
	s, ok := p.mine(obj)
	if !ok {
		return
	}
	p.mu.Lock()
	pods := podsOf(s)
	changed := !slices.Equal(p.pods[s.Name], pods)
	p.pods[s.Name] = pods
	p.mu.Unlock()
	p.tell(changed)
}

// Delete implements Receiver.
func (p *Peers) Delete(obj client.Object) {
	s, ok := p.mine(obj)
	if !ok {
		return
	}
	p.mu.Lock()
	delete(p.pods, s.Name)
	p.mu.Unlock()
	p.tell(true)
}

func (p *Peers) tell(changed bool) {
	if changed && p.heard != nil {
		p.heard()
	}
}

func (p *Peers) mine(obj client.Object) (*discoveryv1.EndpointSlice, bool) {
	s, ok := obj.(*discoveryv1.EndpointSlice)
	if !ok || s.Namespace != p.service.Namespace || s.Labels[discoveryv1.LabelServiceName] != p.service.Name {
		return nil, false
	}
	return s, true
}

// podsOf reads the pods of a slice. All are ready by its word, as the Service publishes them in any case: serving is what they say.
func podsOf(s *discoveryv1.EndpointSlice) (pods []pod) {
	for _, e := range s.Endpoints {
		if len(e.Addresses) == 0 {
			continue
		}
		serving := e.Conditions.Serving == nil || *e.Conditions.Serving
		if e.Conditions.Terminating != nil && *e.Conditions.Terminating {
			serving = false
		}
		pods = append(pods, pod{e.Addresses[0], serving})
	}
	return pods
}
