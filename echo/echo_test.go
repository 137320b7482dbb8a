package echo

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

var id = Identity{Cluster: "west", Namespace: "shop", Pod: "cart-7d9f0-0", Zone: "us-a"}

func serve(t *testing.T) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(l, id)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s, l.Addr().String()
}

func do(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestPathsAnswer(t *testing.T) {
	_, addr := serve(t)
	for _, c := range []struct {
		method, path string
		code         int
		body         string
	}{
		{"GET", "/cart", 200, "west cart-7d9f0-0 GET /cart\n"},
		{"GET", "/a%2Fb?x=1", 200, "west cart-7d9f0-0 GET /a%2Fb?x=1\n"},
		{"DELETE", "/", 200, "west cart-7d9f0-0 DELETE /\n"},
		{"GET", "/echo/status/503", 503, "west cart-7d9f0-0 GET /echo/status/503\n"},
		{"GET", "/cart/echo/status/404", 404, "west cart-7d9f0-0 GET /cart/echo/status/404\n"},
		{"GET", "/echo/status/x", 400, "write a status from 200 to 599, such as /echo/status/503\n"},
		{"GET", "/echo/delay/5ms", 200, "west cart-7d9f0-0 GET /echo/delay/5ms\n"},
		{"GET", "/echo/delay/2h", 400, "write a delay up to a minute, such as /echo/delay/250ms\n"},
		{"GET", "/echo/bytes/20", 200, "0123456789abcdef0123"},
		{"GET", "/echo/bytes/-1", 400, "write a number of bytes up to 1 GiB, such as /echo/bytes/1000\n"},
		{"GET", "/echo/sse?n=1", 200, "id: 0\ndata: west cart-7d9f0-0\n\n"},
		{"GET", "/echo/sse?n=x", 400, "write for example /echo/sse?n=3&every=100ms\n"},
		{"GET", "/echo", 200, "west cart-7d9f0-0 GET /echo\n"},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			req, err := http.NewRequest(c.method, "http://"+addr+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, body := do(t, req)
			if resp.StatusCode != c.code || body != c.body {
				t.Errorf("got %d %q, want %d %q", resp.StatusCode, body, c.code, c.body)
			}
			if resp.Header.Get(HeaderCluster) != "west" || resp.Header.Get(HeaderPod) != "cart-7d9f0-0" {
				t.Errorf("the headers do not say who answered: %v", resp.Header)
			}
		})
	}
}

func TestJSONTellsTheRequest(t *testing.T) {
	_, addr := serve(t)
	const text = "hello, fleet"
	req, err := http.NewRequest("POST", "http://"+addr+"/cart?q=1&q=2", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "shop.example"
	req.Header.Set("Accept", "text/html, application/json;q=0.9")
	req.Header.Set("X-Trace", "7")
	_, body := do(t, req)
	var a Answer
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	sum := sha256.Sum256([]byte(text))
	r := a.Request
	if a.Identity != id || r.Method != "POST" || r.Path != "/cart" || len(r.Query["q"]) != 2 || r.Host != "shop.example" || r.Proto != "HTTP/1.1" ||
		r.Headers.Get("X-Trace") != "7" || r.Body != (Body{Bytes: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}) {
		t.Errorf("got %+v", a)
	}
}

func TestClearTextHTTP2(t *testing.T) {
	_, addr := serve(t)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("http://" + addr + "/?format=json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var a Answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || a.Request.Proto != "HTTP/2.0" {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestWebSocketEchoesAndIsToldOfTheEnd(t *testing.T) {
	s, addr := serve(t)
	c, resp, err := websocket.DefaultDialer.Dial("ws://"+addr+"/cart/echo/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if resp.Header.Get(HeaderPod) != id.Pod {
		t.Errorf("the upgrade does not say who answered: %v", resp.Header)
	}
	if err := c.WriteMessage(websocket.TextMessage, []byte("ahoy")); err != nil {
		t.Fatal(err)
	}
	if _, m, err := c.ReadMessage(); err != nil || string(m) != "ahoy" {
		t.Fatalf("got %q, %v", m, err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close(context.Background()) }()
	if _, _, err := c.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("got %v, want going away", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestStreamsEndWithTheServer(t *testing.T) {
	s, addr := serve(t)
	resp, err := http.Get("http://" + addr + "/echo/sse?n=0&every=1ms")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for range 6 {
		if !lines.Scan() {
			t.Fatal("the stream ended by itself")
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close(context.Background()) }()
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream was cut off: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestCloseFinishesWhatIsUnderWay(t *testing.T) {
	s, addr := serve(t)
	type answer struct {
		code int
		err  error
	}
	got := make(chan answer, 1)
	began := make(chan struct{})
	go func() {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			close(began)
			got <- answer{err: err}
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "GET /echo/delay/300ms HTTP/1.1\r\nHost: shop.example\r\n\r\n")
		close(began)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			got <- answer{err: err}
			return
		}
		_ = resp.Body.Close()
		got <- answer{code: resp.StatusCode}
	}()
	<-began
	time.Sleep(100 * time.Millisecond) // the request has to be there before the end begins
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if a := <-got; a.err != nil || a.code != 200 {
		t.Errorf("the request under way got %+v", a)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		_ = c.Close()
		t.Error("the server still accepts")
	}
}

func TestCloseCutsOffWhenTheTimeIsUp(t *testing.T) {
	s, addr := serve(t)
	go func() { _, _ = http.Get("http://" + addr + "/echo/delay/30s") }()
	time.Sleep(100 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); err == nil || !strings.Contains(err.Error(), "cart-7d9f0-0") {
		t.Errorf("got %v, want an error that names the pod", err)
	}
}

func TestHealthOverGRPC(t *testing.T) {
	s, addr := serve(t)
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client := healthpb.NewHealthClient(conn)
	var header metadata.MD
	resp, err := client.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Header(&header))
	if err != nil || resp.Status != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("got %v, %v", resp, err)
	}
	if got := header.Get(HeaderCluster); len(got) != 1 || got[0] != "west" {
		t.Errorf("the metadata does not say who answered: %v", header)
	}
	watch, err := client.Watch(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := watch.Recv(); err != nil || resp.Status != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("got %v, %v", resp, err)
	}
	if header, err := watch.Header(); err != nil || len(header.Get(HeaderPod)) != 1 {
		t.Errorf("got %v, %v", header, err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close(context.Background()) }()
	for err == nil {
		_, err = watch.Recv()
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
