package proxy

import (
	"net/http"
	"net/textproto"
	"strings"
)

// hopByHop are the fields that belong to one connection (RFC 9110 7.6.1).
var hopByHop = []string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade"}

// endToEnd returns the fields without those that belong to the connection. It makes a copy.
func endToEnd(in http.Header) http.Header {
	out := in.Clone()
	if out == nil {
		out = http.Header{}
	}
	for _, line := range in["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = textproto.TrimString(name); name != "" {
				out.Del(name)
			}
		}
	}
	for _, name := range hopByHop {
		delete(out, name)
	}
	return out
}

// outgoing returns the fields for the backend. What clients say of where they come from is not believed: the proxy stands at the edge.
func (x *exchange) outgoing() http.Header {
	h := endToEnd(x.r.Header)
	if hasToken(x.r.Header["Te"], "trailers") {
		h.Set("Te", "trailers")
	}
	h.Del("Forwarded")
	h.Set("X-Forwarded-For", x.req.Source.String())
	h.Set("X-Forwarded-Proto", x.req.Scheme)
	h.Set("X-Forwarded-Host", x.req.Host)
	x.share.Request.Apply(h)
	for i := range x.route.Request {
		x.route.Request[i].Apply(h)
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = []string{""} // or net/http would write its own
	}
	return h
}

func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(textproto.TrimString(t), token) {
				return true
			}
		}
	}
	return false
}
