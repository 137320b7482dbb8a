package proxy_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"fairlead.dev/fairlead/proxy"
)

// resetting accepts, reads the beginning of a request, and breaks the connection. It counts the requests.
func resetting(t testing.TB) (addr string, count *atomic.Int64) {
	t.Helper()
	count = new(atomic.Int64)
	return raw(t, func(c net.Conn) {
		buf := make([]byte, 4096)
		if n, _ := c.Read(buf); n > 0 {
			count.Add(1)
		}
		_ = c.(*net.TCPConn).SetLinger(0)
	}), count
}

// raw serves each connection by a function and closes it then.
func raw(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var open sync.Map
	t.Cleanup(func() {
		_ = ln.Close()
		open.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
		all.Wait()
	})
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			open.Store(c, true)
			all.Go(func() {
				defer open.Delete(c)
				defer c.Close()
				serve(c)
			})
		}
	})
	return ln.Addr().String()
}

// silent accepts and reads and never answers. hold ends with the test.
func silent(t testing.TB) (addr string, count *atomic.Int64) {
	t.Helper()
	count = new(atomic.Int64)
	done := make(chan struct{})
	addr = raw(t, func(c net.Conn) {
		buf := make([]byte, 4096)
		if n, _ := c.Read(buf); n > 0 {
			count.Add(1)
		}
		<-done
	})
	t.Cleanup(func() { close(done) })
	return addr, count
}

func TestRefusedIsTriedElsewhere(t *testing.T) {
	b := start(t).web(ready(refusing(t), backend(t, "good"), refusing(t)))
	for range 20 {
		for _, method := range []string{"GET", "POST"} {
			resp, err := b.do(method, webAddr, "shop.example", "/", strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != 200 || string(body) != "good body" {
				t.Fatalf("%s: %d %q", method, resp.StatusCode, body)
			}
		}
	}
	if b.Status().Counts.Retries == 0 {
		t.Error("nothing was tried again")
	}
	eventually(t, "refusing hosts ejected", func() bool {
		for _, e := range b.Status().Clusters[0].Endpoints {
			if e.Why != "" {
				return true
			}
		}
		return false
	})
}

func TestResetIsTriedElsewhereIfIdempotent(t *testing.T) {
	bad, count := resetting(t)
	b := start(t).web(ready(bad), ready(backend(t, "good")))
	for range 4 {
		if code, body, _ := b.get("shop.example", "/"); code != 200 || body != "good" {
			t.Fatalf("GET: %d %q", code, body)
		}
	}
	resp, err := b.do("PUT", webAddr, "shop.example", "/", strings.NewReader("kept"))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != 200 || string(body) != "good kept" {
		t.Errorf("PUT: %d %q", resp.StatusCode, body)
	}
	if count.Load() == 0 {
		t.Error("the bad host was never asked")
	}
}

func TestSentPostIsNotSentAgain(t *testing.T) {
	bad, count := resetting(t)
	var good atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			good.Add(1)
		}
	}))
	defer s.Close()
	b := start(t).web(ready(bad), ready(s.Listener.Addr().String()))
	before := count.Load()
	resp, err := b.do("POST", webAddr, "shop.example", "/", strings.NewReader("buy"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if asked := count.Load() - before; resp.StatusCode != 502 || asked != 1 || good.Load() != 0 {
		t.Errorf("status %d; the POST reached the host that resets %d times and the good one %d times", resp.StatusCode, asked, good.Load())
	}
}

func TestLongBodyIsNotKept(t *testing.T) {
	// Reads all of the body, then breaks.
	bad := raw(t, func(c net.Conn) {
		r := c.(*net.TCPConn)
		_ = r.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		_, _ = io.Copy(io.Discard, r)
		_ = r.SetLinger(0)
	})
	b := start(t).web(ready(bad), ready(backend(t, "good")))
	resp, err := b.do("PUT", webAddr, "shop.example", "/", strings.NewReader(strings.Repeat("x", 200<<10)))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != 502 || !strings.Contains(string(body), "its body cannot be sent again") {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	eventually(t, "memory given back", func() bool { return b.Status().Counts.ReplayBytes == 0 })
}

func TestMemoryOfBodiesIsBounded(t *testing.T) {
	bad, _ := resetting(t)
	b := start(t, func(o *proxy.Options) { o.Limits.ReplayMemory = 8 }).web(ready(bad), ready(backend(t, "good")))
	resp, err := b.do("PUT", webAddr, "shop.example", "/", strings.NewReader("more than eight bytes"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 502 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestLostHostGivesUpItsRequests(t *testing.T) {
	dark, asked := silent(t)
	good := backend(t, "good")
	b := start(t)
	b.plane.put(cluster("web"), endpoints("web", ready(good)), listener(webServer, webAddr), shell(webServer),
		host(webServer, "shop.example", to("/", "web")))
	b.live("shop.example")
	before := b.Status().Counts.Changes
	b.plane.put(endpoints("web", ready(dark), ready(good)))
	b.settled(before + 1)

	const n = 20
	type result struct {
		method string
		code   int
	}
	results := make(chan result, n+1)
	ask := func(method string) {
		resp, err := b.do(method, webAddr, "shop.example", "/", nil)
		if err != nil {
			results <- result{method, -1}
			return
		}
		_ = resp.Body.Close()
		results <- result{method, resp.StatusCode}
	}
	for range n {
		go ask("GET")
	}
	eventually(t, "requests in flight", func() bool { return asked.Load() >= n })
	b.plane.put(endpoints("web", lost(dark), ready(good)))
	for range n {
		if r := <-results; r.code != 200 {
			t.Errorf("%s: %d", r.method, r.code)
		}
	}
	if b.Status().Counts.Aborted < n {
		t.Errorf("%d aborted", b.Status().Counts.Aborted)
	}
}

func TestConnectingToALostHostIsGivenUp(t *testing.T) {
	good := backend(t, "good")
	b := start(t).web(ready(good))
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	var dialled atomic.Int64
	real := b.dial
	b.mu.Lock()
	b.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr != "192.0.2.1:80" {
			return real(ctx, network, addr)
		}
		dialled.Add(1)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-hang:
			return nil, net.ErrClosed
		}
	}
	b.mu.Unlock()
	c := cluster("web")
	c.ConnectTimeout = durationpb.New(time.Minute)
	before := b.Status().Counts.Changes
	b.plane.put(c, endpoints("web", ready("192.0.2.1:80"), ready(good)))
	b.settled(before + 2)
	answer := make(chan int, 1)
	go func() {
		resp, err := b.do("POST", webAddr, "shop.example", "/", strings.NewReader("x"))
		if err != nil {
			answer <- -1
			return
		}
		_ = resp.Body.Close()
		answer <- resp.StatusCode
	}()
	eventually(t, "dialling", func() bool { return dialled.Load() > 0 })
	b.plane.put(endpoints("web", lost("192.0.2.1:80"), ready(good)))
	if code := <-answer; code != 200 {
		t.Errorf("status %d", code)
	}
}

func TestAnswersOfTheApplicationArePassedOn(t *testing.T) {
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "HEAD" && asked.Add(1) < 3 && r.URL.Path == "/policy" || r.URL.Path == "/plain" {
			w.WriteHeader(503)
		}
	}))
	defer s.Close()
	b := start(t)
	policy := func(a *routev3.RouteAction) {
		a.RetryPolicy = &routev3.RetryPolicy{RetryOn: "retriable-status-codes", RetriableStatusCodes: []uint32{503}, NumRetries: wrapperspb.UInt32(3)}
	}
	b.plane.put(cluster("web"), endpoints("web", ready(s.Listener.Addr().String())), listener(webServer, webAddr), shell(webServer),
		host(webServer, "shop.example", to("/policy", "web", policy), to("/", "web")))
	b.live("shop.example")
	asked.Store(0)
	if code, _, _ := b.get("shop.example", "/plain"); code != 503 || asked.Load() != 1 {
		t.Errorf("plain: %d after %d requests", code, asked.Load())
	}
	asked.Store(0)
	if code, _, _ := b.get("shop.example", "/policy"); code != 200 || asked.Load() != 3 {
		t.Errorf("policy: %d after %d requests", code, asked.Load())
	}
}

func TestTimeouts(t *testing.T) {
	dark, _ := silent(t)
	b := start(t)
	good := backend(t, "good")
	b.plane.put(cluster("web"), endpoints("web", ready(dark)), cluster("good"), endpoints("good", ready(good)), listener(webServer, webAddr), shell(webServer),
		host(webServer, "shop.example",
			to("/request", "web", func(a *routev3.RouteAction) { a.Timeout = durationpb.New(100 * time.Millisecond) }),
			to("/try", "web", func(a *routev3.RouteAction) {
				a.RetryPolicy = &routev3.RetryPolicy{PerTryTimeout: durationpb.New(100 * time.Millisecond)}
			}), to("/", "good")))
	b.live("shop.example")
	for _, path := range []string{"/request", "/try"} {
		if code, body, _ := b.get("shop.example", path); code != 504 {
			t.Errorf("%s: %d %q", path, code, body)
		}
	}
}

func TestTiersSpillAndFailOver(t *testing.T) {
	first, second := backend(t, "first"), backend(t, "second")
	b := start(t).web(ready(first), ready(second))
	count := func() map[string]int {
		got := map[string]int{}
		for range 60 {
			_, body, _ := b.get("shop.example", "/")
			got[body]++
		}
		return got
	}
	if got := count(); got["first"] != 60 {
		t.Errorf("all are healthy: %v", got)
	}
	// One of two is not ready: 1.4 x 50 % = 70 % stay in the first tier.
	half := ready(first)
	half = append(half, endpoint{refusing(t), 2})
	before := b.Status().Counts.Changes
	b.plane.put(endpoints("web", half, ready(second)))
	b.settled(before + 1)
	if got := count(); got["first"] < 38 || got["first"] > 46 || got["first"]+got["second"] != 60 {
		t.Errorf("half of the first tier is healthy: %v", got)
	}
	b.plane.put(endpoints("web", lost(first), ready(second)))
	b.settled(before + 2)
	if got := count(); got["second"] != 60 {
		t.Errorf("the first tier is lost: %v", got)
	}
}
