package xds

import (
	"regexp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"fairlead.dev/fairlead/route"
)

// pathEdit says how a path is rewritten: by its prefix, or by a pattern where Envoy's prefix rule would not do.
//
// Envoy replaces the matched text and keeps the rest, so /cart -> / would make //item of /cart/item, and / -> /shop would make
// /shopitem of /item. The Gateway API replaces whole path elements.
func pathEdit(m *route.Match, e *route.PathEdit) (prefix string, pattern *matcherv3.RegexMatchAndSubstitute) {
	if !e.Prefix {
		return "", substitute(`^.*$`, e.Value)
	}
	from, to := pathPrefix(m), strings.TrimRight(e.Value, "/")
	switch {
	case from == "" && to == "":
		return "", nil
	case from == "":
		return to + "/", nil
	case to == "":
		return "", substitute("^"+regexp.QuoteMeta(from)+"/?", "/")
	}
	return to, nil
}

// substitute replaces what a pattern matches by plain text.
func substitute(pattern, value string) *matcherv3.RegexMatchAndSubstitute {
	return &matcherv3.RegexMatchAndSubstitute{
		Pattern:      regex(pattern),
		Substitution: strings.ReplaceAll(value, `\`, `\\`),
	}
}

var redirectCodes = map[int]routev3.RedirectAction_RedirectResponseCode{
	301: routev3.RedirectAction_MOVED_PERMANENTLY,
	302: routev3.RedirectAction_FOUND,
	303: routev3.RedirectAction_SEE_OTHER,
	307: routev3.RedirectAction_TEMPORARY_REDIRECT,
	308: routev3.RedirectAction_PERMANENT_REDIRECT,
}

// redirectAction is a rule's redirect. A code that Envoy does not know becomes 302, the Gateway API's default.
func redirectAction(server route.ServerID, r *route.Rule) *routev3.RedirectAction {
	d := r.Redirect
	a := &routev3.RedirectAction{
		HostRedirect: d.Hostname,
		PortRedirect: uint32(redirectPort(server, d)),
		ResponseCode: routev3.RedirectAction_FOUND,
	}
	if code, ok := redirectCodes[d.Code]; ok {
		a.ResponseCode = code
	}
	if d.Scheme != "" {
		a.SchemeRewriteSpecifier = &routev3.RedirectAction_SchemeRedirect{SchemeRedirect: d.Scheme}
	}
	if d.Path == nil {
		return a
	}
	if !d.Path.Prefix {
		a.PathRewriteSpecifier = &routev3.RedirectAction_PathRedirect{PathRedirect: d.Path.Value}
		return a
	}
	prefix, pattern := pathEdit(&r.Match, d.Path)
	switch {
	case pattern != nil:
		a.PathRewriteSpecifier = &routev3.RedirectAction_RegexRewrite{RegexRewrite: pattern}
	case prefix != "":
		a.PathRewriteSpecifier = &routev3.RedirectAction_PrefixRewrite{PrefixRewrite: prefix}
	}
	return a
}

var schemePorts = map[string]uint16{"http": 80, "https": 443}

// redirectPort follows HTTPRequestRedirectFilter.port: the port that is named, else the scheme's own where a scheme is named, else
// the listener's. On a listener at a default port nobody writes a port into Host, so 0 (keep what the request had) then says it
// without a needless ":443" in the Location.
func redirectPort(server route.ServerID, d *route.Redirect) uint16 {
	if d.Port != 0 {
		return d.Port
	}
	onDefault := server.Port == 80 || server.Port == 443
	port, known := schemePorts[d.Scheme]
	switch {
	case known && !onDefault:
		return port
	case !known && (!onDefault || d.Scheme != ""):
		return server.Port
	}
	return 0
}
