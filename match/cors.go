package match

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// CORS is a compiled CorsPolicy.
type CORS struct {
	origins     []text
	methods     string
	headers     string
	expose      string
	maxAge      string
	credentials bool
	forward     bool // preflights that do not match go to the backend
}

// compileFilters reads the per-route configuration of the filters that are known here.
func compileFilters(configs map[string]*anypb.Any) (*CORS, error) {
	var cors *CORS
	for name, config := range configs {
		if name != "envoy.filters.http.cors" {
			return nil, fmt.Errorf("typed_per_filter_config: the filter %s is not known", name)
		}
		var p corsv3.CorsPolicy
		if err := config.UnmarshalTo(&p); err != nil {
			return nil, fmt.Errorf("typed_per_filter_config: %s: %w", name, err)
		}
		var err error
		if cors, err = compileCORS(&p); err != nil {
			return nil, fmt.Errorf("typed_per_filter_config: %s: %w", name, err)
		}
	}
	return cors, nil
}

func compileCORS(p *corsv3.CorsPolicy) (*CORS, error) {
	c := &CORS{methods: p.GetAllowMethods(), headers: p.GetAllowHeaders(), expose: p.GetExposeHeaders(), maxAge: p.GetMaxAge(),
		credentials: p.GetAllowCredentials().GetValue(), forward: p.GetForwardNotMatchingPreflights() == nil || p.GetForwardNotMatchingPreflights().GetValue()}
	if strings.ContainsAny(c.methods+c.headers+c.expose+c.maxAge, "\r\n\x00") {
		return nil, errors.New("a control character")
	}
	for _, m := range p.GetAllowOriginStringMatch() {
		t, err := compileText(m)
		if err != nil {
			return nil, fmt.Errorf("allow_origin_string_match: %w", err)
		}
		c.origins = append(c.origins, t)
	}
	return c, nil
}

// allows returns the Access-Control-Allow-Origin for an origin, or "". "*" is answered with "*" only where no credentials are allowed.
func (c *CORS) allows(origin string) string {
	for i := range c.origins {
		if t := &c.origins[i]; t.kind == exact && t.value == "*" {
			if !c.credentials {
				return "*"
			}
			return origin
		} else if t.match(origin) {
			return origin
		}
	}
	return ""
}

// Preflight answers a CORS preflight request (Fetch 3.2.2) and says whether it was one that is answered here.
func (c *CORS) Preflight(req *Request, out Fields) bool {
	origin, hasOrigin := req.header("Origin")
	method, hasMethod := req.header("Access-Control-Request-Method")
	if req.Method != http.MethodOptions || !hasOrigin || !hasMethod {
		return false
	}
	allowed := c.allows(origin)
	if allowed == "" {
		return !c.forward
	}
	c.origin(out, allowed)
	setUnlessEmpty(out, "Access-Control-Allow-Methods", c.wild(c.methods, method))
	asked, _ := req.header("Access-Control-Request-Headers")
	setUnlessEmpty(out, "Access-Control-Allow-Headers", c.wild(c.headers, asked))
	setUnlessEmpty(out, "Access-Control-Max-Age", c.maxAge)
	return true
}

// wild resolves "*", which browsers do not honour together with credentials, to what was asked for.
func (c *CORS) wild(allowed, asked string) string {
	if allowed == "*" && c.credentials {
		return asked
	}
	return allowed
}

// Actual adds to the response of a request that is no preflight what its origin may see. It replaces what the backend said.
func (c *CORS) Actual(req *Request, out Fields) {
	origin, ok := req.header("Origin")
	if !ok {
		return
	}
	if allowed := c.allows(origin); allowed != "" {
		c.origin(out, allowed)
		setUnlessEmpty(out, "Access-Control-Expose-Headers", c.expose)
	}
}

func (c *CORS) origin(out Fields, allowed string) {
	out.Set("Access-Control-Allow-Origin", allowed)
	if c.credentials {
		out.Set("Access-Control-Allow-Credentials", "true")
	}
	if allowed != "*" {
		out.Add("Vary", "Origin")
	}
}

func setUnlessEmpty(out Fields, name, value string) {
	if value != "" {
		out.Set(name, value)
	}
}
