package match_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fairlead.dev/fairlead/match"
)

func TestNormalize(t *testing.T) {
	for in, want := range map[string]string{
		"/": "/", "/a//b": "/a//b", "/%61%2d%7E": "/a-~", "/%c3%a4": "/%C3%A4", "/a%20b": "/a%20b", "/.well-known/x": "/.well-known/x",
		"/...": "/...", "/a.b/..c": "/a.b/..c", "/a;x=1": "/a;x=1", "/a%3Fb": "/a%3Fb", "/%E4": "/%E4",
	} {
		if got, err := match.Normalize(in, false); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]error{
		"": match.ErrTargetForm, "a": match.ErrTargetForm, "/a b": match.ErrTargetByte, "/a\x7f": match.ErrTargetByte, "/ä": match.ErrTargetByte,
		"/a#b": match.ErrTargetByte, "/%": match.ErrTargetEscape, "/%2": match.ErrTargetEscape, "/%zz": match.ErrTargetEscape,
		"/%00": match.ErrTargetNul, "/%0d%0a": match.ErrTargetNul, "/%7f": match.ErrTargetNul, `/a\b`: match.ErrTargetSlash,
		"/a%2fb": match.ErrTargetSlash, "/a%5Cb": match.ErrTargetSlash, "/.": match.ErrTargetDots, "/..": match.ErrTargetDots,
		"/a/../b": match.ErrTargetDots, "/a/./b": match.ErrTargetDots, "/a/%2e%2E/b": match.ErrTargetDots, "/a/..;x/b": match.ErrTargetDots,
		"/a/.%2e": match.ErrTargetDots,
	} {
		if got, err := match.Normalize(in, false); !errors.Is(err, want) {
			t.Errorf("%s: %q %v, want %v", in, got, err, want)
		}
	}
	if got, err := match.Normalize("/@scope%2fname", true); err != nil || got != "/@scope%2Fname" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := match.Normalize("/a%2f..%2fb", true); !errors.Is(err, match.ErrTargetDots) {
		t.Error(err)
	}
}

// TestNormalizeTwice: what Normalize returns, it returns unchanged.
func TestNormalizeTwice(t *testing.T) {
	piece := rapid.SampledFrom([]string{"/", "a", ".", "%2e", "%2F", "%41", "%20", "%c3", ";", "..", "%"})
	rapid.Check(t, func(t *rapid.T) {
		in := "/" + strings.Join(rapid.SliceOf(piece).Draw(t, "pieces"), "")
		keep := rapid.Bool().Draw(t, "keep")
		once, err := match.Normalize(in, keep)
		if err != nil {
			return
		}
		if twice, err := match.Normalize(once, keep); err != nil || twice != once {
			t.Fatalf("%s: %s, then %s %v", in, once, twice, err)
		}
	})
}

func TestLocation(t *testing.T) {
	for _, c := range []struct{ match, redirect, request, want string }{
		{`"prefix":"/"`, `{}`, "GET /a?x=1", "http://shop.example/a?x=1"},
		{`"prefix":"/"`, `{"schemeRedirect":"https"}`, "GET /a", "https://shop.example/a"},
		{`"prefix":"/"`, `{"schemeRedirect":"https","portRedirect":443}`, "GET /a", "https://shop.example/a"},
		{`"prefix":"/"`, `{"schemeRedirect":"https","portRedirect":8443}`, "GET /a", "https://shop.example:8443/a"},
		{`"prefix":"/"`, `{"portRedirect":8080}`, "GET /a", "http://shop.example:8080/a"},
		{`"prefix":"/"`, `{"hostRedirect":"other.example","stripQuery":true}`, "GET /a?x=1", "http://other.example/a"},
		{`"prefix":"/"`, `{"hostRedirect":"::1","portRedirect":81}`, "GET /", "http://[::1]:81/"},
		{`"prefix":"/"`, `{"pathRedirect":"/new"}`, "GET /a?x=1", "http://shop.example/new?x=1"},
		{`"prefix":"/"`, `{"pathRedirect":"/new?y=2"}`, "GET /a?x=1", "http://shop.example/new?y=2"},
		{`"pathSeparatedPrefix":"/a"`, `{"prefixRewrite":"/b"}`, "GET /a/c", "http://shop.example/b/c"},
		{`"pathSeparatedPrefix":"/a"`, `{"prefixRewrite":"/"}`, "GET /a/c", "http://shop.example/c"},
		{`"pathSeparatedPrefix":"/a"`, `{"prefixRewrite":"/"}`, "GET /a", "http://shop.example/"},
		{`"prefix":"/"`, `{"prefixRewrite":"/b"}`, "GET /c", "http://shop.example/b/c"},
		{`"prefix":"/"`, `{"regexRewrite":{"pattern":{"regex":"^/a/([0-9]+)"},"substitution":"/b$/\\1"}}`, "GET /a/12/x", "http://shop.example/b$/12/x"},
	} {
		h := compile(t, `{"match":{`+c.match+`},"redirect":`+c.redirect+`}`)
		req := request(c.request)
		if got := h.Match(req).Location(req); got != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.match, c.redirect, c.request, got, c.want)
		}
	}
}

func TestTarget(t *testing.T) {
	for _, c := range []struct{ match, route, path, want string }{
		{`"pathSeparatedPrefix":"/a"`, `"prefixRewrite":"/b"`, "/a", "shop.example:8080 /b"},
		{`"pathSeparatedPrefix":"/a"`, `"prefixRewrite":"/b/"`, "/a/c", "shop.example:8080 /b/c"},
		{`"pathSeparatedPrefix":"/a"`, `"prefixRewrite":"/b/"`, "/a/", "shop.example:8080 /b/"},
		{`"pathSeparatedPrefix":"/a"`, `"prefixRewrite":"/"`, "/a/c", "shop.example:8080 /c"},
		{`"path":"/a"`, `"prefixRewrite":"/b"`, "/a", "shop.example:8080 /b"},
		{`"prefix":"/"`, `"prefixRewrite":"/b"`, "/c", "shop.example:8080 /b/c"},
		{`"prefix":"/a"`, `"prefixRewrite":"/b"`, "/ac", "shop.example:8080 /bc"},
		{`"prefix":"/"`, `"regexRewrite":{"pattern":{"regex":"^.*$"},"substitution":"/one"}`, "/c/d", "shop.example:8080 /one"},
		{`"prefix":"/"`, `"hostRewriteLiteral":"b.example"`, "/c", "b.example /c"},
	} {
		h := compile(t, `{"match":{`+c.match+`},"route":{"cluster":"c",`+c.route+`}}`)
		req := request("GET " + c.path)
		host, path := h.Match(req).Target(req, nil)
		if got := host + " " + path; got != c.want {
			t.Errorf("%s %s: %s, want %s", c.match, c.route, got, c.want)
		}
	}
}

func TestEdits(t *testing.T) {
	h := compile(t, `{"match":{"prefix":"/"},"requestHeadersToRemove":["x-gone"],"requestHeadersToAdd":[
		{"header":{"key":"x-set","value":"100%%"},"appendAction":"OVERWRITE_IF_EXISTS_OR_ADD"},{"header":{"key":"x-add","value":"2"}},
		{"header":{"key":"x-new","value":"3"},"appendAction":"ADD_IF_ABSENT"},{"header":{"key":"x-add","value":"no"},"appendAction":"ADD_IF_ABSENT"}]}`)
	got := http.Header{"X-Gone": {"1"}, "X-Set": {"1", "2"}, "X-Add": {"1"}}
	r := h.Routes[0]
	r.Request[0].Apply(got)
	want := http.Header{"X-Set": {"100%"}, "X-Add": {"1", "2"}, "X-New": {"3"}}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
	for k := range want {
		if strings.Join(got[k], ",") != strings.Join(want[k], ",") {
			t.Errorf("%s: %v, want %v", k, got[k], want[k])
		}
	}
	if s := strings.Join(r.Request[0].Strings(), "; "); s != "remove x-gone; set x-set: 100%; add x-add: 2; set if absent x-new: 3; set if absent x-add: no" {
		t.Error(s)
	}
}

func TestCORS(t *testing.T) {
	h := compile(t, `{"match":{"prefix":"/"},"typedPerFilterConfig":{"envoy.filters.http.cors":{"@type":"type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
		"allowOriginStringMatch":[{"exact":"https://a.example"},{"safeRegex":{"regex":"https://.*\\.b\\.example"}}],
		"allowMethods":"GET, PUT","allowHeaders":"*","exposeHeaders":"x-e","maxAge":"60","allowCredentials":true,"forwardNotMatchingPreflights":false}}}`)
	c := h.Routes[0].CORS
	out := http.Header{}
	if !c.Preflight(request("OPTIONS / Origin=https://x.b.example Access-Control-Request-Method=PUT Access-Control-Request-Headers=x-1"), out) ||
		out.Get("Access-Control-Allow-Origin") != "https://x.b.example" || out.Get("Access-Control-Allow-Headers") != "x-1" ||
		out.Get("Access-Control-Allow-Credentials") != "true" || out.Get("Access-Control-Max-Age") != "60" {
		t.Errorf("%v", out)
	}
	out = http.Header{}
	if !c.Preflight(request("OPTIONS / Origin=https://evil.test Access-Control-Request-Method=PUT"), out) || len(out) != 0 {
		t.Errorf("a foreign origin: %v", out)
	}
	if c.Preflight(request("OPTIONS / Origin=https://a.example"), out) {
		t.Error("an OPTIONS that is no preflight is the backend's")
	}
	c.Actual(request("GET / Origin=https://a.example"), out)
	if out.Get("Access-Control-Allow-Origin") != "https://a.example" || out.Get("Access-Control-Expose-Headers") != "x-e" || out.Get("Vary") != "Origin" {
		t.Errorf("%v", out)
	}
}

func TestShares(t *testing.T) {
	h := compile(t, `{"match":{"prefix":"/"},"route":{"weightedClusters":{"clusters":[{"name":"a","weight":1},{"name":"b","weight":3},{"name":"none","weight":0}]}}}`)
	f := h.Routes[0].Forward
	got := map[string]int{}
	for i := range uint64(4000) {
		got[f.Choose(i*0x9e3779b97f4a7c15).Cluster]++
	}
	if got["a"] < 990 || got["a"] > 1010 || got["none"] != 0 {
		t.Errorf("%v", got)
	}
	if f.Percent(&f.Shares[1]) != 75 {
		t.Error(f.Percent(&f.Shares[1]))
	}
}
