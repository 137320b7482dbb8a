package picture

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/route"
)

// view is what a node reads of the world; what it reads is remembered. It is a route.View.
type view struct {
	*reader
	vantage Vantage
}

var _ route.View = view{}

func (v view) Gateway(n fleet.Name) (*gatewayv1.Gateway, *route.Compiled) {
	compiled, _ := v.get(kindCompiled, n.String()).(*route.Compiled)
	return gatewayOf(v, n.String()), compiled
}

func (v view) Namespace(name string) (map[string]string, bool) {
	ns, ok := v.get("Namespace", name).(*corev1.Namespace)
	if !ok {
		return nil, false
	}
	return ns.Labels, true
}

func (v view) Service(n fleet.Name) *corev1.Service {
	svc, _ := v.get("Service", n.String()).(*corev1.Service)
	return svc
}

// importable says whether services of a namespace are imported: it must exist here (M9), and not be on its way out, as nothing can be
// created in it any more.
func (v view) importable(namespace string) bool {
	ns, ok := v.get("Namespace", namespace).(*corev1.Namespace)
	return ok && ns.DeletionTimestamp == nil && ns.Status.Phase != corev1.NamespaceTerminating
}

// Import returns a service of the clusterset where it is imported.
func (v view) Import(n fleet.Name) *mcs.Merged {
	if !v.importable(n.Namespace) {
		return nil
	}
	u, _ := v.get(kindMerged, n.String()).(union)
	return u.Merged
}

func (v view) Grants(namespace string) (out []*gatewayv1.ReferenceGrant) {
	v.under("ReferenceGrant", namespace, func(_ string, g any) bool {
		out = append(out, g.(*gatewayv1.ReferenceGrant))
		return true
	})
	return out
}

func (v view) Secret(n fleet.Name) *corev1.Secret {
	s, _ := v.get("Secret", n.String()).(*corev1.Secret)
	return s
}

func (v view) Claimant(ap netip.AddrPort) (first fleet.Name) {
	v.under(kindClaim, ap.String(), func(_ string, name any) bool {
		first = name.(fleet.Name)
		return false
	})
	return first
}

// claim says which addresses and ports a Gateway wants, in the order in which claims count: oldest first, ties by name.
func claim(_ *Centre, v view, path string, _ time.Time) (values []value, _ time.Time) {
	gw := gatewayOf(v, path)
	if gw == nil {
		return nil, time.Time{}
	}
	for _, ap := range route.Claims(gw, v.vantage.Addresses) {
		age := fmt.Sprintf("%020d", max(gw.CreationTimestamp.Unix(), 0))
		values = append(values, value{Key{kindClaim, ap.String() + "/" + age + "/" + path}, fleet.ParseName(path)})
	}
	return values, time.Time{}
}

// gateway compiles a Gateway. Each hostname of its listeners is a virtual host, with or without routes.
func gateway(_ *Centre, v view, path string, _ time.Time) ([]value, time.Time) {
	gw := gatewayOf(v, path)
	if gw == nil {
		return nil, time.Time{}
	}
	compiled := route.Gateway(v, gw, v.vantage.Addresses)
	if compiled == nil {
		return nil, time.Time{}
	}
	values := []value{{Key{kindCompiled, path}, compiled}}
	for _, s := range compiled.Servers {
		values = append(values, value{Key{KindServer, s.ID.String()}, s})
		for _, l := range s.Listeners {
			values = append(values, value{Key{kindRoot, route.HostID{Server: s.ID, Hostname: l.Hostname}.String()}, l.Name})
		}
	}
	return values, time.Time{}
}

// attach compiles an HTTPRoute.
func attach(_ *Centre, v view, path string, _ time.Time) ([]value, time.Time) {
	r, ok := v.get("HTTPRoute", path).(*gatewayv1.HTTPRoute)
	if !ok {
		return nil, time.Time{}
	}
	a := route.Attach(v, r)
	values := []value{statusValue(&Status{
		Object: fleet.Ref{Kind: "HTTPRoute", Name: fleet.ParseName(path)}, Generation: r.Generation, Parents: a.Parents,
	})}
	for i, why := range a.Unattached {
		values = append(values, rejection(fleet.Ref{Kind: "HTTPRoute", Name: fleet.ParseName(path)}, strconv.Itoa(i), "", why))
	}
	for i, p := range a.Parts {
		values = append(values, value{Key{kindPart, p.Host.String() + "/" + path + "/" + strconv.Itoa(i)}, p})
	}
	for _, l := range a.Attached {
		values = append(values, value{Key{kindAttached, l.String() + "/" + strings.ReplaceAll(path, "/", ":")}, true})
	}
	return values, time.Time{}
}

// host puts together one virtual host: the parts for its hostname, and those for wildcards that cover it.
func host(_ *Centre, v view, path string, _ time.Time) ([]value, time.Time) {
	server, hostname := lastWord(path)
	s, ok := v.get(KindServer, server).(*route.Server)
	if !ok {
		return nil, time.Time{}
	}
	own := v.get(kindRoot, path) != nil
	var parts []route.Part
	for _, h := range route.Covering(hostname) {
		v.under(kindPart, server+"/"+h, func(_ string, p any) bool {
			parts = append(parts, p.(route.Part))
			own = own || h == hostname
			return true
		})
	}
	listener, ok := route.Owner(s.Listeners, hostname)
	if !own || !ok {
		return nil, time.Time{}
	}
	vh := route.Host(route.HostID{Server: s.ID, Hostname: hostname}, listener.Name, parts)
	return []value{{Key{KindHost, path}, vh}}, time.Time{}
}

// attached computes the status of a Gateway: what it compiled to, how many routes each listener has, and what of it the data plane could
// not open.
func attached(_ *Centre, v view, path string, _ time.Time) ([]value, time.Time) {
	gw, compiled := v.Gateway(fleet.ParseName(path))
	if gw == nil || compiled == nil {
		return nil, time.Time{}
	}
	st := &Status{
		Object: fleet.Ref{Kind: "Gateway", Name: fleet.ParseName(path)}, Generation: gw.Generation,
		Conditions: compiled.Conditions, Addresses: compiled.Addresses,
	}
	unopened := map[string]string{} // listener -> why
	for _, s := range compiled.Servers {
		if u, ok := v.get("Unopened", s.ID.String()).(*Unopened); ok {
			st.Conditions = unprogrammed(st.Conditions, string(gatewayv1.GatewayReasonAddressNotUsable), u.Message)
			for _, l := range s.Listeners {
				unopened[l.Name] = u.Message
			}
		}
	}
	for _, l := range compiled.Listeners {
		if why, ok := unopened[string(l.Name)]; ok {
			l.Conditions = unprogrammed(l.Conditions, string(gatewayv1.ListenerReasonPending), why)
		}
		id := route.ListenerID{Gateway: fleet.ParseName(path), Listener: string(l.Name)}
		st.Listeners = append(st.Listeners, ListenerStatus{l, int32(v.number(kindAttached, id.String()))})
	}
	return []value{statusValue(st)}, time.Time{}
}

// unprogrammed returns conditions in which Programmed is False.
func unprogrammed(conditions []fleet.Condition, reason, message string) []fleet.Condition {
	out := slices.Clone(conditions)
	for i := range out {
		if out[i].Type == string(gatewayv1.GatewayConditionProgrammed) {
			out[i].Status, out[i].Reason, out[i].Message = fleet.False, reason, message
		}
	}
	return out
}

func gatewayOf(v view, path string) *gatewayv1.Gateway {
	gw, _ := v.get("Gateway", path).(*gatewayv1.Gateway)
	return gw
}
