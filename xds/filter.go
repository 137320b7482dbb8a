package xds

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"fairlead.dev/fairlead/route"
)

// Names of Envoy's HTTP filters. A route's own CORS policy stands under corsName.
const (
	corsName   = "envoy.filters.http.cors"
	routerName = "envoy.filters.http.router"
)

func corsFilter() *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{Name: corsName, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&corsv3.Cors{})}}
}

func routerFilter() *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{Name: routerName, ConfigType: &hcmv3.HttpFilter_TypedConfig{
		TypedConfig: pack(&routerv3.Router{SuppressEnvoyHeaders: true}),
	}}
}

// corsPolicy is the CORS filter of the Gateway API (GEP-1767) in Envoy's words. In an origin, "*" stands for any text;
// alone it is told as it is, so that the answer can be "*" too.
func corsPolicy(c *route.CORS) *corsv3.CorsPolicy {
	p := &corsv3.CorsPolicy{
		AllowMethods:     strings.Join(c.AllowMethods, ", "),
		AllowHeaders:     strings.Join(c.AllowHeaders, ", "),
		ExposeHeaders:    strings.Join(c.ExposeHeaders, ", "),
		AllowCredentials: wrapperspb.Bool(c.AllowCredentials),
		// A preflight from a foreign origin is not the backend's business.
		ForwardNotMatchingPreflights: wrapperspb.Bool(false),
	}
	if c.MaxAge > 0 {
		p.MaxAge = strconv.FormatInt(int64(c.MaxAge/time.Second), 10)
	}
	for _, origin := range c.AllowOrigins {
		p.AllowOriginStringMatch = append(p.AllowOriginStringMatch, originMatch(origin))
	}
	return p
}

func originMatch(origin string) *matcherv3.StringMatcher {
	if origin == "*" || !strings.Contains(origin, "*") {
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: origin}}
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(origin), `\*`, ".*")
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: regex(pattern)}}
}

func regex(pattern string) *matcherv3.RegexMatcher { return &matcherv3.RegexMatcher{Regex: pattern} }
