package trace

import (
	"net/netip"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/xds"
)

// world is a picture that tests fill by hand.
type world struct {
	servers  map[route.ServerID]*route.Server
	hosts    map[route.HostID]*route.VirtualHost
	groups   map[fleet.GroupID]*fleet.Group
	services map[fleet.Name]*picture.Service
}

func (w *world) Vantage() picture.Vantage {
	return picture.Vantage{Cluster: fleet.Cluster{Name: "west"}}
}
func (w *world) Server(id route.ServerID) *route.Server  { return w.servers[id] }
func (w *world) Host(id route.HostID) *route.VirtualHost { return w.hosts[id] }
func (w *world) Group(id fleet.GroupID) *fleet.Group     { return w.groups[id] }
func (w *world) Service(n fleet.Name) *picture.Service   { return w.services[n] }

// publish makes the resources of the whole world.
func (w *world) publish() *xds.Set {
	s := xds.NewStore(xds.Options{ServiceListeners: true})
	var keys []picture.Key
	for id := range w.servers {
		keys = append(keys, picture.Key{Kind: picture.KindServer, Path: id.String()})
	}
	for id := range w.hosts {
		keys = append(keys, picture.Key{Kind: picture.KindHost, Path: id.String()})
	}
	for id := range w.groups {
		keys = append(keys, picture.Key{Kind: picture.KindGroup, Path: id.String()})
	}
	for id := range w.services {
		keys = append(keys, picture.Key{Kind: picture.KindService, Path: id.String()})
	}
	s.Apply(w, keys)
	return s.Set()
}

var (
	gateway = fleet.Name{Namespace: "shop", Name: "web"}
	address = netip.MustParseAddr("127.0.0.11")
	cart    = fleet.GroupID{Kind: fleet.Import, Service: fleet.Name{Namespace: "shop", Name: "cart"}, Port: 80}
	webPage = fleet.GroupID{Kind: fleet.Local, Service: fleet.Name{Namespace: "shop", Name: "web"}, Port: 80}
	empty   = fleet.GroupID{Kind: fleet.Import, Service: fleet.Name{Namespace: "shop", Name: "empty"}, Port: 80}
)

// shop is a gateway with HTTP and HTTPS in cluster west, in front of a cart in three clusters.
func shop() *world {
	w := &world{
		servers:  map[route.ServerID]*route.Server{},
		hosts:    map[route.HostID]*route.VirtualHost{},
		groups:   map[fleet.GroupID]*fleet.Group{},
		services: map[fleet.Name]*picture.Service{},
	}
	plain := &route.Server{ID: route.ServerID{Gateway: gateway, Port: 8080}, Addresses: []netip.Addr{address},
		Listeners: []route.Listener{{Name: "http", Hostname: "*"}}}
	secure := &route.Server{ID: route.ServerID{Gateway: gateway, Port: 8443}, Addresses: []netip.Addr{address}, TLS: true,
		Listeners: []route.Listener{
			secured("https", "shop.example", "shop-tls"),
			secured("other", "other.example", "other-tls"),
		}}
	w.servers[plain.ID], w.servers[secure.ID] = plain, secure
	for _, s := range []route.ServerID{plain.ID, secure.ID} {
		w.host(s, "shop.example", storefront()...)
	}
	w.host(secure.ID, "other.example", &route.Rule{Name: "shop/other/0/0", Match: prefix("/"), Respond: &route.Respond{Code: 204}})
	w.group(cart,
		tier("zone", place("west", "us-a", "10.0.0.1:80", fleet.Healthy, "10.0.0.2:80", fleet.Unready)),
		tier("region", place("east", "us-b", "10.1.0.1:80", fleet.Healthy, "10.1.0.2:80", fleet.Healthy)),
		tier("lost", place("north", "eu-a", "10.2.0.1:80", fleet.LostTarget)),
	)
	w.group(webPage, tier("zone", place("west", "us-a", "10.0.0.9:80", fleet.Healthy)))
	w.group(empty, tier("zone", place("west", "us-a", "10.0.0.5:80", fleet.Unready)))
	w.services[cart.Service] = &picture.Service{
		Merged: &mcs.Merged{Name: cart.Service, Ports: []mcs.MergedPort{{Port: fleet.Port{Port: 80, Protocol: fleet.TCP}}}},
		IPs:    []netip.Addr{netip.MustParseAddr("127.1.240.1")},
	}
	return w
}

func storefront() []*route.Rule {
	to := func(group fleet.GroupID, weight uint32) route.Backend {
		return route.Backend{Group: group, Weight: weight}
	}
	return []*route.Rule{
		{Name: "shop/storefront/0/0", Match: prefix("/catalog"), Backends: []route.Backend{to(webPage, 1)}},
		{Name: "shop/storefront/1/0", Match: prefix("/cart"), Backends: []route.Backend{to(cart, 1)}},
		{Name: "shop/storefront/2/0", Match: prefix("/old"), Redirect: &route.Redirect{Scheme: "https", Code: 301}},
		{Name: "shop/storefront/3/0", Match: prefix("/empty"), Backends: []route.Backend{to(empty, 1)}},
		{Name: "shop/storefront/4/0", Match: prefix("/broken"), Backends: []route.Backend{{Invalid: true, Weight: 1}}},
		{Name: "shop/storefront/5/0", Match: prefix("/v2"), Backends: []route.Backend{to(webPage, 1), to(cart, 0), to(webPage, 2)},
			Rewrite:        &route.Rewrite{Hostname: "web.internal", Path: &route.PathEdit{Prefix: true, Value: "/"}},
			RequestHeaders: route.HeaderEdit{Set: []route.Header{{Name: "x-version", Value: "2"}}}},
		{Name: "shop/storefront/6/0", Match: route.Match{Path: route.Exact, Value: "/", Method: "GET"}, Backends: []route.Backend{to(webPage, 1)}},
	}
}

func (w *world) host(s route.ServerID, name string, rules ...*route.Rule) {
	id := route.HostID{Server: s, Hostname: name}
	w.hosts[id] = &route.VirtualHost{ID: id, Listener: "http", Rules: rules}
}

func (w *world) group(id fleet.GroupID, tiers ...fleet.Tier) {
	w.groups[id] = &fleet.Group{ID: id, Protocol: fleet.TCP, Tiers: tiers}
}

func prefix(p string) route.Match { return route.Match{Path: route.Prefix, Value: p} }

func secured(name, hostname, secret string) route.Listener {
	return route.Listener{Name: name, Hostname: hostname, Certificates: []route.Certificate{{
		Secret: fleet.Name{Namespace: "shop", Name: secret}, Cert: []byte("certificate"), Key: []byte("key"),
	}}}
}

func tier(name string, places ...fleet.Place) fleet.Tier {
	return fleet.Tier{Name: name, Places: places}
}

// place takes addresses, each followed by its health.
func place(cluster, zone string, targets ...any) fleet.Place {
	p := fleet.Place{Cluster: cluster, Locality: fleet.Locality{Region: zone[:2], Zone: zone}, Weight: 1}
	for i := 0; i < len(targets); i += 2 {
		p.Targets = append(p.Targets, fleet.Target{
			Addr: netip.MustParseAddrPort(targets[i].(string)), Weight: 1, Health: targets[i+1].(fleet.TargetHealth),
		})
	}
	return p
}
