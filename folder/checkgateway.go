package folder

import (
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/route"
)

func checkGateway(g *gatewayv1.GatewaySpec, r report) {
	if g.GatewayClassName == "" {
		r("spec.gatewayClassName", "is missing, write gatewayClassName: %s", route.ClassName)
	}
	if len(g.Listeners) == 0 {
		r("spec.listeners", "is missing, write at least one listener")
	}
	names := map[gatewayv1.SectionName]int{}
	for i, l := range g.Listeners {
		field := index("spec.listeners", i)
		r.text(field+".name", refuseSubdomain(string(l.Name)))
		if first, twice := names[l.Name]; twice {
			r(field+".name", "%s is the name of spec.listeners[%d] too, give each listener its own", l.Name, first)
		}
		names[l.Name] = i
		r.text(field+".port", refusePort(int64(l.Port)))
		if l.Protocol == "" {
			r(field+".protocol", "is missing, write HTTP or HTTPS")
		}
	}
}

// checkClass refuses a class of our name that belongs to somebody else; classes of other names are left alone.
func checkClass(c *gatewayv1.GatewayClass, r report) {
	if c.Name == route.ClassName && c.Spec.ControllerName != route.ControllerName {
		r("spec.controllerName", "is %q, but class %s is served by %s", clip(string(c.Spec.ControllerName)), c.Name, route.ControllerName)
	}
}

func checkRoute(s *gatewayv1.HTTPRouteSpec, r report) {
	for i, p := range s.ParentRefs {
		checkPort(p.Port, index("spec.parentRefs", i)+".port", r)
		if p.Name == "" {
			r(index("spec.parentRefs", i)+".name", "is missing, write the name of the Gateway")
		}
	}
	for i := range s.Rules {
		rule, field := &s.Rules[i], index("spec.rules", i)
		for j, m := range rule.Matches {
			checkMatch(&m, index(field+".matches", j), r)
		}
		checkFilters(rule.Filters, field+".filters", r)
		for j, b := range rule.BackendRefs {
			ref := index(field+".backendRefs", j)
			checkBackend(&b.BackendObjectReference, ref, r)
			if *b.Weight < 0 || *b.Weight > 1_000_000 {
				r(ref+".weight", "%d is out of range, use 0 to 1000000", *b.Weight)
			}
			checkFilters(b.Filters, ref+".filters", r)
		}
	}
}

func checkMatch(m *gatewayv1.HTTPRouteMatch, field string, r report) {
	if *m.Path.Type != gatewayv1.PathMatchRegularExpression && !strings.HasPrefix(*m.Path.Value, "/") {
		r(field+".path.value", "%q is not a path, begin it with /", clip(*m.Path.Value))
	}
	for i, h := range m.Headers {
		if h.Name == "" {
			r(index(field+".headers", i)+".name", "is missing, write the name of the header")
		}
	}
	for i, q := range m.QueryParams {
		if q.Name == "" {
			r(index(field+".queryParams", i)+".name", "is missing, write the name of the parameter")
		}
	}
}

// checkBackend checks a reference: a Service is named with a port, or nobody knows where to send.
func checkBackend(b *gatewayv1.BackendObjectReference, field string, r report) {
	if b.Name == "" {
		r(field+".name", "is missing, write the name of the %s", *b.Kind)
	}
	checkPort(b.Port, field+".port", r)
	if *b.Group == "" && *b.Kind == "Service" && b.Port == nil {
		r(field+".port", "is missing, write the port of the Service")
	}
}

func checkFilters(filters []gatewayv1.HTTPRouteFilter, field string, r report) {
	for i, f := range filters {
		at := index(field, i)
		given := []struct {
			filter gatewayv1.HTTPRouteFilterType
			field  string
			set    bool
		}{
			{gatewayv1.HTTPRouteFilterRequestHeaderModifier, "requestHeaderModifier", f.RequestHeaderModifier != nil},
			{gatewayv1.HTTPRouteFilterResponseHeaderModifier, "responseHeaderModifier", f.ResponseHeaderModifier != nil},
			{gatewayv1.HTTPRouteFilterRequestMirror, "requestMirror", f.RequestMirror != nil},
			{gatewayv1.HTTPRouteFilterRequestRedirect, "requestRedirect", f.RequestRedirect != nil},
			{gatewayv1.HTTPRouteFilterURLRewrite, "urlRewrite", f.URLRewrite != nil},
			{gatewayv1.HTTPRouteFilterExtensionRef, "extensionRef", f.ExtensionRef != nil},
			{gatewayv1.HTTPRouteFilterCORS, "cors", f.CORS != nil},
		}
		if f.Type == "" {
			r(at+".type", "is missing, write which filter it is")
			continue
		}
		for _, g := range given {
			switch {
			case g.filter == f.Type && !g.set:
				r(at+"."+g.field, "is missing, a filter of type %s needs it", f.Type)
			case g.filter != f.Type && g.set:
				r(at+"."+g.field, "does not belong to type %s, use type %s", f.Type, g.filter)
			}
		}
		if d := f.RequestRedirect; d != nil {
			checkRedirect(d, at+".requestRedirect", r)
		}
		if f.RequestMirror != nil {
			checkBackend(&f.RequestMirror.BackendRef, at+".requestMirror.backendRef", r)
		}
	}
}

func checkRedirect(d *gatewayv1.HTTPRequestRedirectFilter, field string, r report) {
	if codes := []int{301, 302, 303, 307, 308}; !slices.Contains(codes, *d.StatusCode) {
		r(field+".statusCode", "%d is not a redirect, use 301, 302, 303, 307 or 308", *d.StatusCode)
	}
	checkPort(d.Port, field+".port", r)
	if d.Scheme != nil && *d.Scheme != "http" && *d.Scheme != "https" {
		r(field+".scheme", "%q is not a scheme, use http or https", clip(*d.Scheme))
	}
}

// checkPort checks a port that may be left out.
func checkPort(port *gatewayv1.PortNumber, field string, r report) {
	if port != nil {
		r.text(field, refusePort(int64(*port)))
	}
}

func checkGrant(g *gatewayv1.ReferenceGrantSpec, r report) {
	if len(g.From) == 0 {
		r("spec.from", "is missing, write who may refer")
	}
	if len(g.To) == 0 {
		r("spec.to", "is missing, write what may be referred to")
	}
	for i, f := range g.From {
		if f.Kind == "" {
			r(index("spec.from", i)+".kind", "is missing, write for example HTTPRoute")
		}
		if f.Namespace == "" {
			r(index("spec.from", i)+".namespace", "is missing, write the namespace that refers")
		}
	}
	for i, t := range g.To {
		if t.Kind == "" {
			r(index("spec.to", i)+".kind", "is missing, write for example Service")
		}
	}
}
