package match_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	_ "google.golang.org/protobuf/types/known/emptypb" // a filter that is not known
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/match"
)

// routes reads routes from protojson, one per argument, and adds an action where there is none.
func routes(t testing.TB, texts ...string) []*routev3.Route {
	t.Helper()
	var out []*routev3.Route
	for i, text := range texts {
		r := &routev3.Route{Name: fmt.Sprint(i)}
		if err := protojson.Unmarshal([]byte(text), r); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if r.Action == nil {
			r.Action = &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}}
		}
		if r.Name == "" {
			r.Name = fmt.Sprint(i)
		}
		out = append(out, r)
	}
	return out
}

func compile(t testing.TB, texts ...string) *match.Host {
	t.Helper()
	h, err := match.CompileHost(&routev3.VirtualHost{Name: "s/h", Domains: []string{"h"}, Routes: routes(t, texts...)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// request reads "METHOD path?query name=value …".
func request(text string) *match.Request {
	f := strings.Fields(text)
	r := &match.Request{Method: f[0], Scheme: "http", Host: "shop.example:8080", Source: netip.MustParseAddr("10.0.0.1")}
	r.Path, r.RawQuery, _ = strings.Cut(f[1], "?")
	h := http.Header{}
	for _, kv := range f[2:] {
		k, v, _ := strings.Cut(kv, "=")
		h.Add(k, v)
	}
	r.Header = h
	return r
}

func name(r *match.Route) string {
	if r == nil {
		return "-"
	}
	return r.Name
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		match string // of the one route
		yes   []string
		no    []string
	}{
		{`{"match":{"path":"/a"}}`, []string{"GET /a", "GET /a?x=1"}, []string{"GET /a/", "GET /A", "GET /ab", "GET /"}},
		{`{"match":{"path":"/a","caseSensitive":false}}`, []string{"GET /A"}, []string{"GET /b"}},
		{`{"match":{"pathSeparatedPrefix":"/a"}}`, []string{"GET /a", "GET /a/", "GET /a/b", "GET /a//b"}, []string{"GET /ab", "GET /", "GET /A"}},
		{`{"match":{"pathSeparatedPrefix":"/a/"}}`, []string{"GET /a", "GET /a/b"}, []string{"GET /ab"}},
		{`{"match":{"prefix":"/"}}`, []string{"GET /", "GET /x/y"}, nil},
		{`{"match":{"prefix":"/a"}}`, []string{"GET /a", "GET /ab", "GET /a/b"}, []string{"GET /b"}},
		{`{"match":{"safeRegex":{"regex":"/a|/b/.*"}}}`, []string{"GET /a", "GET /b/c"}, []string{"GET /ab", "GET /x/a", "GET /b"}},
		{`{"match":{"prefix":"/","headers":[{"name":":method","stringMatch":{"exact":"POST"}}]}}`, []string{"POST /"}, []string{"GET /", "post /"}},
		{`{"match":{"prefix":"/","headers":[{"name":"x-a","stringMatch":{"exact":"1"}}]}}`, []string{"GET / X-A=1"}, []string{"GET /", "GET / X-A=2", "GET / X-A=1 X-A=2"}},
		{`{"match":{"prefix":"/","headers":[{"name":"x-a","stringMatch":{"exact":"1,2"}}]}}`, []string{"GET / X-A=1 X-A=2"}, []string{"GET / X-A=1"}},
		{`{"match":{"prefix":"/","headers":[{"name":"x-a","stringMatch":{"prefix":"AB","ignoreCase":true}}]}}`, []string{"GET / X-A=abc"}, []string{"GET / X-A=a"}},
		{`{"match":{"prefix":"/","headers":[{"name":"x-a","stringMatch":{"safeRegex":{"regex":"[0-9]+"}}}]}}`, []string{"GET / X-A=12"}, []string{"GET / X-A=1a", "GET /"}},
		{`{"match":{"prefix":"/","headers":[{"name":"x-a","presentMatch":true}]}}`, []string{"GET / X-A="}, []string{"GET /"}},
		{`{"match":{"prefix":"/","headers":[{"name":"x-a","presentMatch":true,"invertMatch":true}]}}`, []string{"GET /"}, []string{"GET / X-A=1"}},
		{`{"match":{"prefix":"/","headers":[{"name":"x-a","stringMatch":{"exact":"1"},"invertMatch":true}]}}`, []string{"GET /", "GET / X-A=2"}, []string{"GET / X-A=1"}},
		{`{"match":{"prefix":"/","headers":[{"name":"x-a","rangeMatch":{"start":"-2","end":"5"}}]}}`, []string{"GET / X-A=-2", "GET / X-A=4"}, []string{"GET / X-A=5", "GET / X-A=x"}},
		{`{"match":{"prefix":"/","headers":[{"name":"host","stringMatch":{"exact":"shop.example:8080"}}]}}`, []string{"GET /"}, nil},
		{`{"match":{"prefix":"/","queryParameters":[{"name":"q","stringMatch":{"exact":"a b"}}]}}`, []string{"GET /?q=a+b", "GET /?x&q=a%20b&q=c"}, []string{"GET /", "GET /?q=c&q=a+b", "GET /?Q=a+b", "GET /?q=a;b"}},
		{`{"match":{"prefix":"/","queryParameters":[{"name":"q","presentMatch":true}]}}`, []string{"GET /?q", "GET /?q="}, []string{"GET /?qq=1"}},
	} {
		h := compile(t, c.match)
		for _, text := range c.yes {
			if h.Match(request(text)) == nil {
				_, why := h.Explain(request(text))
				t.Errorf("%s does not match %s: %s", c.match, text, why[0].Why)
			}
		}
		for _, text := range c.no {
			if h.Match(request(text)) != nil {
				t.Errorf("%s matches %s", c.match, text)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	h := compile(t, `{"match":{"path":"/a"}}`, `{"match":{"pathSeparatedPrefix":"/cart","headers":[{"name":":method","stringMatch":{"exact":"POST"}}]}}`,
		`{"match":{"prefix":"/","headers":[{"name":"x-a","stringMatch":{"exact":"1"}}]}}`, `{"match":{"prefix":"/","queryParameters":[{"name":"q","stringMatch":{"exact":"1"}}]}}`,
		`{"match":{"prefix":"/"}}`, `{"match":{"prefix":"/never"}}`)
	got, lost := h.Explain(request("GET /cart x-a=2"))
	var b strings.Builder
	for _, m := range lost {
		fmt.Fprintf(&b, "%s (%s): %s\n", m.Route.Name, m.Route, m.Why)
	}
	const want = `0 (path /a): the path /cart is not of path /a
1 (prefix /cart, method POST): method GET, wanted POST
2 (prefix /, header x-a "1"): header x-a is "2", wanted "1"
3 (prefix /, query q "1"): query parameter q is absent, wanted "1"
`
	if b.String() != want || name(got) != "4" {
		t.Errorf("route %s, lost:\n%s", name(got), b.String())
	}
}

// path draws paths that collide often.
var path = rapid.Custom(func(t *rapid.T) string {
	return "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "", "ab", "A"}), 0, 4).Draw(t, "elements"), "/")
})

// TestMatchIsExplain: the index finds what asking each route in turn finds, which is the first that matches.
func TestMatchIsExplain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vh := &routev3.VirtualHost{Name: "s/h", Domains: []string{"*"}}
		for i := range rapid.IntRange(0, 12).Draw(t, "routes") {
			p := path.Draw(t, "path")
			m := &routev3.RouteMatch{}
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				m.PathSpecifier = &routev3.RouteMatch_Path{Path: p}
			case 1:
				m.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: p}
			case 2:
				m.PathSpecifier = &routev3.RouteMatch_SafeRegex{}
				m = &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}
			default:
				m.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: p}
			}
			if rapid.Bool().Draw(t, "header") {
				m.Headers = []*routev3.HeaderMatcher{{Name: "x-a", HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}}}
			}
			vh.Routes = append(vh.Routes, &routev3.Route{Name: fmt.Sprint(i), Match: m, Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}}})
		}
		h, err := match.CompileHost(vh)
		if err != nil {
			t.Fatal(err)
		}
		req := &match.Request{Method: "GET", Path: path.Draw(t, "asked"), Header: http.Header{}}
		if rapid.Bool().Draw(t, "has header") {
			req.Header = http.Header{"X-A": {"1"}}
		}
		fast := h.Match(req)
		slow, lost := h.Explain(req)
		if fast != slow {
			t.Fatalf("%s: Match %s, Explain %s", req.Path, name(fast), name(slow))
		}
		if slow != nil && name(slow) != fmt.Sprint(len(lost)) {
			t.Fatalf("%d lost before %s", len(lost), name(slow))
		}
	})
}

func TestCompileRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                     "match: missing",
		`{"match":{}}`:           "no path",
		`{"match":{"path":"a"}}`: "does not begin with a slash",
		`{"match":{"pathSeparatedPrefix":"/a?b"}}`:                                                                               "holds a query",
		`{"match":{"safeRegex":{"regex":"("}}}`:                                                                                  "safe_regex",
		`{"match":{"safeRegex":{"regex":"a)|(b"}}}`:                                                                              "safe_regex",
		`{"match":{"prefix":"/","grpc":{}}}`:                                                                                     "grpc",
		`{"match":{"prefix":"/","runtimeFraction":{"defaultValue":{"numerator":1}}}}`:                                            "runtime_fraction",
		`{"match":{"prefix":"/"},"route":{}}`:                                                                                    "cluster",
		`{"match":{"prefix":"/"},"route":{"clusterHeader":"x"}}`:                                                                 "cluster",
		`{"match":{"prefix":"/"},"route":{"cluster":"c","prefixRewrite":"x y"}}`:                                                 "prefix_rewrite",
		`{"match":{"prefix":"/"},"route":{"cluster":"c","hostRewriteLiteral":"a/b"}}`:                                            "host_rewrite_literal",
		`{"match":{"prefix":"/"},"route":{"cluster":"c","autoHostRewrite":true}}`:                                                "host_rewrite_literal",
		`{"match":{"prefix":"/"},"route":{"cluster":"c","retryPolicy":{"retryOn":"sometimes"}}}`:                                 `"sometimes"`,
		`{"match":{"prefix":"/"},"route":{"cluster":"c","hashPolicy":[{"cookie":{"name":"x"}}]}}`:                                "hash_policy[0]",
		`{"match":{"prefix":"/"},"redirect":{"schemeRedirect":"gopher"}}`:                                                        "scheme_redirect",
		`{"match":{"prefix":"/"},"redirect":{"portRedirect":70000}}`:                                                             "port_redirect",
		`{"match":{"prefix":"/"},"directResponse":{"status":42}}`:                                                                "direct_response.status",
		`{"match":{"prefix":"/"},"requestHeadersToAdd":[{"header":{"key":"a b","value":"x"}}]}`:                                  "not a header name",
		`{"match":{"prefix":"/"},"requestHeadersToAdd":[{"header":{"key":"a","value":"%REQ(x)%"}}]}`:                             "substitutions",
		`{"match":{"prefix":"/"},"requestHeadersToAdd":[{"header":{"key":"a","value":"x\r\ny"}}]}`:                               "control character",
		`{"match":{"prefix":"/"},"requestHeadersToRemove":["Content-Length"]}`:                                                   "framed",
		`{"match":{"prefix":"/"},"typedPerFilterConfig":{"x":{"@type":"type.googleapis.com/google.protobuf.Empty","value":{}}}}`: "filter x",
	} {
		r := &routev3.Route{}
		if err := protojson.Unmarshal([]byte(text), r); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if r.Action == nil && !strings.Contains(text, `"route"`) {
			r.Action = &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}}
		}
		_, err := match.CompileHost(&routev3.VirtualHost{Name: "n", Domains: []string{"h"}, Routes: []*routev3.Route{r}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	for _, domain := range []string{"", "a.*", "*a", "*.*.a"} {
		if _, err := match.CompileHost(&routev3.VirtualHost{Name: "n", Domains: []string{domain}}); err == nil {
			t.Errorf("domain %q was taken", domain)
		}
	}
}

func FuzzCompileHost(f *testing.F) {
	for _, text := range []string{`{"match":{"prefix":"/a"},"redirect":{"prefixRewrite":"/b"}}`,
		`{"match":{"safeRegex":{"regex":"/(.*)"}},"route":{"cluster":"c","regexRewrite":{"pattern":{"regex":"/(.)"},"substitution":"/\\1"}}}`} {
		vh := &routev3.VirtualHost{Name: "n", Domains: []string{"*.h"}, Routes: routes(f, text)}
		b, err := proto.Marshal(vh)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "/a/b")
	}
	f.Fuzz(func(t *testing.T, b []byte, p string) {
		vh := &routev3.VirtualHost{}
		if proto.Unmarshal(b, vh) != nil {
			return
		}
		h, err := match.CompileHost(vh)
		if err != nil {
			return
		}
		p, err = match.Normalize(p, true)
		if err != nil {
			return
		}
		req := &match.Request{Method: "GET", Scheme: "http", Host: "x.h", Path: p, RawQuery: "a=b", Header: http.Header{}}
		route := h.Match(req)
		if explained, _ := h.Explain(req); route != explained {
			t.Fatalf("Match and Explain differ for %s", p)
		}
		if route == nil {
			return
		}
		if route.Redirect != nil {
			if l := route.Location(req); strings.ContainsAny(l, " \r\n") {
				t.Fatalf("Location %q", l)
			}
			return
		}
		if _, to := route.Target(req, nil); to == "" || to[0] != '/' || strings.ContainsAny(to, " \r\n") {
			t.Fatalf("target %q", to)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{1, 1000} {
		var texts []string
		for i := range n {
			texts = append(texts, fmt.Sprintf(`{"match":{"pathSeparatedPrefix":"/s%d","headers":[{"name":":method","stringMatch":{"exact":"GET"}}]}}`, i))
		}
		h := compile(b, texts...)
		req := request(fmt.Sprintf("GET /s%d/items/1 Accept=*/*", n-1))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if h.Match(req) == nil {
					b.Fatal("no match")
				}
			}
		})
	}
}
