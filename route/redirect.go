package route

import (
	"slices"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

var redirectCodes = []int{301, 302, 303, 307, 308}

// compileRedirect compiles a RequestRedirect. Its port is what the route says, if anything: see locate.
func compileRedirect(f *gatewayv1.HTTPRequestRedirectFilter) (*Redirect, problems) {
	r := &Redirect{
		Scheme:   deref(f.Scheme, ""),
		Hostname: string(deref(f.Hostname, "")),
		Code:     deref(f.StatusCode, 302),
	}
	var ps problems
	if f.Scheme != nil && r.Scheme != "http" && r.Scheme != "https" {
		ps = append(ps, unsupported("scheme", "is %q; write http or https", r.Scheme)...)
	}
	if f.Hostname != nil {
		ps = append(ps, checkHostname(r.Hostname, false).under("hostname")...)
	}
	if f.Port != nil {
		ps = append(ps, checkPort("port", *f.Port)...)
		r.Port = uint16(*f.Port)
	}
	if !slices.Contains(redirectCodes, r.Code) {
		ps = append(ps, unsupported("statusCode", "is %d; write 301, 302, 303, 307 or 308", r.Code)...)
	}
	var bad problems
	r.Path, bad = compilePathEdit(f.Path)
	return r, append(ps, bad.under("path")...)
}

// locate returns a redirect with the port that its Location is to show on a server: the route's own, else the well-known one of the
// scheme that it sets, else the server's; none where it is the well-known one of the scheme that the Location has.
func (r *Redirect) locate(s *Server) *Redirect {
	scheme := r.Scheme
	if scheme == "" {
		scheme = "http"
		if s.TLS {
			scheme = "https"
		}
	}
	located := *r
	switch {
	case r.Port != 0:
	case r.Scheme != "":
		located.Port = wellKnown(scheme)
	default:
		located.Port = s.ID.Port
	}
	if located.Port == wellKnown(scheme) {
		located.Port = 0
	}
	return &located
}

func wellKnown(scheme string) uint16 {
	if scheme == "https" {
		return 443
	}
	return 80
}

// compileRewrite compiles a URLRewrite; nil where it changes nothing.
func compileRewrite(f *gatewayv1.HTTPURLRewriteFilter) (*Rewrite, problems) {
	if f.Hostname == nil && f.Path == nil {
		return nil, nil
	}
	r := &Rewrite{Hostname: string(deref(f.Hostname, ""))}
	var ps, bad problems
	if f.Hostname != nil {
		ps = checkHostname(r.Hostname, false).under("hostname")
	}
	r.Path, bad = compilePathEdit(f.Path)
	return r, append(ps, bad.under("path")...)
}

func compilePathEdit(m *gatewayv1.HTTPPathModifier) (*PathEdit, problems) {
	if m == nil {
		return nil, nil
	}
	full, prefix := m.ReplaceFullPath, m.ReplacePrefixMatch
	switch m.Type {
	case gatewayv1.FullPathHTTPPathModifier:
		switch {
		case full == nil:
			return nil, unsupported("replaceFullPath", "is missing; type ReplaceFullPath needs it")
		case prefix != nil:
			return nil, unsupported("replacePrefixMatch", "does not belong to type ReplaceFullPath; remove it, or change the type")
		}
		return &PathEdit{Value: *full}, checkNewPath(*full).under("replaceFullPath")
	case gatewayv1.PrefixMatchHTTPPathModifier:
		switch {
		case prefix == nil:
			return nil, unsupported("replacePrefixMatch", "is missing; type ReplacePrefixMatch needs it")
		case full != nil:
			return nil, unsupported("replaceFullPath", "does not belong to type ReplacePrefixMatch; remove it, or change the type")
		case *prefix == "":
			return &PathEdit{Prefix: true}, nil
		}
		return &PathEdit{Prefix: true, Value: *prefix}, checkNewPath(*prefix).under("replacePrefixMatch")
	}
	return nil, unsupported("type", "is %q; write ReplaceFullPath or ReplacePrefixMatch", m.Type)
}

// checkNewPath is stricter than the API, which would let a path without its slash, or with spaces, into a request.
func checkNewPath(path string) problems {
	switch {
	case len(path) > longestPath:
		return unsupported("", "has %d characters, and %d are allowed; shorten it", len(path), longestPath)
	case path == "" || path[0] != '/':
		return unsupported("", `is %q; begin it with "/"`, path)
	case !pathForm.MatchString(path):
		return unsupported("", `is %q; escape all but letters, digits and -/._~!$&'()*+,;=:@ with %%`, path)
	}
	return nil
}

// checkPrefixEdit checks that a rule that replaces the matched prefix has one match, of type PathPrefix.
func checkPrefixEdit(rule *gatewayv1.HTTPRouteRule, do *Rule) problems {
	replaces := do.Redirect != nil && do.Redirect.Path != nil && do.Redirect.Path.Prefix ||
		do.Rewrite != nil && do.Rewrite.Path != nil && do.Rewrite.Path.Prefix
	if !replaces || len(rule.Matches) == 0 {
		return nil
	}
	if len(rule.Matches) > 1 {
		return unsupported("matches", "has %d entries, but replacePrefixMatch needs exactly one; split the rule", len(rule.Matches))
	}
	path := rule.Matches[0].Path
	if path != nil && deref(path.Type, gatewayv1.PathMatchPathPrefix) != gatewayv1.PathMatchPathPrefix {
		return unsupported("matches[0].path.type", "is %s, but replacePrefixMatch needs PathPrefix; change one of them", *path.Type)
	}
	return nil
}
