package xds

import (
	"fmt"
	"net/netip"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
)

// world is a Source that tests fill by hand.
type world struct {
	servers  map[route.ServerID]*route.Server
	hosts    map[route.HostID]*route.VirtualHost
	groups   map[fleet.GroupID]*fleet.Group
	services map[fleet.Name]*picture.Service
}

func newWorld() *world {
	return &world{
		servers:  map[route.ServerID]*route.Server{},
		hosts:    map[route.HostID]*route.VirtualHost{},
		groups:   map[fleet.GroupID]*fleet.Group{},
		services: map[fleet.Name]*picture.Service{},
	}
}

func (w *world) Server(id route.ServerID) *route.Server   { return w.servers[id] }
func (w *world) Host(id route.HostID) *route.VirtualHost  { return w.hosts[id] }
func (w *world) Group(id fleet.GroupID) *fleet.Group      { return w.groups[id] }
func (w *world) Service(name fleet.Name) *picture.Service { return w.services[name] }
func (w *world) setServer(s *route.Server) picture.Key    { w.servers[s.ID] = s; return serverKey(s.ID) }
func (w *world) setHost(h *route.VirtualHost) picture.Key { w.hosts[h.ID] = h; return hostKey(h.ID) }
func (w *world) setGroup(g *fleet.Group) picture.Key      { w.groups[g.ID] = g; return groupKey(g.ID) }
func serverKey(id route.ServerID) picture.Key {
	return picture.Key{Kind: picture.KindServer, Path: id.String()}
}
func hostKey(id route.HostID) picture.Key {
	return picture.Key{Kind: picture.KindHost, Path: id.String()}
}
func groupKey(id fleet.GroupID) picture.Key {
	return picture.Key{Kind: picture.KindGroup, Path: id.String()}
}
func serviceKey(n fleet.Name) picture.Key {
	return picture.Key{Kind: picture.KindService, Path: n.String()}
}

var web = route.ServerID{Gateway: fleet.Name{Namespace: "shop", Name: "web"}, Port: 8080}

func server(port uint16, listeners ...route.Listener) *route.Server {
	tls := len(listeners) > 0 && len(listeners[0].Certificates) > 0
	return &route.Server{
		ID:        route.ServerID{Gateway: web.Gateway, Port: port},
		Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.11"), netip.MustParseAddr("::1")},
		TLS:       tls,
		Listeners: listeners,
	}
}

func secured(name, hostname string, secrets ...string) route.Listener {
	l := route.Listener{Name: name, Hostname: hostname}
	for _, s := range secrets {
		l.Certificates = append(l.Certificates, route.Certificate{
			Secret: fleet.ParseName(s), Cert: []byte("certificate of " + s), Key: []byte("key of " + s),
		})
	}
	return l
}

func host(hostname string, rules ...*route.Rule) *route.VirtualHost {
	for i, r := range rules {
		if r.Name == "" {
			r.Name = fmt.Sprintf("shop/storefront/%d/0", i)
		}
		r.Route = fleet.Ref{Kind: "HTTPRoute", Name: fleet.Name{Namespace: "shop", Name: "storefront"}}
		if r.Match.Path == "" {
			r.Match.Path, r.Match.Value = route.Prefix, "/"
		}
	}
	return &route.VirtualHost{ID: route.HostID{Server: web, Hostname: hostname}, Rules: rules}
}

func to(weight uint32, group string) route.Backend {
	id, err := fleet.ParseGroupID(group)
	return route.Backend{Group: id, Weight: weight, Invalid: err != nil}
}

func cart(tiers ...fleet.Tier) *fleet.Group {
	return &fleet.Group{
		ID:       fleet.GroupID{Kind: fleet.Import, Service: fleet.Name{Namespace: "shop", Name: "cart"}, Port: 80},
		Protocol: fleet.TCP,
		Tiers:    tiers,
	}
}

func tier(name string, places ...fleet.Place) fleet.Tier {
	return fleet.Tier{Name: name, Places: places}
}

func place(cluster string, targets ...fleet.Target) fleet.Place {
	return fleet.Place{
		Cluster:  cluster,
		Locality: fleet.Locality{Region: "us", Zone: "us-" + cluster},
		Weight:   uint32(max(len(targets), 1)),
		Targets:  targets,
	}
}

func target(address string, h fleet.TargetHealth) fleet.Target {
	return fleet.Target{Addr: netip.MustParseAddrPort(address), Weight: 1, Health: h}
}
