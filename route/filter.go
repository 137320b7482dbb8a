package route

import (
	"slices"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// compileFilters puts a rule's filters into its actions. invalid is what makes the rule unusable, unresolved are references that lead
// nowhere. An ExtensionRef is never skipped: no kind of them is known here, so its rule answers 500.
func compileFilters(v View, namespace string, rule *gatewayv1.HTTPRouteRule, do *Rule) (invalid, unresolved problems) {
	invalid = checkFilterList(rule.Filters)
	for i := range rule.Filters {
		f := &rule.Filters[i]
		if bad := checkUnion(f); len(bad) > 0 {
			invalid = append(invalid, bad.at("filters", i)...)
			continue
		}
		bad, lost := compileFilter(v, namespace, f, do)
		invalid = append(invalid, bad.at("filters", i)...)
		unresolved = append(unresolved, lost.at("filters", i)...)
	}
	return append(invalid, checkPrefixEdit(rule, do)...), unresolved
}

func compileFilter(v View, namespace string, f *gatewayv1.HTTPRouteFilter, do *Rule) (invalid, unresolved problems) {
	switch f.Type {
	case gatewayv1.HTTPRouteFilterRequestHeaderModifier:
		do.RequestHeaders, invalid = compileHeaders(f.RequestHeaderModifier)
		invalid.under("requestHeaderModifier")
	case gatewayv1.HTTPRouteFilterResponseHeaderModifier:
		do.ResponseHeaders, invalid = compileHeaders(f.ResponseHeaderModifier)
		invalid.under("responseHeaderModifier")
	case gatewayv1.HTTPRouteFilterRequestRedirect:
		do.Redirect, invalid = compileRedirect(f.RequestRedirect)
		invalid.under("requestRedirect")
	case gatewayv1.HTTPRouteFilterURLRewrite:
		do.Rewrite, invalid = compileRewrite(f.URLRewrite)
		invalid.under("urlRewrite")
	case gatewayv1.HTTPRouteFilterCORS:
		do.CORS, invalid = compileCORS(f.CORS)
		invalid.under("cors")
	case gatewayv1.HTTPRouteFilterRequestMirror:
		var m Mirror
		m, invalid, unresolved = compileMirror(v, namespace, f.RequestMirror)
		if len(invalid) == 0 && len(unresolved) == 0 && m.Numerator > 0 {
			do.Mirrors = append(do.Mirrors, m)
		}
		invalid.under("requestMirror")
		unresolved.under("requestMirror")
	case gatewayv1.HTTPRouteFilterExtensionRef:
		do.Respond = &Respond{Code: 500}
		ref := f.ExtensionRef
		unresolved = because(gatewayv1.RouteReasonInvalidKind, "extensionRef",
			"is %s, and no kind of extension is known here, so this rule answers 500; remove the filter", groupKind(string(ref.Group), string(ref.Kind)))
	}
	return invalid, unresolved
}

// compileBackendFilters puts the filters of one backend into its share.
func compileBackendFilters(filters []gatewayv1.HTTPRouteFilter, b *Backend) problems {
	ps := checkFilterList(filters)
	for i := range filters {
		f := &filters[i]
		bad := checkUnion(f)
		if len(bad) == 0 {
			bad = compileBackendFilter(f, b)
		}
		ps = append(ps, bad.at("filters", i)...)
	}
	return ps
}

func compileBackendFilter(f *gatewayv1.HTTPRouteFilter, b *Backend) (ps problems) {
	switch f.Type {
	case gatewayv1.HTTPRouteFilterRequestHeaderModifier:
		b.RequestHeaders, ps = compileHeaders(f.RequestHeaderModifier)
		return ps.under("requestHeaderModifier")
	case gatewayv1.HTTPRouteFilterResponseHeaderModifier:
		b.ResponseHeaders, ps = compileHeaders(f.ResponseHeaderModifier)
		return ps.under("responseHeaderModifier")
	}
	return unsupported("type", "is %s, which is not supported for a single backend; move it to the filters of the rule", f.Type)
}

// union is the field that belongs to a type of filter.
type union struct {
	kind  gatewayv1.HTTPRouteFilterType
	field string
	set   bool
}

func unions(f *gatewayv1.HTTPRouteFilter) [8]union {
	return [...]union{
		{gatewayv1.HTTPRouteFilterRequestHeaderModifier, "requestHeaderModifier", f.RequestHeaderModifier != nil},
		{gatewayv1.HTTPRouteFilterResponseHeaderModifier, "responseHeaderModifier", f.ResponseHeaderModifier != nil},
		{gatewayv1.HTTPRouteFilterRequestRedirect, "requestRedirect", f.RequestRedirect != nil},
		{gatewayv1.HTTPRouteFilterURLRewrite, "urlRewrite", f.URLRewrite != nil},
		{gatewayv1.HTTPRouteFilterRequestMirror, "requestMirror", f.RequestMirror != nil},
		{gatewayv1.HTTPRouteFilterCORS, "cors", f.CORS != nil},
		{gatewayv1.HTTPRouteFilterExtensionRef, "extensionRef", f.ExtensionRef != nil},
		{gatewayv1.HTTPRouteFilterExternalAuth, "externalAuth", f.ExternalAuth != nil},
	}
}

// checkUnion checks that a filter's type is known and that its field, and no other one, is set.
func checkUnion(f *gatewayv1.HTTPRouteFilter) problems {
	if f.Type == gatewayv1.HTTPRouteFilterExternalAuth {
		return unsupported("type", "is ExternalAuth, which is not supported; remove the filter")
	}
	known := false
	for _, u := range unions(f) {
		switch {
		case u.kind == f.Type && !u.set:
			return unsupported(u.field, "is missing; a filter of type %s needs it", f.Type)
		case u.kind != f.Type && u.set:
			return unsupported(u.field, "does not belong to a filter of type %q; remove it, or change the type to %s", f.Type, u.kind)
		}
		known = known || u.kind == f.Type
	}
	if !known {
		return unsupported("type", "is %q, which is no type of filter; write one that the Gateway API knows, such as RequestHeaderModifier", f.Type)
	}
	return nil
}

// checkFilterList checks how filters stand together.
func checkFilterList(filters []gatewayv1.HTTPRouteFilter) problems {
	ps := bounded("filters", len(filters), 16)
	var seen []gatewayv1.HTTPRouteFilterType
	for i := range filters {
		kind := filters[i].Type
		again := kind == gatewayv1.HTTPRouteFilterRequestMirror || kind == gatewayv1.HTTPRouteFilterExtensionRef
		if !again && slices.Contains(seen, kind) {
			ps = append(ps, unsupported("type", "is %s a second time; write such a filter once in a rule", kind).at("filters", i)...)
		}
		seen = append(seen, kind)
	}
	if slices.Contains(seen, gatewayv1.HTTPRouteFilterRequestRedirect) && slices.Contains(seen, gatewayv1.HTTPRouteFilterURLRewrite) {
		ps = append(ps, because(gatewayv1.RouteReasonIncompatibleFilters, "filters",
			"has both RequestRedirect and URLRewrite; keep one of them")...)
	}
	return ps
}
