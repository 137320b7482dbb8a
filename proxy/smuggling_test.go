package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// malformed are requests that must be refused, with the status. %s stands for a request that must never reach a backend.
var malformed = []struct {
	name, in string
	code     int
}{
	{"CL and TE", "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", 400},
	{"TE and CL", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n%s", 400},
	{"two CL", "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n%s", 400},
	{"equal CL", "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n%s", 400},
	{"CL list", "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0, 0\r\n\r\n%s", 400},
	{"CL plus", "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: +0\r\n\r\n%s", 400},
	{"CL minus", "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: -1\r\n\r\n%s", 400},
	{"CL hex", "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0x0\r\n\r\n%s", 400},
	{"CL empty", "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: \r\n\r\n%s", 400},
	{"CL huge", "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 18446744073709551617\r\n\r\n%s", 400},
	{"TE gzip, chunked", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n%s", 501},
	{"TE chunked, identity", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n%s", 501},
	{"TE identity", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: identity\r\n\r\n%s", 501},
	{"TE xchunked", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n%s", 501},
	{"TE vertical tab", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n%s", 400},
	{"TE twice", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", 400},
	{"TE twice, one odd", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n%s", 400},
	{"TE in 1.0", "POST / HTTP/1.0\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", 400},
	{"TE space colon", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n%s", 400},
	{"CL space colon", "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length : 5\r\n\r\n%s", 400},
	{"TE folded", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n%s", 400},
	{"fold", "GET / HTTP/1.1\r\nHost: shop.example\r\nX: a\r\n\tb\r\n\r\n%s", 400},
	{"fold first", "GET / HTTP/1.1\r\n X: a\r\nHost: shop.example\r\n\r\n%s", 400},
	{"bare LF", "GET / HTTP/1.1\nHost: shop.example\n\n%s", 400},
	{"one bare LF", "GET / HTTP/1.1\r\nHost: shop.example\r\nX: a\nY: b\r\n\r\n%s", 400},
	{"bare LF at the end", "GET / HTTP/1.1\r\nHost: shop.example\r\n\n%s", 400},
	{"bare CR", "GET / HTTP/1.1\r\nHost: shop.example\r\nX: a\rY: b\r\n\r\n%s", 400},
	{"NUL", "GET / HTTP/1.1\r\nHost: shop.example\r\nX: a\x00b\r\n\r\n%s", 400},
	{"control", "GET / HTTP/1.1\r\nHost: shop.example\r\nX: a\x07b\r\n\r\n%s", 400},
	{"name empty", "GET / HTTP/1.1\r\nHost: shop.example\r\n: b\r\n\r\n%s", 400},
	{"name odd", "GET / HTTP/1.1\r\nHost: shop.example\r\nX{}: b\r\n\r\n%s", 400},
	{"no colon", "GET / HTTP/1.1\r\nHost: shop.example\r\nXYZ\r\n\r\n%s", 400},
	{"no Host", "GET / HTTP/1.1\r\n\r\n%s", 400},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: shop.example\r\nHost: evil.test\r\n\r\n%s", 400},
	{"equal Hosts", "GET / HTTP/1.1\r\nHost: shop.example\r\nHost: shop.example\r\n\r\n%s", 400},
	{"Host list", "GET / HTTP/1.1\r\nHost: shop.example, evil.test\r\n\r\n%s", 400},
	{"Host with path", "GET / HTTP/1.1\r\nHost: shop.example/x\r\n\r\n%s", 400},
	{"Host with user", "GET / HTTP/1.1\r\nHost: shop.example@evil.test\r\n\r\n%s", 400},
	{"absolute form of another", "GET http://evil.test/ HTTP/1.1\r\nHost: shop.example\r\n\r\n%s", 400},
	{"authority form", "GET shop.example:80 HTTP/1.1\r\nHost: shop.example\r\n\r\n%s", 400},
	{"CONNECT", "CONNECT shop.example:80 HTTP/1.1\r\nHost: shop.example:80\r\n\r\n%s", 501},
	{"asterisk", "GET * HTTP/1.1\r\nHost: shop.example\r\n\r\n%s", 400},
	{"two spaces", "GET  / HTTP/1.1\r\nHost: shop.example\r\n\r\n%s", 400},
	{"tabs", "GET\t/\tHTTP/1.1\r\nHost: shop.example\r\n\r\n%s", 400},
	{"HTTP/0.9", "GET /\r\n%s", 400},
	{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: shop.example\r\n\r\n%s", 505},
	{"HTTP/1.10", "GET / HTTP/1.10\r\nHost: shop.example\r\n\r\n%s", 400},
	{"control in the target", "GET /\x01 HTTP/1.1\r\nHost: shop.example\r\n\r\n%s", 400},
	{"DEL in the target", "GET /\x7f HTTP/1.1\r\nHost: shop.example\r\n\r\n%s", 400},
	{"fragment", "GET /#x HTTP/1.1\r\nHost: shop.example\r\n\r\n%s", 400},
	{"escaped NUL", "GET /%%00 HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400},
	{"dot segments", "GET /a/../b HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400},
	{"escaped dot segments", "GET /a/%%2e%%2E/b HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400},
	{"chunk sign", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n+0\r\n\r\n%s", 400},
	{"chunk 0x", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n%s", 400},
	{"chunk space", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n0 \r\n\r\n%s", 400},
	{"chunk overlong", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000000\r\n\r\n%s", 400},
	{"chunk overflow", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n%s", 400},
	{"chunk bare LF", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n%s", 400},
	{"chunk end bare LF", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n%s", 400},
	{"chunk too long", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcde\r\n0\r\n\r\n%s", 400},
	{"chunk extension LF", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n%s", 400},
	{"last chunk bare LF", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n0\n\n%s", 400},
	{"trailer with TE", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n%s", 400},
	{"trailer folded", "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n%s", 400},
}

const hidden = "GET /hidden HTTP/1.1\r\nHost: shop.example\r\n\r\n"

// counting is a backend that counts connections and the bytes that it gets.
func counting(t testing.TB, bytes *atomic.Int64) string {
	return raw(t, func(c net.Conn) {
		r := bufio.NewReader(readCounter{c, bytes})
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
}

type readCounter struct {
	io.Reader
	n *atomic.Int64
}

func (r readCounter) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n.Add(int64(n))
	return n, err
}

func TestMalformedIsRefusedAndNeverPassedOn(t *testing.T) {
	if len(malformed) < 40 {
		t.Fatal("the table has shrunk")
	}
	var bytes atomic.Int64
	b := start(t).web(ready(counting(t, &bytes)))
	addr := b.addr(webAddr)
	bytes.Store(0)
	exchangeRaw(t, addr, "GET /ok HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
	goodBytes := bytes.Load() // of one good request, as the backend sees it
	for _, c := range malformed {
		for _, first := range []int{0, 2} { // good requests before it, on the same connection
			bytes.Store(0)
			in := c.in
			if strings.Contains(in, "%") {
				in = strings.ReplaceAll(strings.ReplaceAll(in, "%s", hidden), "%%", "%")
			}
			codes := exchangeRaw(t, addr, strings.Repeat("GET /ok HTTP/1.1\r\nHost: shop.example\r\n\r\n", first)+in)
			want := append([]int{200, 200}[:first:first], c.code)
			if fmt.Sprint(codes) != fmt.Sprint(want) {
				t.Errorf("%s after %d good ones: answers %v, want %v", c.name, first, codes, want)
			}
			if want := int64(first) * goodBytes; bytes.Load() != want {
				t.Errorf("%s after %d good ones: the backend got %d bytes, want %d", c.name, first, bytes.Load(), want)
			}
		}
	}
	if got := b.Status().Counts.Malformed; got == 0 {
		t.Error("nothing was counted")
	}
}

// exchangeRaw sends bytes and returns the status codes until the connection is closed by the proxy; 0 stands for one that stays open.
func exchangeRaw(t *testing.T, addr, in string) (codes []int) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, in); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				codes = append(codes, 0)
			}
			return codes
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		codes = append(codes, resp.StatusCode)
	}
}

func TestBodyThatGoesWrongLaterIsBrokenOff(t *testing.T) {
	whole := make(chan bool, 1)
	addr := raw(t, func(c net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		if req.Method == "HEAD" {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
			return
		}
		_, err = io.Copy(io.Discard, req.Body)
		whole <- err == nil
	})
	b := start(t).web(ready(addr))
	c, err := net.Dial("tcp", b.addr(webAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
	eventually(t, "the backend has the request", func() bool { return b.Status().Clusters[0].Endpoints[0].Active == 1 })
	time.Sleep(20 * time.Millisecond)
	fmt.Fprint(c, "+3\r\nabc\r\n0\r\n\r\n"+hidden)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 400 {
		t.Errorf("%v %v", resp, err)
	}
	if <-whole {
		t.Error("the backend took the body for whole")
	}
}

func TestPipelined(t *testing.T) {
	b := start(t).web(ready(backend(t, "a")))
	n := 50
	codes := exchangeRaw(t, b.addr(webAddr), strings.Repeat("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\n\r\nabc", n)+
		"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
	if len(codes) != n+1 {
		t.Errorf("%d answers", len(codes))
	}
}
