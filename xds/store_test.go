package xds

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
)

// short is a changed resource in one word: the kind and the name.
func short(changed []Changed) []string {
	out := make([]string, 0, len(changed))
	for _, c := range changed {
		out = append(out, c.TypeURL[strings.LastIndex(c.TypeURL, ".")+1:]+" "+c.Name)
	}
	return out
}

func names(s *Set, typeURL string) (out []string) {
	for r := range s.All(typeURL) {
		out = append(out, r.Name)
	}
	return out
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, got...)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestOnlyWhatChangedChanges(t *testing.T) {
	w, s := newWorld(), NewStore(Options{})
	west := place("west", target("10.0.0.1:80", fleet.Healthy))
	keys := []picture.Key{
		w.setServer(server(8080, route.Listener{Name: "http", Hostname: "*"})),
		w.setHost(host("shop.example", &route.Rule{Backends: []route.Backend{to(1, "import/shop/cart:80")}})),
		w.setGroup(cart(tier("zone", west))),
		{Kind: picture.KindMember, Path: "west"},
	}
	want(t, "first", short(s.Apply(w, keys)), "RouteConfiguration shop/web:8080", "Listener shop/web:8080",
		"VirtualHost shop/web:8080/shop.example", "Cluster import/shop/cart:80", "ClusterLoadAssignment import/shop/cart:80")
	before := s.Set()
	want(t, "the same again", short(s.Apply(w, keys)))
	if s.Set() != before {
		t.Error("nothing changed, but the set did")
	}

	key := w.setGroup(cart(tier("zone", west, place("east", target("10.1.0.1:80", fleet.Healthy)))))
	want(t, "one more endpoint", short(s.Apply(w, []picture.Key{key})), "ClusterLoadAssignment import/shop/cart:80")
	if before.Get(EndpointsType, "import/shop/cart:80").Version == s.Set().Get(EndpointsType, "import/shop/cart:80").Version {
		t.Error("another content has the same version")
	}

	clear(w.servers)
	clear(w.hosts)
	clear(w.groups)
	s.Apply(w, keys)
	for _, typeURL := range Types {
		want(t, "after all is gone", names(s.Set(), typeURL))
	}
}

func TestOnlyGroupsOverTCPArePublished(t *testing.T) {
	w, s := newWorld(), NewStore(Options{})
	g := cart(tier("zone", place("west", target("10.0.0.1:53", fleet.Healthy))))
	g.ID, g.Protocol = g.ID.Over(fleet.UDP), fleet.UDP
	want(t, "over UDP", short(s.Apply(w, []picture.Key{w.setGroup(g)})))
}

func TestAHostThatDoesNotCompileKeepsItsLastGoodVersion(t *testing.T) {
	w, s := newWorld(), NewStore(Options{})
	good := &route.Rule{Backends: []route.Backend{to(1, "import/shop/cart:80")}}
	key := w.setHost(host("shop.example", good))
	s.Apply(w, []picture.Key{key})
	version := s.Set().Get(HostType, key.Path).Version

	bad := &route.Rule{Name: "shop/broken/0/0", Match: route.Match{Path: route.Regex, Value: "("}, Respond: &route.Respond{Code: 200}}
	h := host("shop.example", good, bad)
	bad.Route.Name.Name = "broken"
	w.setHost(h)
	want(t, "changed", short(s.Apply(w, []picture.Key{key})))
	if got := s.Set().Get(HostType, key.Path); got == nil || got.Version != version {
		t.Errorf("the last good version is not there: %v", got)
	}
	rejected := s.Rejections()
	if len(rejected) != 1 || rejected[0].Object.String() != "HTTPRoute shop/broken" || !strings.Contains(rejected[0].Message, "shop/broken/0/0") {
		t.Errorf("rejections: %+v", rejected)
	}

	w.setHost(host("shop.example", good))
	s.Apply(w, []picture.Key{key})
	if len(s.Rejections()) != 0 {
		t.Errorf("still rejected: %+v", s.Rejections())
	}
}

func TestASecretStaysWhileAServerPresentsIt(t *testing.T) {
	w, s := newWorld(), NewStore(Options{})
	a := w.setServer(server(8443, secured("a", "a.example", "shop/one", "shop/two"), secured("b", "b.example", "shop/one")))
	b := w.setServer(server(9443, secured("c", "*", "shop/one")))
	s.Apply(w, []picture.Key{a, b})
	want(t, "both", names(s.Set(), SecretType), "shop/one", "shop/two")

	w.setServer(server(8443, secured("a", "a.example", "shop/two")))
	s.Apply(w, []picture.Key{a})
	want(t, "one server less", names(s.Set(), SecretType), "shop/one", "shop/two")

	delete(w.servers, route.ServerID{Gateway: web.Gateway, Port: 9443})
	s.Apply(w, []picture.Key{b})
	want(t, "no user left", names(s.Set(), SecretType), "shop/two")
}

func TestClustersetIPsListenWhenAsked(t *testing.T) {
	w := newWorld()
	name := fleet.Name{Namespace: "shop", Name: "cart"}
	w.services[name] = &picture.Service{
		Merged: &mcs.Merged{Name: name, Ports: []mcs.MergedPort{
			{Port: fleet.Port{Port: 80, Protocol: fleet.TCP}}, {Port: fleet.Port{Port: 53, Protocol: fleet.UDP}},
		}},
		IPs: []netip.Addr{netip.MustParseAddr("127.1.240.1"), netip.MustParseAddr("fd00::1")},
	}
	quiet := NewStore(Options{})
	want(t, "not asked", short(quiet.Apply(w, []picture.Key{serviceKey(name)})))

	s := NewStore(Options{ServiceListeners: true})
	s.Apply(w, []picture.Key{serviceKey(name)})
	want(t, "asked", names(s.Set(), ListenerType), "ip/127.1.240.1:80", "ip/[fd00::1]:80")
	w.services[name].IPs = w.services[name].IPs[1:]
	s.Apply(w, []picture.Key{serviceKey(name)})
	want(t, "one address less", names(s.Set(), ListenerType), "ip/[fd00::1]:80")
	delete(w.services, name)
	s.Apply(w, []picture.Key{serviceKey(name)})
	want(t, "gone", names(s.Set(), ListenerType))
}

func TestAnAddressMayGoToAnotherServiceInOneStep(t *testing.T) {
	w, s := newWorld(), NewStore(Options{ServiceListeners: true})
	serve := func(name string, ips ...string) picture.Key {
		n := fleet.Name{Namespace: "shop", Name: name}
		svc := &picture.Service{Merged: &mcs.Merged{Name: n, Ports: []mcs.MergedPort{{Port: fleet.Port{Port: 80, Protocol: fleet.TCP}}}}}
		for _, ip := range ips {
			svc.IPs = append(svc.IPs, netip.MustParseAddr(ip))
		}
		w.services[n] = svc
		return serviceKey(n)
	}
	a, b := serve("a", "127.1.240.1"), serve("b")
	s.Apply(w, []picture.Key{a, b})
	a, b = serve("a"), serve("b", "127.1.240.1")
	want(t, "changed", short(s.Apply(w, []picture.Key{b, a})), "Listener ip/127.1.240.1:80")
	want(t, "there", names(s.Set(), ListenerType), "ip/127.1.240.1:80")
	s.Apply(w, []picture.Key{serve("b")})
	want(t, "gone", names(s.Set(), ListenerType))
}

func TestIDs(t *testing.T) {
	for _, id := range []route.HostID{
		{Server: web, Hostname: "shop.example"},
		{Server: web, Hostname: "*.shop.example"},
		{Server: web, Hostname: "*"},
	} {
		if got, err := ParseHostID(id.String()); err != nil || got != id {
			t.Errorf("%s reads as %v, %v", id, got, err)
		}
	}
	for _, s := range []string{"", "a", "a/b", "a/b:x", "a/b:99999", "a/b:80"} {
		if got, err := ParseHostID(s); err == nil {
			t.Errorf("%q reads as %v", s, got)
		}
	}
	for _, target := range []string{"cart.shop.svc.clusterset.local:80", "cart.shop.svc.cluster.local:8080"} {
		id, ok := ParseTarget(target)
		if !ok || Target(id) != target {
			t.Errorf("%s reads as %v, %v", target, id, ok)
		}
	}
	for _, target := range []string{"", "cart:80", "cart.shop.svc.clusterset.local", "pod.cart.shop.svc.clusterset.local:80",
		".shop.svc.clusterset.local:80", "cart.shop.svc.clusterset.local:0x50", "cart.svc.cluster.local:80"} {
		if id, ok := ParseTarget(target); ok {
			t.Errorf("%q reads as %v", target, id)
		}
	}
}

func versions(s *Set) map[Changed]string {
	out := map[Changed]string{}
	for _, typeURL := range Types {
		for r := range s.All(typeURL) {
			out[Changed{typeURL, r.Name}] = r.Version
		}
	}
	return out
}

func sortedKeys(keys map[picture.Key]bool) []picture.Key {
	return slices.SortedFunc(maps.Keys(keys), func(a, b picture.Key) int { return strings.Compare(a.String(), b.String()) })
}
