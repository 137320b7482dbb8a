package match

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// pathKind is one way to compare a path.
type pathKind uint8

const (
	wholePath   pathKind = iota
	elements             // by whole path elements: /foo matches /foo and /foo/bar
	startOfPath          // by bytes: /foo matches /foobar too
	pathRegex
)

type pathMatch struct {
	kind  pathKind
	value string // elements: without a slash at its end, so that the root is ""
	fold  bool
	regex text
}

func (p *pathMatch) match(path string) bool {
	if p.kind == pathRegex {
		return p.regex.match(path)
	}
	if p.fold {
		path = strings.ToLower(path)
	}
	switch p.kind {
	case wholePath:
		return path == p.value
	case elements:
		return strings.HasPrefix(path, p.value) && (len(path) == len(p.value) || path[len(p.value)] == '/')
	default:
		return strings.HasPrefix(path, p.value)
	}
}

// matched is how many bytes of a path that matches a prefix rewrite replaces.
func (p *pathMatch) matched(path string) int {
	if p.kind == wholePath || p.kind == pathRegex {
		return len(path)
	}
	return len(p.value)
}

// String says what path is wanted: "path /a", "prefix /a", "path ~ /a.*".
func (p *pathMatch) String() string {
	switch p.kind {
	case wholePath:
		return "path " + p.value
	case elements:
		if p.value == "" {
			return "prefix /"
		}
		return "prefix " + p.value
	case startOfPath:
		return "string prefix " + p.value
	default:
		return "path ~ " + strconv.Quote(p.regex.value)
	}
}

func compilePath(m *routev3.RouteMatch) (pathMatch, error) {
	p := pathMatch{fold: m.GetCaseSensitive() != nil && !m.GetCaseSensitive().GetValue()}
	switch s := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Path:
		p.kind, p.value = wholePath, s.Path
	case *routev3.RouteMatch_PathSeparatedPrefix:
		p.kind, p.value = elements, strings.TrimRight(s.PathSeparatedPrefix, "/")
	case *routev3.RouteMatch_Prefix:
		p.kind, p.value = startOfPath, s.Prefix
		if s.Prefix == "/" || s.Prefix == "" {
			p.kind, p.value = elements, ""
		}
	case *routev3.RouteMatch_SafeRegex:
		var err error
		p.kind, p.fold = pathRegex, false
		if p.regex, err = compileRegex(s.SafeRegex); err != nil {
			return p, fmt.Errorf("match.safe_regex: %w", err)
		}
		return p, nil
	default:
		return p, errors.New("match: no path, prefix, path_separated_prefix or safe_regex")
	}
	if p.value != "" && p.value[0] != '/' {
		return p, fmt.Errorf("match: the path %q does not begin with a slash", p.value)
	}
	if strings.ContainsAny(p.value, "?#") {
		return p, fmt.Errorf("match: the path %q holds a query or a fragment, and would never match", p.value)
	}
	if p.fold {
		p.value = strings.ToLower(p.value)
	}
	return p, nil
}
