package xds

import (
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"fairlead.dev/fairlead/route"
)

// RouteConfiguration is the shell of a server's routes: its virtual hosts come one by one (VHDS), so that a changed route is one
// small resource. A port in the Host header does not matter for finding the virtual host.
func RouteConfiguration(s *route.Server) *routev3.RouteConfiguration {
	return &routev3.RouteConfiguration{
		Name:                     s.ID.String(),
		Vhds:                     &routev3.Vhds{ConfigSource: ads()},
		IgnorePortInHostMatching: true,
	}
}

// VirtualHost is the rules for one hostname, in their order: the first match wins.
func VirtualHost(h *route.VirtualHost) *routev3.VirtualHost {
	v := &routev3.VirtualHost{Name: h.ID.String(), Domains: []string{h.ID.Hostname}}
	for _, r := range h.Rules {
		v.Routes = append(v.Routes, ruleRoute(h.ID.Server, r))
	}
	return v
}

// ruleRoute is one rule. Of redirect, answer and backends the first that is set decides; a rule with none of them has no backend
// that could be used and answers 500, as the Gateway API demands.
func ruleRoute(server route.ServerID, r *route.Rule) *routev3.Route {
	out := &routev3.Route{Name: r.Name, Match: routeMatch(&r.Match)}
	switch {
	case r.Redirect != nil:
		out.Action = &routev3.Route_Redirect{Redirect: redirectAction(server, r)}
	case r.Respond != nil:
		out.Action = &routev3.Route_DirectResponse{DirectResponse: respond(r.Respond)}
	case totalWeight(r.Backends) == 0:
		out.Action = &routev3.Route_DirectResponse{DirectResponse: respond(&route.Respond{Code: 500})}
	default:
		out.Action = &routev3.Route_Route{Route: routeAction(r)}
	}
	out.RequestHeadersToAdd, out.RequestHeadersToRemove = headerEdit(r.RequestHeaders)
	out.ResponseHeadersToAdd, out.ResponseHeadersToRemove = headerEdit(r.ResponseHeaders)
	if r.CORS != nil {
		out.TypedPerFilterConfig = map[string]*anypb.Any{corsName: pack(corsPolicy(r.CORS))}
	}
	return out
}

func respond(r *route.Respond) *routev3.DirectResponseAction {
	d := &routev3.DirectResponseAction{Status: uint32(r.Code)}
	if r.Body != "" {
		d.Body = inline([]byte(r.Body))
	}
	return d
}

// routeMatch says which requests a route takes. Envoy knows no method of its own: it is the header ":method".
func routeMatch(m *route.Match) *routev3.RouteMatch {
	out := &routev3.RouteMatch{}
	switch prefix := pathPrefix(m); {
	case m.Path == route.Exact:
		out.PathSpecifier = &routev3.RouteMatch_Path{Path: m.Value}
	case m.Path == route.Regex:
		out.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: regex(m.Value)}
	case prefix == "":
		out.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: "/"}
	default:
		out.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: prefix}
	}
	if m.Method != "" {
		out.Headers = append(out.Headers, headerMatch(route.KeyMatch{Name: ":method", Value: m.Method}))
	}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, headerMatch(h))
	}
	for _, q := range m.Query {
		out.QueryParameters = append(out.QueryParameters, &routev3.QueryParameterMatcher{
			Name:                         q.Name,
			QueryParameterMatchSpecifier: &routev3.QueryParameterMatcher_StringMatch{StringMatch: text(q)},
		})
	}
	return out
}

func headerMatch(k route.KeyMatch) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{
		Name:                 k.Name,
		HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: text(k)},
	}
}

func text(k route.KeyMatch) *matcherv3.StringMatcher {
	if k.Regex {
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: regex(k.Value)}}
	}
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: k.Value}}
}

// pathPrefix is the prefix that a rule matches, without its last slash: empty for the rule that takes every path.
func pathPrefix(m *route.Match) string {
	if m.Path != route.Prefix {
		return ""
	}
	return strings.TrimRight(m.Value, "/")
}
