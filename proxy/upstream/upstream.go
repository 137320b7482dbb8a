// Package upstream is what the data plane itself knows of its upstream hosts, and what it makes of it: who is usable, what is in flight
// where, what may be tried again, and how much of that.
//
// A Registry holds clusters and hosts. A host is one address, shared by all clusters that have it, so that what one learns the others
// know. Configuration comes in as compiled clusters and endpoint sets; whatever changes the opinion of a host (an active check, an
// ejection) makes new views of the clusters that have it. Requests read a Snapshot, pick from it, Begin a try, and report its
// outcome.
//
// It carries no bytes and knows nothing of HTTP libraries: whatever moves the bytes asks here.
package upstream

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
)

// Dial opens a connection.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Registry holds the clusters and their hosts. All its methods may be called at any time from anywhere.
type Registry struct {
	dial Dial
	log  *slog.Logger

	mu       sync.Mutex // guards what configuration and health write; requests do not take it
	hosts    map[netip.AddrPort]*Host
	clusters sync.Map // name -> *Cluster
	sets     map[string]*match.Endpoints
	closed   bool
}

// NewRegistry returns an empty one. dial is used for checks alone.
func NewRegistry(dial Dial, log *slog.Logger) *Registry {
	return &Registry{dial: dial, log: log, hosts: map[netip.AddrPort]*Host{}, sets: map[string]*match.Endpoints{}}
}

// Cluster returns the cluster of that name, or nil.
func (r *Registry) Cluster(name string) *Cluster {
	c, ok := r.clusters.Load(name)
	if !ok {
		return nil
	}
	return c.(*Cluster)
}

// Ready says whether a cluster and its endpoint set are both known, though the set may be empty.
func (r *Registry) Ready(name string) bool {
	c := r.Cluster(name)
	return c != nil && c.Snapshot() != nil
}

// SetCluster adds a cluster or changes how it is used.
func (r *Registry) SetCluster(spec *match.Cluster) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.Cluster(spec.Name)
	if c == nil {
		c = &Cluster{Name: spec.Name, registry: r}
		r.clusters.Store(spec.Name, c)
	}
	c.spec = spec
	c.adopt(r.sets[spec.Endpoints])
}

// RemoveCluster forgets a cluster. Requests that have a snapshot of it go on.
func (r *Registry) RemoveCluster(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.Cluster(name); c != nil {
		r.clusters.Delete(name)
		c.adopt(nil)
	}
}

// SetEndpoints adds or replaces an endpoint set. Tries that are in flight to a target which it calls lost are aborted, where that is
// safe.
func (r *Registry) SetEndpoints(e *match.Endpoints) { r.setEndpoints(e.Name, e) }

// RemoveEndpoints forgets an endpoint set.
func (r *Registry) RemoveEndpoints(name string) { r.setEndpoints(name, nil) }

func (r *Registry) setEndpoints(name string, e *match.Endpoints) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e == nil {
		delete(r.sets, name)
	} else {
		r.sets[name] = e
	}
	for c := range r.All() {
		if c.spec.Endpoints == name {
			c.adopt(e)
		}
	}
}

// All yields the clusters in no order.
func (r *Registry) All() func(yield func(*Cluster) bool) {
	return func(yield func(*Cluster) bool) {
		r.clusters.Range(func(_, c any) bool { return yield(c.(*Cluster)) })
	}
}

// Close stops all checks. Requests may go on.
func (r *Registry) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, h := range r.hosts {
		h.stop()
	}
}

// host returns the host of an address for a cluster that has it now. r.mu is held.
func (r *Registry) host(addr netip.AddrPort) *Host {
	h := r.hosts[addr]
	if h == nil {
		h = &Host{Addr: addr, registry: r, clusters: map[*Cluster]fleet.TargetHealth{}, tries: map[*Try]struct{}{}}
		r.hosts[addr] = h
	}
	return h
}

// changed makes new views of the clusters that have the host. r.mu is held.
func (r *Registry) changed(h *Host) {
	for c := range h.clusters {
		c.rebuild()
	}
}
