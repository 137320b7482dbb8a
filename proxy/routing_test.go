package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// backend is an HTTP server that says its name and what it saw.
func backend(t testing.TB, name string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Backend", name)
		w.Header().Set("X-Seen", r.Method+" "+r.Host+r.RequestURI+" "+r.Header.Get("X-Forwarded-For")+" "+r.Header.Get("X-Forwarded-Proto")+" "+r.Header.Get("X-Forwarded-Host"))
		for _, name := range []string{"Connection", "Upgrade", "Forwarded", "Proxy-Connection", "X-Hop", "User-Agent"} {
			if v, ok := r.Header[name]; ok {
				w.Header().Set("X-Saw-"+name, strings.Join(v, ","))
			}
		}
		_, _ = fmt.Fprintf(w, "%s %s", name, body)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// refusing is an address that refuses connections.
func refusing(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// web gives the proxy a listener with one host and a cluster "web" of these tiers.
func (b *bench) web(tiers ...[]endpoint) *bench {
	b.plane.put(cluster("web"), endpoints("web", tiers...), listener(webServer, webAddr), shell(webServer),
		host(webServer, "shop.example", to("/", "web")))
	b.live("shop.example")
	return b
}

// live waits until a host answers with something else than 404.
func (b *bench) live(hostname string) {
	b.t.Helper()
	eventually(b.t, "host "+hostname, func() bool {
		resp, err := b.do("HEAD", webAddr, hostname, "/", nil)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode != 404
	})
}

// settled waits until the proxy has taken all changes in.
func (b *bench) settled(changes int64) {
	b.t.Helper()
	eventually(b.t, "changes applied", func() bool { return b.Status().Counts.Changes >= changes })
}

func (b *bench) do(method, addr, hostname, path string, body io.Reader, header ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, "http://"+b.addr(addr)+path, body)
	if err != nil {
		return nil, err
	}
	r.Host = hostname
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 20 * time.Second}
	return c.Do(r)
}

// get returns status and body.
func (b *bench) get(hostname, path string, header ...string) (int, string, http.Header) {
	b.t.Helper()
	resp, err := b.do("GET", webAddr, hostname, path, nil, header...)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(body)), resp.Header
}

func TestRouting(t *testing.T) {
	b := start(t)
	east, west := backend(t, "east"), backend(t, "west")
	b.plane.put(cluster("east"), endpoints("east", ready(east)), cluster("west"), endpoints("west", ready(west)), cluster("empty"),
		endpoints("empty"), listener(webServer, webAddr), shell(webServer),
		host(webServer, "*.example", to("/", "west")),
		host(webServer, "shop.example",
			&routev3.Route{Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: "/old"}},
				Action: &routev3.Route_Redirect{Redirect: &routev3.RedirectAction{SchemeRewriteSpecifier: &routev3.RedirectAction_SchemeRedirect{SchemeRedirect: "https"},
					PathRewriteSpecifier: &routev3.RedirectAction_PrefixRewrite{PrefixRewrite: "/new"}}}},
			to("/cart", "east", func(a *routev3.RouteAction) { a.PrefixRewrite = "/" }),
			to("/invalid", "invalid"), to("/unknown", "nowhere"), to("/empty", "empty"), to("/", "west")))
	eventually(t, "both hosts", func() bool { return b.Status().Hosts == 2 })

	for _, c := range []struct {
		host, path string
		code       int
		body       string
	}{
		{"shop.example", "/", 200, "west"},
		{"shop.example:8080", "/x", 200, "west"},
		{"SHOP.example", "/cart/1?q=2", 200, "east"},
		{"shop.example", "/cartoon", 200, "west"},
		{"a.b.example", "/", 200, "west"},
		{"other.test", "/", 404, "no route for host other.test"},
		{"shop.example", "/invalid", 500, "the route's backend could not be resolved"},
		{"shop.example", "/unknown", 500, "the route's backend nowhere is not known"},
		{"shop.example", "/empty", 503, "no endpoint of empty is ready"},
		{"shop.example", "/a%2F..%2Fb", 400, "the path holds an escaped slash or a backslash, which servers read differently"},
		{"shop.example", "/a%00", 400, "the path holds an escaped control character"},
		{"shop.example", "/old/x?y=1", 301, ""},
	} {
		code, body, h := b.get(c.host, c.path)
		if code != c.code || body != c.body {
			t.Errorf("%s%s: %d %q, want %d %q", c.host, c.path, code, body, c.code, c.body)
		}
		if code == 301 && h.Get("Location") != "https://shop.example/new/x?y=1" {
			t.Errorf("Location %q", h.Get("Location"))
		}
	}
	_, _, h := b.get("SHOP.example", "/cart/1?q=2", "X-Forwarded-For", "6.6.6.6", "Forwarded", "for=6.6.6.6", "Connection", "X-Hop", "X-Hop", "1", "Upgrade", "h2c")
	if got := h.Get("X-Seen"); got != "GET SHOP.example/1?q=2 127.0.0.1 http SHOP.example" {
		t.Errorf("the backend saw %q", got)
	}
	for _, name := range []string{"X-Saw-Forwarded", "X-Saw-X-Hop", "X-Saw-Upgrade", "X-Saw-Proxy-Connection"} {
		if h.Get(name) != "" {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
}

func TestBodyAndDirect(t *testing.T) {
	b := start(t).web(ready(backend(t, "a")))
	big := bytes.Repeat([]byte("x"), 1<<20)
	for _, body := range []io.Reader{strings.NewReader("hello"), bytes.NewReader(big), io.MultiReader(strings.NewReader("chu"), strings.NewReader("nked"))} {
		resp, err := b.do("POST", webAddr, "shop.example", "/", body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("%d %v", resp.StatusCode, err)
		}
		if len(got) != 7 && len(got) != 9 && len(got) != len(big)+2 {
			t.Errorf("body of %d bytes", len(got))
		}
	}
	if used := b.Status().Counts.ReplayBytes; used != 0 {
		t.Errorf("%d bytes of bodies are still kept", used)
	}
}
