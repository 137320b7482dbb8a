package match

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// Rewrite changes what the backend is asked for. The zero Rewrite changes nothing.
type Rewrite struct {
	Host string // empty: as the client sent it
	Path PathEdit
}

// PathEdit changes a path. The zero PathEdit changes nothing.
type PathEdit struct {
	kind  pathEditKind
	value string // substitution of a regex in Go's syntax
	regex *regexp.Regexp
}

type pathEditKind uint8

const (
	keepPath pathEditKind = iota
	replacePath
	replacePrefix
	replaceRegex
)

// edit returns the changed path, with the query that the new path may bring along.
func (e *PathEdit) edit(r *Route, path string) string {
	switch e.kind {
	case replacePath:
		return e.value
	case replacePrefix:
		return joinPrefix(e.value, path[min(r.path.matched(path), len(path)):], r.path.kind)
	case replaceRegex:
		if path = e.regex.ReplaceAllString(path, e.value); path == "" || path[0] != '/' {
			path = "/" + path
		}
	}
	return path
}

// joinPrefix puts a new prefix before the rest of a path, by whole elements: exactly one slash stands between them (Gateway API,
// HTTPPathModifier.replacePrefixMatch; where Envoy would write "//" or glue two words together).
func joinPrefix(prefix, rest string, kind pathKind) string {
	if kind != startOfPath {
		prefix = strings.TrimSuffix(prefix, "/")
		if rest != "" && rest[0] != '/' {
			rest = "/" + rest
		}
	}
	if joined := prefix + rest; joined != "" {
		return joined
	}
	return "/"
}

// String says what is done: "", "path := /a", "prefix := /b", "~ x := y".
func (e *PathEdit) String() string {
	switch e.kind {
	case replacePath:
		return "path := " + e.value
	case replacePrefix:
		return "prefix := " + orSlash(e.value)
	case replaceRegex:
		return fmt.Sprintf("~ %q := %q", e.regex.String(), e.value)
	}
	return ""
}

func orSlash(s string) string {
	if s == "" {
		return "/"
	}
	return s
}

// Target returns the host and path to ask the backend of a share for; a share's own host counts more than the route's. The share may be
// nil.
func (r *Route) Target(req *Request, s *Share) (host, path string) {
	host, path = req.Host, req.Path
	if r.Forward == nil {
		return host, path
	}
	if r.Forward.Rewrite.Host != "" {
		host = r.Forward.Rewrite.Host
	}
	if s != nil && s.Host != "" {
		host = s.Host
	}
	return host, r.Forward.Rewrite.Path.edit(r, path)
}

func compileRewrite(a *routev3.RouteAction) (Rewrite, error) {
	var w Rewrite
	switch h := a.GetHostRewriteSpecifier().(type) {
	case nil:
	case *routev3.RouteAction_HostRewriteLiteral:
		w.Host = h.HostRewriteLiteral
	default:
		return w, errors.New("of the host rewrites only host_rewrite_literal is supported")
	}
	if !isHost(w.Host) {
		return w, fmt.Errorf("host_rewrite_literal: %q is not a host", w.Host)
	}
	switch {
	case a.GetRegexRewrite() != nil && a.GetPrefixRewrite() != "":
		return w, errors.New("prefix_rewrite and regex_rewrite: only one may be set")
	case a.GetRegexRewrite() != nil:
		var err error
		w.Path, err = compileRegexEdit(a.GetRegexRewrite())
		return w, err
	case a.GetPrefixRewrite() != "":
		if !isPath(a.GetPrefixRewrite()) {
			return w, fmt.Errorf("prefix_rewrite: %q is not a path", a.GetPrefixRewrite())
		}
		w.Path = PathEdit{kind: replacePrefix, value: a.GetPrefixRewrite()}
	}
	return w, nil
}

// isHost says whether s may stand in a Host field; empty may.
func isHost(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune("/?#@\\", c) })
}

// isPath says whether s may stand in a request line as a path.
func isPath(s string) bool {
	return strings.HasPrefix(s, "/") && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '?' || c == '#' })
}

func compileRegexEdit(m *matcherv3.RegexMatchAndSubstitute) (PathEdit, error) {
	expr := m.GetPattern().GetRegex()
	if len(expr) > maxRegex {
		return PathEdit{}, fmt.Errorf("regex_rewrite: the regular expression has %d bytes, the most is %d", len(expr), maxRegex)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return PathEdit{}, fmt.Errorf("regex_rewrite: %w", err)
	}
	value, err := substitution(m.GetSubstitution(), re.NumSubexp())
	return PathEdit{kind: replaceRegex, value: value, regex: re}, err
}

// substitution turns RE2's \1 into Go's ${1}.
func substitution(s string, groups int) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ' || c >= 0x7f || c == '#' || c == '?':
			return "", fmt.Errorf("regex_rewrite.substitution: %q does not belong in a path", s)
		case c == '$':
			b.WriteString("$$")
		case c != '\\':
			b.WriteByte(c)
		case i+1 < len(s) && '0' <= s[i+1] && s[i+1] <= '9' && int(s[i+1]-'0') <= groups:
			i++
			b.WriteString("${" + s[i:i+1] + "}")
		case i+1 < len(s) && s[i+1] == '\\':
			i++
			b.WriteByte('\\')
		default:
			return "", fmt.Errorf("regex_rewrite.substitution: %q refers to a group that is not there", s)
		}
	}
	return b.String(), nil
}
