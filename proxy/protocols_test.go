package proxy_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

func TestWebSocket(t *testing.T) {
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws" {
			return
		}
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			kind, msg, err := c.ReadMessage()
			if err != nil || c.WriteMessage(kind, append([]byte("echo "), msg...)) != nil {
				return
			}
		}
	}))
	defer s.Close()
	b := start(t).web(ready(s.Listener.Addr().String()))
	d := websocket.Dialer{NetDialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return net.Dial(network, b.addr(webAddr))
	}}
	c, _, err := d.Dial("ws://shop.example/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 20 {
		text := strings.Repeat("x", i*1000)
		if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.ReadMessage(); err != nil || string(got) != "echo "+text {
			t.Fatalf("%q %v", got, err)
		}
	}
	// An upgrade that the backend does not take leaves an ordinary connection.
	conn, err := net.Dial("tcp", b.addr(webAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for range 2 {
		fmt.Fprint(conn, "GET /no HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%v %v", resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
	}
}

func TestGRPC(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	h := health.NewServer()
	h.SetServingStatus("cart", healthv1.HealthCheckResponse_SERVING)
	healthv1.RegisterHealthServer(srv, h)
	go func() { _ = srv.Serve(ln) }()
	defer srv.Stop()
	b := start(t)
	b.plane.put(cluster("grpc", h2c), endpoints("grpc", ready(ln.Addr().String())), listener(webServer, webAddr), shell(webServer),
		host(webServer, "*", to("/grpc.health.v1.Health", "grpc")))
	eventually(t, "host", func() bool { return b.Status().Hosts == 1 })
	conn, err := grpc.NewClient("passthrough:///"+b.addr(webAddr), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := healthv1.NewHealthClient(conn)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if r, err := c.Check(ctx, &healthv1.HealthCheckRequest{Service: "cart"}); err != nil || r.Status != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("check: %v %v", r, err)
	}
	if _, err := c.Check(ctx, &healthv1.HealthCheckRequest{Service: "none"}); status.Code(err) != codes.NotFound {
		t.Errorf("an error of the backend: %v", err)
	}
	if err := conn.Invoke(ctx, "/other.Service/Call", &healthv1.HealthCheckRequest{}, &healthv1.HealthCheckResponse{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("no route: %v", err)
	}
	w, err := c.Watch(ctx, &healthv1.HealthCheckRequest{Service: "cart"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []healthv1.HealthCheckResponse_ServingStatus{1, 2, 1} {
		r, err := w.Recv()
		if err != nil || r.Status != want {
			t.Fatalf("watch: %v %v, want %v", r, err, want)
		}
		h.SetServingStatus("cart", 3-want)
	}
}

func TestStreamTrailersAndEarlyHints(t *testing.T) {
	next := make(chan bool)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "HEAD" {
			return
		}
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.Header().Set("Trailer", "X-Sum")
		for range 3 {
			_, _ = io.WriteString(w, "tick\n")
			w.(http.Flusher).Flush()
			<-next
		}
		w.Header().Set("X-Sum", "3")
		w.Header().Set(http.TrailerPrefix+"X-Late", "yes")
	}))
	defer s.Close()
	b := start(t).web(ready(s.Listener.Addr().String()))
	resp, err := b.do("GET", webAddr, "shop.example", "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	for range 3 {
		if line, err := r.ReadString('\n'); err != nil || line != "tick\n" {
			t.Fatalf("%q %v", line, err)
		}
		next <- true // only now does the next piece come
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if resp.Trailer.Get("X-Sum") != "3" || resp.Trailer.Get("X-Late") != "yes" {
		t.Errorf("trailer %v", resp.Trailer)
	}
	if resp.Header.Get("Link") != "" {
		t.Errorf("the early hint stayed: %v", resp.Header)
	}
}

func TestBrokenAnswerBreaksTheClients(t *testing.T) {
	bad := raw(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
	})
	b := start(t).web(ready(bad))
	resp, err := b.do("GET", webAddr, "shop.example", "/", nil)
	if err != nil {
		return // not even a head came: broken enough
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("a broken answer looks whole")
	}
}

func TestHTTP2PriorKnowledge(t *testing.T) {
	b := start(t).web(ready(backend(t, "a")))
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	c := &http.Client{Transport: &http.Transport{Protocols: p}}
	defer c.CloseIdleConnections()
	for range 3 {
		r, _ := http.NewRequest("POST", "http://"+b.addr(webAddr)+"/x", strings.NewReader("h2"))
		r.Host = "shop.example"
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.ProtoMajor != 2 || string(body) != "a h2" {
			t.Errorf("%s %q", resp.Proto, body)
		}
	}
}

// certificate makes a secret for a hostname.
func certificate(t testing.TB, secret, hostname string) *tlsv3.Secret {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: hostname}, DNSNames: []string{hostname},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	inline := func(kind string, b []byte) *corev3.DataSource {
		return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})}}
	}
	return &tlsv3.Secret{Name: secret, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
		CertificateChain: inline("CERTIFICATE", der), PrivateKey: inline("EC PRIVATE KEY", keyDER)}}}
}

func TestTLS(t *testing.T) {
	const server, addr = "shop/web:8443", "127.77.0.1:8443"
	b := start(t)
	b.plane.put(cluster("web"), endpoints("web", ready(backend(t, "a"))), tlsListener(server, addr, "a.example", "*.example", ""), shell(server),
		certificate(t, "a.example", "a.example"), certificate(t, "*.example", "wild.example"), certificate(t, "default", "default.test"),
		host(server, "*", to("/", "web")))
	eventually(t, "host", func() bool { return b.Status().Hosts == 1 })
	shake := func(name string, protos ...string) (*tls.Conn, error) {
		return tls.Dial("tcp", b.addr(addr), &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: protos})
	}
	for name, want := range map[string]string{"a.example": "a.example", "b.example": "wild.example", "other.test": "default.test"} {
		eventually(t, "certificate of "+name, func() bool {
			c, err := shake(name)
			if err != nil {
				return false
			}
			defer c.Close()
			return c.ConnectionState().PeerCertificates[0].Subject.CommonName == want
		})
	}
	for _, proto := range []string{"h2", "http/1.1"} {
		for host, code := range map[string]int{"a.example": 200, "b.example": 421} {
			c, err := shake("a.example", proto)
			if err != nil {
				t.Fatal(err)
			}
			p := new(http.Protocols)
			p.SetHTTP1(proto == "http/1.1")
			p.SetHTTP2(proto == "h2")
			tr := &http.Transport{Protocols: p, DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }}
			resp, err := tr.RoundTrip(must(http.NewRequest("GET", "https://"+host+"/", nil)))
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != code {
				t.Errorf("%s %s: %d", proto, host, resp.StatusCode)
			}
			_ = resp.Body.Close()
			tr.CloseIdleConnections()
		}
	}
	// A new certificate counts for the next handshake; open connections live on.
	open, err := shake("a.example")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	b.plane.put(certificate(t, "a.example", "renewed.example"))
	eventually(t, "renewed certificate", func() bool {
		c, err := shake("a.example")
		if err != nil {
			return false
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName == "renewed.example"
	})
	fmt.Fprint(open, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(open), nil); err != nil || resp.StatusCode != 200 {
		t.Errorf("%v %v", resp, err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestTCP(t *testing.T) {
	echo := raw(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
	b := start(t)
	b.plane.put(cluster("echo"), endpoints("echo", ready(refusing(t)), ready(echo)), tcpListener("ip/127.77.0.9:80", "127.77.0.9:80", "echo"))
	c, err := net.Dial("tcp", b.addr("127.77.0.9:80"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "hello")
	_ = c.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
		t.Errorf("%q %v", got, err)
	}
}
