package match

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// Redirect answers with a Location.
type Redirect struct {
	Code       int
	Scheme     string // empty: as the request
	Host       string // empty: as the request
	Port       uint16 // 0: none is written
	Path       PathEdit
	StripQuery bool
}

// Location computes where a request that took this route is sent.
//
// Ports follow the Gateway API (HTTPRequestRedirectFilter.port), not Envoy: the port that the client wrote into its Host field is
// never copied, and the port that is well known for the scheme is left out. The control plane says which other one to write.
func (r *Route) Location(req *Request) string {
	d := r.Redirect
	scheme := d.Scheme
	if scheme == "" {
		scheme = req.Scheme
	}
	host := d.Host
	if host == "" {
		host = Hostname(req.Host)
	}
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	if d.Port != 0 && !wellKnown(scheme, d.Port) {
		host += ":" + strconv.Itoa(int(d.Port))
	}
	path := d.Path.edit(r, req.Path)
	if req.RawQuery != "" && !d.StripQuery && !strings.Contains(path, "?") {
		path += "?" + req.RawQuery
	}
	return scheme + "://" + host + path
}

func wellKnown(scheme string, port uint16) bool {
	return scheme == "http" && port == 80 || scheme == "https" && port == 443
}

func compileRedirect(a *routev3.RedirectAction) (*Redirect, error) {
	d := &Redirect{Host: a.GetHostRedirect(), StripQuery: a.GetStripQuery()}
	switch a.GetResponseCode() {
	case routev3.RedirectAction_MOVED_PERMANENTLY:
		d.Code = 301
	case routev3.RedirectAction_FOUND:
		d.Code = 302
	case routev3.RedirectAction_SEE_OTHER:
		d.Code = 303
	case routev3.RedirectAction_TEMPORARY_REDIRECT:
		d.Code = 307
	case routev3.RedirectAction_PERMANENT_REDIRECT:
		d.Code = 308
	default:
		return nil, fmt.Errorf("redirect.response_code: %v is not known", a.GetResponseCode())
	}
	switch s := a.GetSchemeRewriteSpecifier().(type) {
	case *routev3.RedirectAction_HttpsRedirect:
		if s.HttpsRedirect {
			d.Scheme = "https"
		}
	case *routev3.RedirectAction_SchemeRedirect:
		d.Scheme = strings.ToLower(s.SchemeRedirect)
	}
	if d.Scheme != "" && d.Scheme != "http" && d.Scheme != "https" {
		return nil, fmt.Errorf("redirect.scheme_redirect: %q is neither http nor https", d.Scheme)
	}
	if a.GetPortRedirect() > 65535 {
		return nil, fmt.Errorf("redirect.port_redirect: %d is no port", a.GetPortRedirect())
	}
	d.Port = uint16(a.GetPortRedirect())
	if !isHost(d.Host) {
		return nil, fmt.Errorf("redirect.host_redirect: %q is not a host", d.Host)
	}
	var err error
	d.Path, err = compileRedirectPath(a)
	return d, err
}

func compileRedirectPath(a *routev3.RedirectAction) (PathEdit, error) {
	switch p := a.GetPathRewriteSpecifier().(type) {
	case nil:
		return PathEdit{}, nil
	case *routev3.RedirectAction_PathRedirect:
		if path, _, _ := strings.Cut(p.PathRedirect, "?"); !isPath(path) || strings.ContainsAny(p.PathRedirect, " \r\n") {
			return PathEdit{}, fmt.Errorf("redirect.path_redirect: %q is not a path", p.PathRedirect)
		}
		return PathEdit{kind: replacePath, value: p.PathRedirect}, nil
	case *routev3.RedirectAction_PrefixRewrite:
		if p.PrefixRewrite != "" && !isPath(p.PrefixRewrite) {
			return PathEdit{}, fmt.Errorf("redirect.prefix_rewrite: %q is not a path", p.PrefixRewrite)
		}
		return PathEdit{kind: replacePrefix, value: p.PrefixRewrite}, nil
	case *routev3.RedirectAction_RegexRewrite:
		return compileRegexEdit(p.RegexRewrite)
	}
	return PathEdit{}, errors.New("redirect: a path rewrite that is not known here")
}
