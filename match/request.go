package match

import (
	"net/netip"
	"strings"
)

// Request is what a route may look at. Path is as Normalize returned it, RawQuery as sent, without the question mark.
type Request struct {
	Method   string
	Scheme   string // http or https: how the client reached the proxy
	Host     string // authority, with or without a port
	Path     string
	RawQuery string
	Header   Values
	Source   netip.Addr
}

// Values reads header fields by name, in the order in which they came; the name may have any case. http.Header is one.
type Values interface {
	Values(name string) []string
}

// Fields is header fields that can be changed. http.Header is one.
type Fields interface {
	Values
	Set(name, value string)
	Add(name, value string)
	Del(name string)
}

// Hostname is the host of an authority, without its port: "example.com:8080" and "[::1]:80" give "example.com" and "::1".
func Hostname(authority string) string {
	if strings.HasPrefix(authority, "[") {
		if end := strings.IndexByte(authority, ']'); end > 0 {
			return authority[1:end]
		}
		return authority
	}
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && strings.IndexByte(authority, ':') == i {
		return authority[:i]
	}
	return authority
}

// header returns what a matcher compares: the field's values joined by commas, as RFC 9110 5.3 has them, or a pseudo-header.
func (r *Request) header(name string) (string, bool) {
	if name != "" && name[0] == ':' {
		return r.pseudo(name)
	}
	if r.Header == nil {
		return "", false
	}
	switch v := r.Header.Values(name); len(v) {
	case 0:
		if strings.EqualFold(name, "host") {
			return r.Host, true
		}
		return "", false
	case 1:
		return v[0], true
	default:
		return strings.Join(v, ","), true
	}
}

func (r *Request) pseudo(name string) (string, bool) {
	switch name {
	case ":method":
		return r.Method, true
	case ":authority":
		return r.Host, true
	case ":scheme":
		return r.Scheme, true
	case ":path":
		if r.RawQuery != "" {
			return r.Path + "?" + r.RawQuery, true
		}
		return r.Path, true
	}
	return "", false
}
