package route

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// candidate is a listener while its Gateway is compiled.
type candidate struct {
	spec     *gatewayv1.Listener
	hostname string
	// problems keep the listener from being accepted; they are found in the Gateway's spec alone.
	problems problems
	// conflict is with other listeners of the Gateway, overlap is of their TLS hostnames; empty: none.
	conflict gatewayv1.ListenerConditionReason
	rivals   []string
	overlap  []string
	// unresolved are references that lead nowhere and kinds of routes that are not known.
	unresolved   problems
	certificates []Certificate
	// taken says who else holds an address and port of this listener.
	taken string
}

// accepted says whether the listener is valid by itself and among its neighbours.
func (c *candidate) accepted() bool { return len(c.problems) == 0 && c.conflict == "" }

// serves says whether the listener could answer a request. One that allows only unknown kinds of routes, or that has no certificate
// left, could not.
func (c *candidate) serves() bool {
	certified := c.spec.Protocol != gatewayv1.HTTPSProtocolType || len(c.certificates) > 0
	return c.accepted() && len(supportedKinds(c.spec)) > 0 && certified
}

// candidates checks the listeners of a Gateway by its spec alone.
func candidates(gw *gatewayv1.Gateway) []*candidate {
	all := make([]*candidate, len(gw.Spec.Listeners))
	for i := range gw.Spec.Listeners {
		l := &gw.Spec.Listeners[i]
		c := &candidate{spec: l, hostname: listenerHostname(l)}
		c.problems = append(checkListener(l), checkUniqueName(gw, i)...).at("spec.listeners", i)
		c.problems = append(c.problems, checkFrontend(gw, l)...)
		all[i] = c
	}
	findConflicts(all)
	return all
}

func listenerHostname(l *gatewayv1.Listener) string {
	if h := string(deref(l.Hostname, "")); h != "" {
		return h
	}
	return anyHost
}

func checkListener(l *gatewayv1.Listener) problems {
	if !isHTTP(l) {
		return because(gatewayv1.ListenerReasonUnsupportedProtocol, "protocol", "is %q; write HTTP or HTTPS", l.Protocol)
	}
	ps := checkSection("name", string(l.Name))
	ps = append(ps, checkPort("port", l.Port)...)
	if deref(l.Hostname, "") != "" {
		ps = append(ps, checkHostname(string(*l.Hostname), true).under("hostname")...)
	}
	ps = append(ps, checkListenerTLS(l).under("tls")...)
	return append(ps, checkAllowedRoutes(l).under("allowedRoutes")...)
}

func isHTTP(l *gatewayv1.Listener) bool {
	return l.Protocol == gatewayv1.HTTPProtocolType || l.Protocol == gatewayv1.HTTPSProtocolType
}

func checkUniqueName(gw *gatewayv1.Gateway, i int) problems {
	for j := range gw.Spec.Listeners {
		if j != i && gw.Spec.Listeners[j].Name == gw.Spec.Listeners[i].Name {
			return unsupported("name", "is %s, as is that of listener %d; choose another one", gw.Spec.Listeners[i].Name, j)
		}
	}
	return nil
}

func checkListenerTLS(l *gatewayv1.Listener) problems {
	switch {
	case l.Protocol == gatewayv1.HTTPProtocolType && l.TLS == nil:
		return nil
	case l.Protocol == gatewayv1.HTTPProtocolType:
		return unsupported("", "is set, but the protocol is HTTP; remove it, or change the protocol to HTTPS")
	case l.TLS == nil:
		return unsupported("", "is missing; HTTPS needs a Secret in certificateRefs")
	case deref(l.TLS.Mode, gatewayv1.TLSModeTerminate) != gatewayv1.TLSModeTerminate:
		return unsupported("mode", "is %q; HTTPS needs Terminate", *l.TLS.Mode)
	case len(l.TLS.Options) > 0:
		return unsupported("options", "are set, and none are known here; remove them")
	case len(l.TLS.CertificateRefs) == 0:
		return unsupported("certificateRefs", "is empty; name a Secret of type kubernetes.io/tls")
	}
	return bounded("certificateRefs", len(l.TLS.CertificateRefs), 64)
}

// checkFrontend refuses listeners for which client certificates are asked: they are not validated here, and to serve without
// would open what the Gateway's owner wants closed.
func checkFrontend(gw *gatewayv1.Gateway, l *gatewayv1.Listener) problems {
	if l.Protocol != gatewayv1.HTTPSProtocolType || gw.Spec.TLS == nil || gw.Spec.TLS.Frontend == nil {
		return nil
	}
	const text = "is set, but client certificates are not validated here; remove it"
	frontend := gw.Spec.TLS.Frontend
	for i := range frontend.PerPort {
		if frontend.PerPort[i].Port == l.Port {
			if frontend.PerPort[i].TLS.Validation == nil {
				return nil
			}
			return unsupported("tls.validation", text).at("spec.tls.frontend.perPort", i)
		}
	}
	if frontend.Default.Validation == nil {
		return nil
	}
	return unsupported("spec.tls.frontend.default.validation", text)
}

func checkAllowedRoutes(l *gatewayv1.Listener) problems {
	if l.AllowedRoutes == nil {
		return nil
	}
	ps := bounded("kinds", len(l.AllowedRoutes.Kinds), 8)
	from, selector := allowedNamespaces(l)
	switch from {
	case gatewayv1.NamespacesFromAll, gatewayv1.NamespacesFromSame, gatewayv1.NamespacesFromNone:
	case gatewayv1.NamespacesFromSelector:
		if selector == nil {
			return append(ps, unsupported("namespaces.selector", "is missing; from: Selector needs it")...)
		}
		if _, err := metav1.LabelSelectorAsSelector(selector); err != nil {
			ps = append(ps, unsupported("namespaces.selector", "cannot be used: %v", err)...)
		}
	default:
		ps = append(ps, unsupported("namespaces.from", "is %q; write All, Same or Selector", from)...)
	}
	return ps
}

// supportedKinds are the kinds of routes that a listener takes: those that it allows and that are known here for its protocol.
// Never nil: the API wants to see an empty list.
func supportedKinds(l *gatewayv1.Listener) []gatewayv1.RouteGroupKind {
	kinds := []gatewayv1.RouteGroupKind{}
	if !isHTTP(l) {
		return kinds
	}
	if l.AllowedRoutes == nil || len(l.AllowedRoutes.Kinds) == 0 || slices.ContainsFunc(l.AllowedRoutes.Kinds, isHTTPRoute) {
		group := gatewayv1.Group(gatewayv1.GroupName)
		kinds = append(kinds, gatewayv1.RouteGroupKind{Group: &group, Kind: "HTTPRoute"})
	}
	return kinds
}

func isHTTPRoute(k gatewayv1.RouteGroupKind) bool {
	return deref(k.Group, gatewayv1.GroupName) == gatewayv1.GroupName && k.Kind == "HTTPRoute"
}

// checkKinds tells of allowed kinds that no route of this listener can have.
func checkKinds(l *gatewayv1.Listener) problems {
	if l.AllowedRoutes == nil {
		return nil
	}
	var ps problems
	for i, k := range l.AllowedRoutes.Kinds {
		if isHTTP(l) && isHTTPRoute(k) {
			continue
		}
		group := strings.TrimPrefix(string(deref(k.Group, "")), gatewayv1.GroupName)
		ps = append(ps, because(gatewayv1.ListenerReasonInvalidRouteKinds, "",
			"is %s, which is not supported with protocol %s; allow HTTPRoute on HTTP or HTTPS", groupKind(group, string(k.Kind)), l.Protocol).
			at("allowedRoutes.kinds", i)...)
	}
	return ps
}
