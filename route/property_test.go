package route

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/fleet"
)

// hostnames overlap in all the ways that hostnames can.
var hostnames = []string{"*", "*.com", "*.shop.com", "shop.com", "eu.shop.com", "*.eu.shop.com", "a.eu.shop.com", "b.a.eu.shop.com", "other.org"}

func TestCoveringAndOwnerAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		listeners := rapid.Map(rapid.SliceOfDistinct(rapid.SampledFrom(hostnames), rapid.ID), func(hs []string) []Listener {
			out := make([]Listener, len(hs))
			for i, h := range hs {
				out[i] = Listener{Name: h, Hostname: h}
			}
			return out
		}).Draw(t, "listeners")
		host := rapid.SampledFrom(hostnames).Draw(t, "host")
		covering := Covering(host)
		if !slices.IsSortedFunc(covering, CompareHostnames) || covering[0] != host || covering[len(covering)-1] != "*" {
			t.Fatalf("Covering(%q) = %q", host, covering)
		}
		for _, h := range hostnames {
			if got := slices.Contains(covering, h); got != covers(h, host) {
				t.Fatalf("covers(%q, %q) is %v, but Covering is %q", h, host, !got, covering)
			}
		}
		i := slices.IndexFunc(covering, func(c string) bool {
			return slices.ContainsFunc(listeners, func(l Listener) bool { return l.Hostname == c })
		})
		owner, found := Owner(listeners, host)
		if found != (i >= 0) || found && owner.Hostname != covering[i] {
			t.Fatalf("Owner is %q, %v; Covering is %q", owner.Hostname, found, covering)
		}
	})
}

// aMatch draws from few values, so that ties are common.
func aMatch(t *rapid.T) Match {
	return Match{
		Path:    rapid.SampledFrom([]PathMatch{Exact, Prefix, Regex}).Draw(t, "path"),
		Value:   rapid.SampledFrom([]string{"/", "/a", "/b", "/a/b"}).Draw(t, "value"),
		Method:  rapid.SampledFrom([]string{"", "GET", "PUT"}).Draw(t, "method"),
		Headers: make([]KeyMatch, rapid.IntRange(0, 2).Draw(t, "headers")),
		Query:   make([]KeyMatch, rapid.IntRange(0, 2).Draw(t, "query")),
	}
}

func someParts(t *rapid.T, id HostID) []Part {
	var parts []Part
	for i := range rapid.IntRange(0, 4).Draw(t, "routes") {
		name := fleet.Name{Namespace: rapid.SampledFrom([]string{"a", "a-b"}).Draw(t, "namespace"), Name: string(rune('a' + i))}
		var rules []*Rule
		for k := range rapid.IntRange(1, 3).Draw(t, "rules") {
			rules = append(rules, &Rule{Name: name.String() + "/" + string(rune('0'+k)), Match: aMatch(t)})
		}
		created := time.Unix(rapid.Int64Range(0, 1).Draw(t, "created"), 0)
		for _, h := range rapid.SliceOfNDistinct(rapid.SampledFrom(Covering(id.Hostname)), 1, 2, rapid.ID).Draw(t, "hostnames") {
			parts = append(parts, Part{
				Host: HostID{id.Server, h}, Hostname: h, Route: name, Created: created, Rules: rules,
				Listener: rapid.SampledFrom([]string{"mine", "mine", "other"}).Draw(t, "listener"),
			})
		}
	}
	return parts
}

func TestOrderIsTotalAndIndependentOfTheInput(t *testing.T) {
	id := HostID{Server: ServerID{Port: 80}, Hostname: "a.eu.shop.com"}
	rapid.Check(t, func(t *rapid.T) {
		parts := someParts(t, id)
		want := Host(id, "mine", parts)
		shuffled := slices.Clone(parts)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got := Host(id, "mine", shuffled); !slices.Equal(got.Rules, want.Rules) {
			t.Fatalf("order depends on the input: %v, %v", names(got.Rules), names(want.Rules))
		}
		var all []placed
		for i := range parts {
			for k, r := range parts[i].Rules {
				all = append(all, placed{&parts[i], r, k})
			}
		}
		for _, a := range all {
			for _, b := range all {
				if c := comparePlaced(a, b); c != -comparePlaced(b, a) || c == 0 && a.rule != b.rule {
					t.Fatalf("%s and %s compare as %d", a.rule.Name, b.rule.Name, c)
				}
			}
		}
		if n := names(want.Rules); len(n) != len(slices.Compact(slices.Sorted(slices.Values(n)))) {
			t.Fatalf("a rule stands twice: %v", n)
		}
	})
}

func names(rules []*Rule) []string {
	out := make([]string, len(rules))
	for i, r := range rules {
		out[i] = r.Name
	}
	return out
}

// wild is a View in which everything exists that is asked for.
type wild struct {
	gateway *gatewayv1.Gateway
	world
}

func (w *wild) Gateway(fleet.Name) (*gatewayv1.Gateway, *Compiled) {
	return w.gateway, Gateway(w, w.gateway, defaults)
}

func (w *wild) Service(n fleet.Name) *corev1.Service {
	return &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: int32(len(n.Name))}}}}
}

func aGateway() *rapid.Generator[*gatewayv1.Gateway] {
	return rapid.Custom(func(t *rapid.T) *gatewayv1.Gateway {
		gw := &gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
		if rapid.Bool().Draw(t, "any") {
			gw.Spec = rapid.Make[gatewayv1.GatewaySpec]().Draw(t, "spec")
		}
		gw.Spec.GatewayClassName = ClassName
		for range rapid.IntRange(1, 4).Draw(t, "listeners") {
			gw.Spec.Listeners = append(gw.Spec.Listeners, aListener(t))
		}
		return gw
	})
}

func aListener(t *rapid.T) gatewayv1.Listener {
	l := gatewayv1.Listener{
		Name:     gatewayv1.SectionName(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "name")),
		Port:     rapid.SampledFrom([]int32{80, 80, 81, 0}).Draw(t, "port"),
		Protocol: rapid.SampledFrom([]gatewayv1.ProtocolType{"HTTP", "HTTP", "HTTP", "HTTPS", "TCP"}).Draw(t, "protocol"),
	}
	if h := gatewayv1.Hostname(rapid.SampledFrom(hostnames).Draw(t, "hostname")); h != "*" {
		l.Hostname = &h
	}
	return l
}

func aRoute() *rapid.Generator[*gatewayv1.HTTPRoute] {
	return rapid.Custom(func(t *rapid.T) *gatewayv1.HTTPRoute {
		r := &gatewayv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"}}
		if rapid.Bool().Draw(t, "any") {
			r.Spec = rapid.Make[gatewayv1.HTTPRouteSpec]().Draw(t, "spec")
		}
		r.Spec.ParentRefs = append(r.Spec.ParentRefs, gatewayv1.ParentReference{Name: "web"})
		for _, h := range rapid.SliceOfN(rapid.SampledFrom(hostnames[1:]), 0, 3).Draw(t, "hostnames") {
			r.Spec.Hostnames = append(r.Spec.Hostnames, gatewayv1.Hostname(h))
		}
		return r
	})
}

func TestAnyRouteAndAnyGatewayCompile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		view := &wild{gateway: aGateway().Draw(t, "gateway")}
		r := aRoute().Draw(t, "route")
		gatewayBefore, routeBefore := view.gateway.DeepCopy(), r.DeepCopy()
		checkCompiled(t, Gateway(view, view.gateway, defaults))
		checkAttachment(t, view, Attach(view, r))
		if !equality.Semantic.DeepEqual(gatewayBefore, view.gateway) || !equality.Semantic.DeepEqual(routeBefore, r) {
			t.Fatal("the input was changed")
		}
	})
}

func checkCompiled(t *rapid.T, c *Compiled) {
	for _, s := range c.Servers {
		if len(s.Listeners) == 0 || len(s.Addresses) == 0 {
			t.Fatalf("server %s is empty: %+v", s.ID, s)
		}
		for i, l := range s.Listeners[1:] {
			if CompareHostnames(s.Listeners[i].Hostname, l.Hostname) >= 0 {
				t.Fatalf("server %s: hostnames %s and %s", s.ID, s.Listeners[i].Hostname, l.Hostname)
			}
		}
	}
	checkConditions(t, c.Conditions, "Accepted", "Programmed")
	for _, l := range c.Listeners {
		checkConditions(t, l.Conditions, "Accepted", "Programmed", "ResolvedRefs", "Conflicted")
	}
}

// checkConditions checks that the types are there, and that what is false has a message, but for Conflicted.
func checkConditions(t *rapid.T, cs []fleet.Condition, types ...string) {
	for i, kind := range types {
		if cs[i].Type != kind {
			t.Fatalf("no condition %s in %v", kind, cs)
		}
		if cs[i].Status != fleet.True && cs[i].Message == "" && kind != "Conflicted" {
			t.Fatalf("%v has no message", cs[i])
		}
	}
}

func checkAttachment(t *rapid.T, view *wild, a *Attachment) {
	_, compiled := view.Gateway(fleet.Name{})
	accepted := false
	for _, p := range a.Parents {
		checkConditions(t, p.Conditions, "Accepted", "ResolvedRefs")
		if p.Conditions[0].Status == fleet.True {
			accepted = true
		} else if len(p.Conditions) > 2 {
			t.Fatalf("a route that is not accepted is PartiallyInvalid: %v", p.Conditions)
		}
	}
	if !accepted && len(a.Parts)+len(a.Attached) > 0 {
		t.Fatalf("not accepted, but attached: %v", a.Attached)
	}
	for _, p := range a.Parts {
		i := slices.IndexFunc(compiled.Servers, func(s *Server) bool { return s.ID.Port == p.Host.Server.Port })
		if owner, _ := Owner(compiled.Servers[i].Listeners, p.Host.Hostname); owner.Name != p.Listener {
			t.Fatalf("%s came through %s, but belongs to %s", p.Host, p.Listener, owner.Name)
		}
		if len(p.Rules) == 0 || !covers(p.Hostname, p.Host.Hostname) {
			t.Fatalf("part %+v", p)
		}
	}
}
