package route

import (
	"regexp"
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// compileMatches returns one Match for each of a rule's matches; without any, the API's default: every path.
func compileMatches(matches []gatewayv1.HTTPRouteMatch) ([]Match, problems) {
	if len(matches) == 0 {
		return []Match{{Path: Prefix, Value: "/"}}, nil
	}
	ps := bounded("matches", len(matches), 64)
	out := make([]Match, len(matches))
	for i := range matches {
		m, bad := compileMatch(&matches[i])
		out[i] = m
		ps = append(ps, bad.at("matches", i)...)
	}
	return out, ps
}

func compileMatch(m *gatewayv1.HTTPRouteMatch) (Match, problems) {
	var out Match
	var ps, bad problems
	out.Path, out.Value, bad = compilePath(m.Path)
	ps = append(ps, bad.under("path")...)
	if m.Method != nil {
		out.Method = string(*m.Method)
		if !slices.Contains(methods, out.Method) {
			ps = append(ps, unsupported("method", "is %q; write one of %s", out.Method, strings.Join(methods, ", "))...)
		}
	}
	out.Headers, bad = compileHeaderMatches(m.Headers)
	ps = append(ps, bad...)
	out.Query, bad = compileQueryMatches(m.QueryParams)
	return out, append(ps, bad...)
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

// longestPath is the API's bound for the values of paths.
const longestPath = 1024

func compilePath(p *gatewayv1.HTTPPathMatch) (PathMatch, string, problems) {
	if p == nil {
		return Prefix, "/", nil
	}
	value := deref(p.Value, "/")
	switch deref(p.Type, gatewayv1.PathMatchPathPrefix) {
	case gatewayv1.PathMatchExact:
		return Exact, value, checkPath(value).under("value")
	case gatewayv1.PathMatchPathPrefix:
		ps := checkPath(value).under("value")
		// A trailing slash is ignored: prefixes are whole path elements.
		if len(value) > 1 {
			value = strings.TrimSuffix(value, "/")
		}
		return Prefix, value, ps
	case gatewayv1.PathMatchRegularExpression:
		return Regex, value, checkRegex(value).under("value")
	}
	return "", value, unsupported("type", "is %q; write Exact, PathPrefix or RegularExpression", *p.Type)
}

// pathForm is what an absolute path may be made of.
var pathForm = regexp.MustCompile(`^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$`)

// checkPath checks the value of an Exact or PathPrefix match.
func checkPath(path string) problems {
	switch {
	case len(path) > longestPath:
		return unsupported("", "has %d characters, and %d are allowed; shorten it", len(path), longestPath)
	case !strings.HasPrefix(path, "/"):
		return unsupported("", `is %q; begin it with "/"`, path)
	case strings.Contains(path, "//"):
		return unsupported("", `is %q; write "/" only once in a row`, path)
	case slices.ContainsFunc(strings.Split(path, "/"), isDots):
		return unsupported("", `is %q; write it without "." and ".." elements`, path)
	case strings.Contains(strings.ToLower(path), "%2f"):
		return unsupported("", `is %q; an escaped slash cannot be matched, use RegularExpression`, path)
	case !pathForm.MatchString(path):
		return unsupported("", `is %q; escape all but letters, digits and -/._~!$&'()*+,;=:@ with %%`, path)
	}
	return nil
}

func isDots(element string) bool { return element == "." || element == ".." }

func compileHeaderMatches(headers []gatewayv1.HTTPHeaderMatch) ([]KeyMatch, problems) {
	ps := bounded("headers", len(headers), 16)
	var out []KeyMatch
	for i := range headers {
		h := &headers[i]
		k, bad := compileKey(strings.ToLower(string(h.Name)), h.Value, string(deref(h.Type, gatewayv1.HeaderMatchExact)), 4096)
		ps = append(ps, bad.at("headers", i)...)
		out = addKey(out, k)
	}
	return out, ps
}

func compileQueryMatches(params []gatewayv1.HTTPQueryParamMatch) ([]KeyMatch, problems) {
	ps := bounded("queryParams", len(params), 16)
	var out []KeyMatch
	for i := range params {
		q := &params[i]
		k, bad := compileKey(string(q.Name), q.Value, string(deref(q.Type, gatewayv1.QueryParamMatchExact)), 1024)
		ps = append(ps, bad.at("queryParams", i)...)
		out = addKey(out, k)
	}
	return out, ps
}

// addKey adds a match unless its name was there before: only the first of equal names counts.
func addKey(keys []KeyMatch, k KeyMatch) []KeyMatch {
	if slices.ContainsFunc(keys, func(o KeyMatch) bool { return o.Name == k.Name }) {
		return keys
	}
	return append(keys, k)
}

func compileKey(name, value, kind string, longest int) (KeyMatch, problems) {
	ps := checkToken("name", name)
	k := KeyMatch{Name: name, Value: value, Regex: kind == string(gatewayv1.HeaderMatchRegularExpression)}
	switch {
	case value == "":
		ps = append(ps, unsupported("value", "is empty; write the value that is to be matched")...)
	case len(value) > longest:
		ps = append(ps, unsupported("value", "has %d characters, and %d are allowed; shorten it", len(value), longest)...)
	case k.Regex:
		ps = append(ps, checkRegex(value).under("value")...)
	}
	if !k.Regex && kind != string(gatewayv1.HeaderMatchExact) {
		ps = append(ps, unsupported("type", "is %q; write Exact or RegularExpression", kind)...)
	}
	return k, ps
}
