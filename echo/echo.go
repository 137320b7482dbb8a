// Package echo is the server behind the image fairlead.dev/echo: it answers with who it is (cluster, namespace, pod) and with the
// request as it saw it, so that whoever calls it through gateways, names and tunnels sees where the call ended and what was changed
// on the way.
//
// The answer is one line of text, "west cart-7d9f0-0 GET /cart", or JSON where the client accepts application/json or asks with
// ?format=json. Headers x-echo-cluster and x-echo-pod are on every answer. What follows a path element "echo" asks for something
// special, wherever it stands, so that it works behind any route:
//
//	/echo/status/503     that status
//	/echo/delay/250ms    the usual answer, later; at most a minute
//	/echo/bytes/1000     so many bytes; at most 1 GiB
//	/echo/ws             a WebSocket that sends every message back
//	/echo/sse?n=3&every=100ms  a stream of events; n=0 never ends by itself
//
// One port speaks HTTP/1.1, clear-text HTTP/2 and gRPC (grpc.health.v1 Check and Watch, with the identity in the response metadata).
package echo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Identity is who a server says it is.
type Identity struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Service   string `json:"service,omitempty"`
	Zone      string `json:"zone,omitempty"`
}

// The headers of every answer; gRPC answers have them as metadata.
const (
	HeaderCluster = "x-echo-cluster"
	HeaderPod     = "x-echo-pod"
)

// Answer is the JSON form of an answer.
type Answer struct {
	Identity
	Request Request `json:"request"`
}

// Request is a request as the server saw it.
type Request struct {
	Method  string      `json:"method"`
	Path    string      `json:"path"` // as sent, not decoded
	Query   url.Values  `json:"query,omitempty"`
	Host    string      `json:"host"`
	Proto   string      `json:"proto"`
	Remote  string      `json:"remote"`
	TLS     bool        `json:"tls,omitempty"`
	Headers http.Header `json:"headers"`
	Body    Body        `json:"body"`
}

// Body is what came as the request's body.
type Body struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256,omitempty"` // empty for an empty body
	// Error says why the body was not read to its end.
	Error string `json:"error,omitempty"`
}

func newHandler(id Identity) *handler { return &handler{id: id, closing: make(chan struct{})} }

type handler struct {
	id Identity
	// closing is closed when the server is to end: streams without an end of their own end then.
	closing chan struct{}

	mu      sync.Mutex
	closed  bool
	sockets sync.WaitGroup // no socket enters once closed is set
}

// close ends what has no end of its own.
func (h *handler) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.closing)
	}
}

// enter counts a socket in, or returns false where the server ends.
func (h *handler) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.sockets.Add(1)
	}
	return !h.closed
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(HeaderCluster, h.id.Cluster)
	w.Header().Set(HeaderPod, h.id.Pod)
	name, argument := special(r.URL.Path)
	switch name {
	case "status":
		h.status(w, r, argument)
	case "delay":
		h.delay(w, r, argument)
	case "bytes":
		h.bytes(w, argument)
	case "ws":
		h.socket(w, r)
	case "sse":
		h.events(w, r)
	default:
		h.answer(w, r, http.StatusOK)
	}
}

// special returns what follows the path element "echo": a name and its argument.
func special(path string) (name, argument string) {
	elements := strings.Split(path, "/")
	i := slices.Index(elements, "echo")
	if i < 0 || i+1 >= len(elements) {
		return "", ""
	}
	return elements[i+1], strings.Join(elements[i+2:], "/")
}

// answer tells who answers and what was asked.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, code int) {
	a := Answer{Identity: h.id, Request: Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Host: r.Host, Proto: r.Proto, Remote: r.RemoteAddr,
		TLS: r.TLS != nil, Headers: r.Header, Body: readBody(r.Body),
	}}
	if !wantsJSON(r) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, "%s %s %s %s\n", h.id.Cluster, h.id.Pod, r.Method, r.URL.RequestURI())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(a) // the client is gone if it fails
}

func wantsJSON(r *http.Request) bool {
	if format := r.URL.Query().Get("format"); format != "" {
		return format == "json"
	}
	for _, accept := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(accept, ",") {
			if t, _, err := mime.ParseMediaType(part); err == nil && t == "application/json" {
				return true
			}
		}
	}
	return false
}

func readBody(body io.Reader) Body {
	hash := sha256.New()
	n, err := io.Copy(hash, body)
	b := Body{Bytes: n}
	if n > 0 {
		b.SHA256 = hex.EncodeToString(hash.Sum(nil))
	}
	if err != nil {
		b.Error = err.Error()
	}
	return b
}
