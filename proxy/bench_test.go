package proxy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// BenchmarkEndToEnd is one request after the other on each of several connections: through the proxy, through httputil.ReverseProxy
// and straight to the backend. Compare within one run.
func BenchmarkEndToEnd(b *testing.B) {
	backend := httpServer(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	b.Run("straight", func(b *testing.B) { ask(b, backend) })
	reverse := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: backend})
	reverse.Transport = &http.Transport{MaxIdleConnsPerHost: 1024}
	reverse.BufferPool = &buffers{}
	b.Run("ReverseProxy", func(b *testing.B) { ask(b, httpServer(b, reverse)) })
	b.Run("proxy", func(b *testing.B) {
		p := start(b).web(ready(backend))
		b.ResetTimer()
		ask(b, p.addr(webAddr))
	})
}

// buffers gives ReverseProxy what the proxy has too: copy buffers that are used again.
type buffers struct{ pool sync.Pool }

func (p *buffers) Get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

func (p *buffers) Put(b []byte) { p.pool.Put(&b) }

func httpServer(b *testing.B, h http.Handler) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(ln) }()
	b.Cleanup(func() { _ = s.Close() })
	return ln.Addr().String()
}

func ask(b *testing.B, addr string) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		buf := make([]byte, 4096)
		for pb.Next() {
			if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\n\r\n"); err != nil {
				b.Error(err)
				return
			}
			// The answer is small enough to come in one piece.
			if _, err := c.Read(buf); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
