package proxy

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"

	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/proxy/intake"
)

// store is the configuration, in pieces that requests read without a lock. It is the Sink of the intake.
type store struct {
	proxy   *Proxy
	tables  sync.Map // route configuration -> *table
	secrets sync.Map // name -> *match.Secret

	// Of the intake's goroutine alone.
	sets   references // endpoint sets, by the clusters that use them
	routes references // route configurations, by the listeners that use them
	wanted references // secrets, by the listeners that use them
	hosts  bool       // the first virtual hosts have come

	mu      sync.Mutex
	waiting map[string]*waitingHost
	stopped bool
}

// table is the virtual hosts of one route configuration.
type table struct {
	mu    sync.Mutex // of writers
	hosts atomic.Pointer[match.Hosts]
}

func newStore(p *Proxy) *store {
	return &store{proxy: p, sets: newReferences(), routes: newReferences(), wanted: newReferences(),
		waiting: map[string]*waitingHost{}}
}

// table returns the table of a route configuration; it is made when it is first asked for.
func (s *store) table(name string) *table {
	if t, ok := s.tables.Load(name); ok {
		return t.(*table)
	}
	t, _ := s.tables.LoadOrStore(name, &table{})
	return t.(*table)
}

func (s *store) secret(name string) *match.Secret {
	v, ok := s.secrets.Load(name)
	if !ok {
		return nil
	}
	return v.(*match.Secret)
}

// Wanted implements intake.Sink.
func (s *store) Wanted(t intake.Type) (map[string]bool, uint64) {
	switch t {
	case intake.Endpoints:
		return s.sets.names, s.sets.generation
	case intake.Routes:
		return s.routes.names, s.routes.generation
	case intake.Secrets:
		return s.wanted.names, s.wanted.generation
	}
	return nil, 0
}

// Apply implements intake.Sink.
func (s *store) Apply(t intake.Type, changed []*discoveryv3.Resource, removed []string) map[string]error {
	bad := map[string]error{}
	for _, r := range changed {
		if err := s.apply(t, r); err != nil {
			bad[r.GetName()] = err
		}
	}
	for _, name := range removed {
		s.remove(t, name)
	}
	if t == intake.Clusters || t == intake.Endpoints {
		s.wake()
	}
	if s.hosts = s.hosts || t == intake.Hosts; s.hosts && s.settled() {
		s.proxy.servers.begin()
	}
	s.proxy.stats.changes.Add(int64(len(changed) + len(removed) - len(bad)))
	s.proxy.stats.refused.Add(int64(len(bad)))
	return bad
}

// apply takes one resource. What does not even decode, or carries another name than it should, is as bad as what does not compile.
func (s *store) apply(t intake.Type, r *discoveryv3.Resource) error {
	if r.GetResource() == nil {
		return errors.New("it came without its content")
	}
	if r.GetResource().GetTypeUrl() != string(t) {
		return fmt.Errorf("it is a %s", r.GetResource().GetTypeUrl())
	}
	switch t {
	case intake.Clusters:
		return take(r, &clusterv3.Cluster{}, match.CompileCluster, (*clusterv3.Cluster).GetName, s.setCluster)
	case intake.Endpoints:
		return take(r, &endpointv3.ClusterLoadAssignment{}, match.CompileEndpoints, (*endpointv3.ClusterLoadAssignment).GetClusterName, s.setEndpoints)
	case intake.Secrets:
		return take(r, &tlsv3.Secret{}, match.CompileSecret, (*tlsv3.Secret).GetName, s.setSecret)
	case intake.Listeners:
		return take(r, &listenerv3.Listener{}, match.CompileListener, (*listenerv3.Listener).GetName, s.setListener)
	case intake.Routes:
		return take(r, &routev3.RouteConfiguration{}, checkShell, (*routev3.RouteConfiguration).GetName, func(string) error { return nil })
	case intake.Hosts:
		return take(r, &routev3.VirtualHost{}, match.CompileHost, (*routev3.VirtualHost).GetName, s.setHost)
	}
	return errors.New("its type is not known")
}

// take decodes, compiles and sets one resource.
func take[M proto.Message, C any](r *discoveryv3.Resource, m M, compile func(M) (C, error), name func(M) string, set func(C) error) error {
	if err := r.GetResource().UnmarshalTo(m); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if name(m) != r.GetName() {
		return fmt.Errorf("the resource inside is named %q", name(m))
	}
	c, err := compile(m)
	if err != nil {
		return err
	}
	return set(c)
}

// checkShell accepts a route configuration that says nothing of its own: the virtual hosts are resources of theirs.
func checkShell(rc *routev3.RouteConfiguration) (string, error) {
	if len(rc.GetVirtualHosts()) > 0 {
		return "", errors.New("virtual_hosts: they must come by vhds")
	}
	if len(rc.GetRequestHeadersToAdd())+len(rc.GetResponseHeadersToAdd())+len(rc.GetRequestHeadersToRemove())+len(rc.GetResponseHeadersToRemove()) > 0 {
		return "", errors.New("headers to add or remove: only virtual hosts and routes may have them")
	}
	return rc.GetName(), nil
}

func (s *store) setCluster(c *match.Cluster) error {
	s.sets.set(c.Name, c.Endpoints)
	s.proxy.registry.SetCluster(c)
	return nil
}

func (s *store) setEndpoints(e *match.Endpoints) error {
	s.proxy.registry.SetEndpoints(e)
	return nil
}

func (s *store) setSecret(c *match.Secret) error {
	s.secrets.Store(c.Name, c)
	return nil
}

// setListener opens what is new and keeps what stays. An address that cannot be opened is told, and tried again by and by; the others
// serve.
func (s *store) setListener(l *match.Listener) error {
	var secrets []string
	for _, c := range l.Chains {
		if c.TLS != nil {
			secrets = append(secrets, c.TLS.Secrets...)
		}
	}
	s.routes.set(l.Name, l.Routes()...)
	s.wanted.set(l.Name, secrets...)
	return s.proxy.servers.set(l)
}

func (s *store) remove(t intake.Type, name string) {
	switch t {
	case intake.Clusters:
		s.sets.set(name)
		s.proxy.registry.RemoveCluster(name)
	case intake.Endpoints:
		s.proxy.registry.RemoveEndpoints(name)
	case intake.Secrets:
		s.secrets.Delete(name)
	case intake.Listeners:
		s.routes.set(name)
		s.wanted.set(name)
		s.proxy.servers.remove(name)
	case intake.Hosts:
		s.removeHost(name)
	}
}

// references counts which names are used, by the names of their users.
type references struct {
	uses       map[string][]string
	count      map[string]int
	names      map[string]bool // those with a count
	generation uint64          // changes with names
}

func newReferences() references {
	return references{uses: map[string][]string{}, count: map[string]int{}, names: map[string]bool{}, generation: 1}
}

// set says what one user uses from now on.
func (r *references) set(user string, names ...string) {
	for _, n := range names {
		if r.count[n]++; r.count[n] == 1 {
			r.names[n] = true
			r.generation++
		}
	}
	for _, n := range r.uses[user] {
		if r.count[n]--; r.count[n] == 0 {
			delete(r.count, n)
			delete(r.names, n)
			r.generation++
		}
	}
	if r.uses[user] = names; len(names) == 0 {
		delete(r.uses, user)
	}
}
