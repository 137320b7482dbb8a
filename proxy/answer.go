package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// answer is the response writer of an exchange; it remembers what was answered.
type answer struct {
	http.ResponseWriter
	exchange *exchange
	code     int // 0: nothing yet
	bytes    int64
}

// Unwrap lets http.ResponseController through.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(code int) {
	if code >= 200 || code == http.StatusSwitchingProtocols {
		a.code = code
	}
	a.ResponseWriter.WriteHeader(code)
}

// Write implements io.Writer.
func (a *answer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// reply answers from here: one line that says why. gRPC clients are told in their own way. It returns false, for callers that then
// stop.
func (x *exchange) reply(code int, why string) bool {
	x.why = why
	h := x.w.Header()
	if strings.HasPrefix(x.r.Header.Get("Content-Type"), "application/grpc") && code != http.StatusBadRequest {
		h.Set("Content-Type", "application/grpc")
		h.Set("Grpc-Status", grpcStatus(code))
		h.Set("Grpc-Message", "fairlead: "+strings.ReplaceAll(why, "%", "%25"))
		x.w.WriteHeader(http.StatusOK)
		return false
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", fmt.Sprint(len(why)+1))
	x.w.WriteHeader(code)
	if x.r.Method != http.MethodHead {
		_, _ = io.WriteString(x.w, why+"\n")
	}
	return false
}

// grpcStatus is the gRPC status for an HTTP one (gRPC's http-grpc-status-mapping, with timeouts told as such).
func grpcStatus(code int) string {
	switch code {
	case http.StatusNotFound:
		return "12" // UNIMPLEMENTED
	case http.StatusGatewayTimeout:
		return "4" // DEADLINE_EXCEEDED
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusMisdirectedRequest:
		return "14" // UNAVAILABLE
	}
	return "13" // INTERNAL
}
