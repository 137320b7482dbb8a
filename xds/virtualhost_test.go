package xds

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/route"
)

func TestRuleBecomesRoute(t *testing.T) {
	const hash = `"hashPolicy":[{"connectionProperties":{"sourceIp":true}}],"clusterNotFoundResponseCode":"INTERNAL_SERVER_ERROR"`
	for name, c := range map[string]struct {
		rule *route.Rule
		want string
	}{
		"backends by weight, one of them unresolved": {
			&route.Rule{
				Match:    route.Match{Path: route.Prefix, Value: "/cart/"},
				Backends: []route.Backend{to(3, "import/shop/cart:80"), to(0, "import/shop/old:80"), to(1, "nothing")},
			},
			`{"name":"shop/storefront/0/0","match":{"pathSeparatedPrefix":"/cart"},"route":{"timeout":"0s",` + hash + `,
			  "weightedClusters":{"clusters":[{"name":"import/shop/cart:80","weight":3},{"name":"invalid","weight":1}]}}}`,
		},
		"no backend that could be used": {
			&route.Rule{Backends: []route.Backend{to(0, "import/shop/cart:80")}},
			`{"name":"shop/storefront/0/0","match":{"prefix":"/"},"directResponse":{"status":500}}`,
		},
		"every kind of match": {
			&route.Rule{
				Match: route.Match{
					Path: route.Exact, Value: "/a", Method: "POST",
					Headers: []route.KeyMatch{{Name: "x-a", Value: "1"}, {Name: "x-b", Value: "b.*", Regex: true}},
					Query:   []route.KeyMatch{{Name: "q", Value: "v"}},
				},
				Respond: &route.Respond{Code: 204},
			},
			`{"name":"shop/storefront/0/0","directResponse":{"status":204},"match":{"path":"/a",
			  "headers":[{"name":":method","stringMatch":{"exact":"POST"}},{"name":"x-a","stringMatch":{"exact":"1"}},
			             {"name":"x-b","stringMatch":{"safeRegex":{"regex":"b.*"}}}],
			  "queryParameters":[{"name":"q","stringMatch":{"exact":"v"}}]}}`,
		},
		"timeouts and retries": {
			&route.Rule{
				Match: route.Match{Path: route.Regex, Value: "/v[12]"}, Backends: []route.Backend{to(1, "service/shop/web:80")},
				RequestTimeout: 3 * time.Second, BackendTimeout: time.Second, Retry: &route.Retry{Attempts: 2, Codes: []int{503}},
			},
			`{"name":"shop/storefront/0/0","match":{"safeRegex":{"regex":"/v[12]"}},"route":{"timeout":"3s",` + hash + `,
			  "weightedClusters":{"clusters":[{"name":"service/shop/web:80","weight":1}]},
			  "retryPolicy":{"retryOn":"connect-failure,refused-stream,reset,retriable-status-codes","numRetries":2,"perTryTimeout":"1s",
			                 "retriableStatusCodes":[503],"retryBackOff":{"baseInterval":"0.025s","maxInterval":"0.250s"}}}}`,
		},
		"header edits, of the rule and of a backend; Host is no header": {
			&route.Rule{
				Backends: []route.Backend{{Group: cart().ID, Weight: 1,
					ResponseHeaders: route.HeaderEdit{Set: []route.Header{{Name: "x-from", Value: "cart"}}}}},
				RequestHeaders: route.HeaderEdit{
					Set:    []route.Header{{Name: "host", Value: "cart.internal"}, {Name: "x-load", Value: "100%"}},
					Add:    []route.Header{{Name: "x-empty"}},
					Remove: []string{"cookie"},
				},
			},
			`{"name":"shop/storefront/0/0","match":{"prefix":"/"},"requestHeadersToRemove":["cookie"],
			  "requestHeadersToAdd":[{"header":{"key":"x-load","value":"100%%"},"appendAction":"OVERWRITE_IF_EXISTS_OR_ADD","keepEmptyValue":true},
			                         {"header":{"key":"x-empty"},"keepEmptyValue":true}],
			  "route":{"timeout":"0s",` + hash + `,"hostRewriteLiteral":"cart.internal",
			   "weightedClusters":{"clusters":[{"name":"import/shop/cart:80","weight":1,"responseHeadersToAdd":[
			     {"header":{"key":"x-from","value":"cart"},"appendAction":"OVERWRITE_IF_EXISTS_OR_ADD","keepEmptyValue":true}]}]}}}`,
		},
		"mirrors": {
			&route.Rule{
				Backends: []route.Backend{to(1, "service/shop/web:80")},
				Mirrors:  []route.Mirror{{Group: cart().ID, Numerator: 1, Denominator: 3}, {Group: cart().ID}},
			},
			`{"name":"shop/storefront/0/0","match":{"prefix":"/"},"route":{"timeout":"0s",` + hash + `,
			  "weightedClusters":{"clusters":[{"name":"service/shop/web:80","weight":1}]},
			  "requestMirrorPolicies":[
			    {"cluster":"import/shop/cart:80","runtimeFraction":{"defaultValue":{"numerator":333333,"denominator":"MILLION"}}},
			    {"cluster":"import/shop/cart:80","runtimeFraction":{"defaultValue":{"numerator":100}}}]}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := VirtualHost(host("shop.example", c.rule))
			want := &routev3.Route{}
			if err := protojson.Unmarshal([]byte(c.want), want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Routes[0], protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
			if _, err := match.CompileHost(got); err != nil {
				t.Error(err)
			}
		})
	}
}

// ask sends a virtual request through a rule, compiled as the proxy compiles it.
func ask(t *testing.T, h *route.VirtualHost, method, path string, header http.Header) (*match.Route, *match.Request) {
	t.Helper()
	compiled, err := match.CompileHost(VirtualHost(h))
	if err != nil {
		t.Fatal(err)
	}
	req := &match.Request{Method: method, Scheme: "http", Host: "shop.example:8080", Path: path, Header: header,
		Source: netip.MustParseAddr("192.0.2.1")}
	r := compiled.Match(req)
	if r == nil {
		t.Fatalf("%s matches no route", path)
	}
	return r, req
}

func TestPathsAreRewrittenByWholeElements(t *testing.T) {
	prefix := func(v string) *route.PathEdit { return &route.PathEdit{Prefix: true, Value: v} }
	for _, c := range []struct {
		match string
		edit  *route.PathEdit
		path  string
		want  string
	}{
		{"/foo", prefix("/xyz"), "/foo/bar", "/xyz/bar"},
		{"/foo", prefix("/xyz/"), "/foo/bar", "/xyz/bar"},
		{"/foo/", prefix("/xyz"), "/foo/bar", "/xyz/bar"},
		{"/foo", prefix("/xyz"), "/foo", "/xyz"},
		{"/foo", prefix("/xyz"), "/foo/", "/xyz/"},
		{"/foo", prefix("/"), "/foo/bar", "/bar"},
		{"/foo", prefix(""), "/foo/bar", "/bar"},
		{"/foo", prefix("/"), "/foo", "/"},
		{"/foo", prefix("/"), "/foo//bar", "//bar"},
		{"/f.o", prefix("/"), "/f.o/foo", "/foo"},
		{"/", prefix("/xyz"), "/bar", "/xyz/bar"},
		{"/", prefix("/"), "/bar", "/bar"},
		{"/foo", &route.PathEdit{Value: `/all/$1`}, "/foo/bar", "/all/$1"},
	} {
		m := route.Match{Path: route.Prefix, Value: c.match}
		r, req := ask(t, host("shop.example", &route.Rule{
			Match: m, Backends: []route.Backend{to(1, "service/shop/web:80")}, Rewrite: &route.Rewrite{Path: c.edit},
		}), "GET", c.path, nil)
		if _, got := r.Target(req, nil); got != c.want {
			t.Errorf("%s with %s -> %q becomes %s, want %s", c.path, c.match, c.edit.Value, got, c.want)
		}
		r, req = ask(t, host("shop.example", &route.Rule{
			Match: m, Redirect: &route.Redirect{Scheme: "https", Path: c.edit},
		}), "GET", c.path, nil)
		if got := r.Location(req); got != "https://shop.example"+c.want {
			t.Errorf("%s with %s -> %q is redirected to %s, want %s", c.path, c.match, c.edit.Value, got, c.want)
		}
	}
}

// HTTPRequestRedirectFilter.port of the Gateway API.
func TestRedirectPort(t *testing.T) {
	for _, c := range []struct {
		listener uint16
		redirect route.Redirect
		want     string
	}{
		{8080, route.Redirect{}, "http://shop.example:8080/a"},
		{80, route.Redirect{}, "http://shop.example/a"},
		{8080, route.Redirect{Scheme: "https"}, "https://shop.example/a"},
		{80, route.Redirect{Scheme: "https"}, "https://shop.example/a"},
		{8080, route.Redirect{Scheme: "https", Port: 8443}, "https://shop.example:8443/a"},
		{8080, route.Redirect{Port: 80}, "http://shop.example/a"},
		{8080, route.Redirect{Hostname: "other.example"}, "http://other.example:8080/a"},
		{8080, route.Redirect{Scheme: "http", Code: 308}, "http://shop.example/a"},
	} {
		h := host("shop.example", &route.Rule{Redirect: &c.redirect})
		h.ID.Server.Port = c.listener
		r, req := ask(t, h, "GET", "/a", nil)
		if got := r.Location(req); got != c.want {
			t.Errorf("at %d, %+v: %s, want %s", c.listener, c.redirect, got, c.want)
		}
	}
}

func TestCORS(t *testing.T) {
	h := host("shop.example", &route.Rule{
		Backends: []route.Backend{to(1, "service/shop/web:80")},
		CORS: &route.CORS{AllowOrigins: []string{"https://*.shop.example", "https://one.example"}, AllowMethods: []string{"GET", "PUT"},
			AllowCredentials: true, MaxAge: time.Minute},
	})
	for origin, allowed := range map[string]string{
		"https://a.shop.example": "https://a.shop.example",
		"https://one.example":    "https://one.example",
		"https://a.shopxexample": "",
		"https://two.example":    "",
	} {
		r, req := ask(t, h, "OPTIONS", "/", http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"PUT"}})
		out := http.Header{}
		if !r.CORS.Preflight(req, out) {
			t.Errorf("a preflight from %s is not answered", origin)
		}
		if got := out.Get("Access-Control-Allow-Origin"); got != allowed {
			t.Errorf("%s: allowed origin %q, want %q", origin, got, allowed)
		}
	}
}
