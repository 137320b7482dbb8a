package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"fairlead.dev/fairlead/proxy"
)

func TestOneBadResourceIsRefusedAlone(t *testing.T) {
	b := start(t).web(ready(backend(t, "a")))
	b.plane.put(
		host(webServer, "good.example", to("/", "web")),
		host(webServer, "bad.example", &routev3.Route{Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "no-slash"}},
			Action: to("/", "web").Action}),
		host(webServer, "also.example", to("/", "web")))
	b.live("good.example")
	b.live("also.example")
	eventually(t, "NACK", func() bool { return b.plane.nacked() != "" })
	if got := b.plane.nacked(); !strings.HasPrefix(got, webServer+"/bad.example: routes[0]") || strings.Contains(got, "\n") {
		t.Errorf("NACK: %s", got)
	}
	// A bad change leaves the last good state.
	b.plane.put(&routev3.VirtualHost{Name: webServer + "/good.example", Domains: []string{"good.example"}, Routes: []*routev3.Route{{}}})
	eventually(t, "second NACK", func() bool { return strings.Count(b.plane.nacked(), "\n") == 1 })
	if code, body, _ := b.get("good.example", "/"); code != 200 || body != "a" {
		t.Errorf("%d %q", code, body)
	}
}

func TestReconnect(t *testing.T) {
	b := start(t).web(ready(backend(t, "a")))
	b.plane.drop()
	eventually(t, "versions told again", func() bool {
		b.plane.mu.Lock()
		defer b.plane.mu.Unlock()
		return len(b.plane.initial) >= 5
	})
	if code, _, _ := b.get("shop.example", "/"); code != 200 {
		t.Errorf("status %d", code)
	}
	before := b.Status().Counts.Changes
	b.plane.put(host(webServer, "new.example", to("/", "web")))
	b.live("new.example")
	if got := b.Status().Counts.Changes - before; got != 1 {
		t.Errorf("%d changes, want only the new one", got)
	}
	if !b.Status().Connected {
		t.Error("not connected")
	}
}

func TestHostWaitsForItsEndpoints(t *testing.T) {
	b := start(t).web(ready(backend(t, "old")))
	next := backend(t, "new")
	b.plane.put(host(webServer, "shop.example", to("/", "later")))
	eventually(t, "waiting", func() bool { return len(b.Status().Waiting) == 1 })
	if code, body, _ := b.get("shop.example", "/"); code != 200 || body != "old" {
		t.Errorf("%d %q", code, body)
	}
	b.plane.put(cluster("later"), endpoints("later", ready(next)))
	eventually(t, "new backend", func() bool { _, body, _ := b.get("shop.example", "/"); return body == "new" })
	b.plane.put(host(webServer, "never.example", to("/", "nowhere")))
	eventually(t, "bounded wait", func() bool { code, _, _ := b.get("never.example", "/"); return code == 500 })
}

// load asks until stop is closed and counts what failed.
func load(t *testing.T, b *bench, stop <-chan struct{}, closing bool) (wait func() (asked int64)) {
	t.Helper()
	var asked, failed atomic.Int64
	var all sync.WaitGroup
	addr := b.addr(webAddr)
	for range 4 {
		all.Go(func() {
			tr := &http.Transport{DisableKeepAlives: closing}
			defer tr.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
				}
				r, _ := http.NewRequestWithContext(context.Background(), "GET", "http://"+addr+"/", nil)
				r.Host = "shop.example"
				resp, err := tr.RoundTrip(r)
				asked.Add(1)
				if err != nil || resp.StatusCode != 200 {
					if failed.Add(1) == 1 {
						t.Errorf("first failure: %v %v", resp, err)
					}
				}
				if err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			}
		})
	}
	return func() int64 {
		all.Wait()
		if failed.Load() > 0 {
			t.Errorf("%d of %d requests failed", failed.Load(), asked.Load())
		}
		return asked.Load()
	}
}

func TestChangesUnderLoad(t *testing.T) {
	x, y := backend(t, "x"), backend(t, "y")
	b := start(t).web(ready(x))
	stop := make(chan struct{})
	wait := load(t, b, stop, false)
	for i := range 60 {
		switch i % 6 {
		case 0:
			b.plane.put(endpoints("web", ready(y)))
		case 1:
			b.plane.put(host(webServer, "shop.example", to(fmt.Sprintf("/%d", i), "web"), to("/", "web")))
		case 2:
			b.plane.put(cluster(fmt.Sprint("c", i)), endpoints(fmt.Sprint("c", i), ready(x)), host(webServer, "shop.example", to("/", fmt.Sprint("c", i))))
		case 3:
			l := listener(webServer, webAddr)
			l.StatPrefix = fmt.Sprint(i)
			b.plane.put(l, host(webServer, fmt.Sprintf("h%d.example", i), to("/", "web")))
		case 4:
			b.plane.put(endpoints("web", ready(x), ready(y)), host(webServer, "shop.example", to("/", "web")))
		case 5:
			b.plane.put(endpoints("web", ready(x, y)))
		}
		time.Sleep(10 * time.Millisecond)
	}
	close(stop)
	t.Logf("%d requests", wait())
}

func TestBackendsRestartUnderLoad(t *testing.T) {
	start1 := func() (string, *http.Server) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})}
		go func() { _ = s.Serve(ln) }()
		return ln.Addr().String(), s
	}
	a1, s1 := start1()
	a2, s2 := start1()
	b := start(t).web(ready(a1, a2))
	stop := make(chan struct{})
	wait := load(t, b, stop, false)
	for range 5 {
		// One goes without a word; its requests go elsewhere.
		_ = s1.Close()
		time.Sleep(50 * time.Millisecond)
		a1, s1 = start1()
		b.plane.put(endpoints("web", ready(a1, a2)))
		time.Sleep(50 * time.Millisecond)
		a1, a2, s1, s2 = a2, a1, s2, s1
	}
	close(stop)
	t.Logf("%d requests", wait())
	_ = s1.Close()
	_ = s2.Close()
}

func TestDrainUnderLoad(t *testing.T) {
	slow := raw(t, func(c net.Conn) {
		buf := make([]byte, 4096)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
			if _, err := fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
				return
			}
		}
	})
	b := start(t).web(ready(slow))
	addr := b.addr(webAddr)
	// Each client asks on one connection until it is told to close it; then it must not find a broken one.
	var clients sync.WaitGroup
	var told, asked atomic.Int64
	for range 8 {
		clients.Go(func() {
			tr := &http.Transport{MaxConnsPerHost: 1}
			defer tr.CloseIdleConnections()
			for {
				r, _ := http.NewRequestWithContext(context.Background(), "POST", "http://"+addr+"/", nil)
				r.Host = "shop.example"
				resp, err := tr.RoundTrip(r)
				if err != nil {
					t.Errorf("request: %v", err)
					return
				}
				asked.Add(1)
				_ = resp.Body.Close()
				if resp.StatusCode != 200 {
					t.Errorf("status %d", resp.StatusCode)
				}
				if resp.Close {
					told.Add(1)
					return
				}
			}
		})
	}
	time.Sleep(150 * time.Millisecond)
	b.plane.del(listener(webServer, webAddr))
	clients.Wait()
	if told.Load() != 8 {
		t.Errorf("%d clients were told to close", told.Load())
	}
	eventually(t, "socket closed", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	t.Logf("%d requests", asked.Load())
}

func TestAddressInUse(t *testing.T) {
	b := start(t).web(ready(backend(t, "a")))
	l := listener("shop/other:8080", webAddr)
	b.plane.put(l)
	eventually(t, "NACK", func() bool { return strings.Contains(b.plane.nacked(), "already served for listener "+webServer) })
	if s := b.Status().Listeners; len(s) != 2 || s[0].Problem == "" && s[1].Problem == "" {
		t.Errorf("%+v", s)
	}
	// Once it is free, it is taken.
	b.plane.del(listener(webServer, webAddr))
	eventually(t, "taken over", func() bool {
		s := b.Status().Listeners
		return len(s) == 1 && s[0].Name == "shop/other:8080" && s[0].Problem == ""
	})
}

// A proxy that starts opens its addresses together with their virtual hosts: nobody is answered 404 in between.
func TestAnAddressOpensWithItsVirtualHosts(t *testing.T) {
	b := start(t, func(o *proxy.Options) { o.Limits.HostWait = time.Hour })
	open := func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.actual) > 0
	}
	b.plane.put(listener(webServer, webAddr), shell(webServer))
	b.settled(2)
	if open() {
		t.Error("an address was open before its virtual hosts came")
	}
	b.plane.put(host(webServer, "shop.example", to("/", "web")))
	b.settled(3)
	if open() {
		t.Error("an address was open before the endpoints of its virtual hosts came")
	}
	b.plane.put(cluster("web"), endpoints("web", ready(backend(t, "a"))))
	eventually(t, "open", open)
	if code, _, _ := b.get("shop.example", "/"); code != 200 {
		t.Errorf("the first answer was %d", code)
	}
}
