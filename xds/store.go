package xds

import (
	"maps"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
)

// Source is what a Store reads of a picture. Each method returns nil for what is not there. *picture.Picture is one.
type Source interface {
	Server(route.ServerID) *route.Server
	Host(route.HostID) *route.VirtualHost
	Group(fleet.GroupID) *fleet.Group
	Service(fleet.Name) *picture.Service
}

// Options choose what a Store makes of a picture.
type Options struct {
	// ServiceListeners asks for a TCP listener on each port of each clusterset IP.
	ServiceListeners bool
	// NoHealthChecks leaves active health checks out of clusters.
	NoHealthChecks bool
}

// Store holds the resources of a picture and follows its changes. It is for one goroutine; the Sets that it gives are for any.
type Store struct {
	options Options
	set     *Set
	// secrets lists the Secrets that each server presents, users the servers that present each Secret.
	secrets map[route.ServerID][]fleet.Name
	users   map[fleet.Name]map[route.ServerID]bool
	// listeners lists the names of a service's TCP listeners, owners the service of each.
	listeners map[fleet.Name][]string
	owners    map[string]fleet.Name
	rejected  map[route.HostID]picture.Rejection
}

// NewStore returns an empty Store.
func NewStore(o Options) *Store {
	return &Store{
		options:   o,
		set:       newSet(),
		secrets:   map[route.ServerID][]fleet.Name{},
		users:     map[fleet.Name]map[route.ServerID]bool{},
		listeners: map[fleet.Name][]string{},
		owners:    map[string]fleet.Name{},
		rejected:  map[route.HostID]picture.Rejection{},
	}
}

// Keys lists every key of a picture that has a resource: what Apply needs to take over a whole picture.
func Keys(pic *picture.Picture) []picture.Key {
	var keys []picture.Key
	for v := range pic.Groups() {
		keys = append(keys, picture.Key{Kind: picture.KindGroup, Path: v.ID.String()})
	}
	for v := range pic.Servers() {
		keys = append(keys, picture.Key{Kind: picture.KindServer, Path: v.ID.String()})
	}
	for v := range pic.Hosts() {
		keys = append(keys, picture.Key{Kind: picture.KindHost, Path: v.ID.String()})
	}
	for v := range pic.Services() {
		keys = append(keys, picture.Key{Kind: picture.KindService, Path: v.Name.String()})
	}
	return keys
}

// Set returns the resources as they are now.
func (s *Store) Set() *Set { return s.set }

// Rejections lists the virtual hosts whose rules the proxy's matcher refuses, by the route that holds the first rule at fault. Their
// last good versions stay published.
func (s *Store) Rejections() []picture.Rejection {
	ids := slices.SortedFunc(maps.Keys(s.rejected), compareHosts)
	out := make([]picture.Rejection, len(ids))
	for i, id := range ids {
		out[i] = s.rejected[id]
	}
	return out
}

// Apply takes over the keys of a picture that changed and returns the resources that thereby changed, in the order of the keys.
// Keys of kinds that have no resource are passed over. The cost depends on what changed alone.
func (s *Store) Apply(pic Source, changed []picture.Key) []Changed {
	e := s.set.edit()
	for _, key := range changed {
		s.apply(e, pic, key)
	}
	set, out := e.done()
	s.set = set
	return out
}

// apply passes over a path that is no id: the picture's keys are its own.
func (s *Store) apply(e *edit, pic Source, key picture.Key) {
	switch key.Kind {
	case picture.KindServer:
		if id, err := ParseServerID(key.Path); err == nil {
			s.server(e, id, pic.Server(id))
		}
	case picture.KindHost:
		if id, err := ParseHostID(key.Path); err == nil {
			s.host(e, id, pic.Host(id))
		}
	case picture.KindGroup:
		if id, err := fleet.ParseGroupID(key.Path); err == nil {
			s.group(e, id, pic.Group(id))
		}
	case picture.KindService:
		name := fleet.ParseName(key.Path)
		s.service(e, name, pic.Service(name))
	}
}

func (s *Store) server(e *edit, id route.ServerID, server *route.Server) {
	var secrets []fleet.Name
	if server != nil {
		secrets = s.present(e, id, server)
	}
	for _, old := range s.secrets[id] {
		if !slices.Contains(secrets, old) {
			s.withdraw(e, id, old)
		}
	}
	delete(s.secrets, id)
	if len(secrets) > 0 {
		s.secrets[id] = secrets
	}
	if server == nil {
		e.remove(ListenerType, id.String())
		e.remove(RouteType, id.String())
		return
	}
	e.put(RouteType, newResource(id.String(), RouteConfiguration(server)))
	if l := Listener(server); l != nil {
		e.put(ListenerType, newResource(l.Name, l))
	} else {
		e.remove(ListenerType, id.String())
	}
}

// present publishes the certificates of a server and returns the Secrets that hold them.
func (s *Store) present(e *edit, id route.ServerID, server *route.Server) []fleet.Name {
	var secrets []fleet.Name
	for i := range server.Listeners {
		for j := range server.Listeners[i].Certificates {
			c := &server.Listeners[i].Certificates[j]
			if slices.Contains(secrets, c.Secret) {
				continue
			}
			secrets = append(secrets, c.Secret)
			if s.users[c.Secret] == nil {
				s.users[c.Secret] = map[route.ServerID]bool{}
			}
			s.users[c.Secret][id] = true
			e.put(SecretType, newResource(c.Secret.String(), Secret(c)))
		}
	}
	return secrets
}

// withdraw takes a Secret from a server; with its last user it is gone.
func (s *Store) withdraw(e *edit, id route.ServerID, secret fleet.Name) {
	delete(s.users[secret], id)
	if len(s.users[secret]) == 0 {
		delete(s.users, secret)
		e.remove(SecretType, secret.String())
	}
}

func (s *Store) host(e *edit, id route.HostID, host *route.VirtualHost) {
	delete(s.rejected, id)
	if host == nil {
		e.remove(HostType, id.String())
		return
	}
	v := VirtualHost(host)
	if _, err := match.CompileHost(v); err != nil {
		s.rejected[id] = reject(host, v, err)
		return
	}
	e.put(HostType, newResource(v.Name, v))
}

// reject blames the route of the first rule that does not compile by itself.
func reject(host *route.VirtualHost, v *routev3.VirtualHost, err error) picture.Rejection {
	r := picture.Rejection{Message: "not published for " + host.ID.String() + ": " + err.Error()}
	for i, rule := range host.Rules {
		one := &routev3.VirtualHost{Name: v.Name, Domains: v.Domains, Routes: v.Routes[i : i+1]}
		if _, err := match.CompileHost(one); err != nil {
			r.Object = rule.Route
			break
		}
	}
	return r
}

// group publishes a group over TCP. Nothing in xDS carries the others: their packets go by address.
func (s *Store) group(e *edit, id fleet.GroupID, group *fleet.Group) {
	if group == nil || id.Protocol != "" {
		e.remove(ClusterType, id.String())
		e.remove(EndpointsType, id.String())
		return
	}
	e.put(ClusterType, newResource(id.String(), s.cluster(group)))
	e.put(EndpointsType, newResource(id.String(), Endpoints(group)))
}

func (s *Store) cluster(group *fleet.Group) *clusterv3.Cluster {
	c := Cluster(group)
	if s.options.NoHealthChecks {
		c.HealthChecks = nil
	}
	return c
}
