package route

import (
	"cmp"
	"strings"
)

// String prints a match in one line: the method, the path with = for exact, ~ for a regular expression and /* for a prefix, then
// headers and query parameters.
func (m Match) String() string {
	words := []string{cmp.Or(m.Method, "*"), m.path()}
	for _, h := range m.Headers {
		words = append(words, "header:"+h.String())
	}
	for _, q := range m.Query {
		words = append(words, "query:"+q.String())
	}
	return strings.Join(words, " ")
}

func (m Match) path() string {
	switch m.Path {
	case Exact:
		return "=" + m.Value
	case Regex:
		return "~" + m.Value
	}
	return strings.TrimSuffix(m.Value, "/") + "/*"
}

// String returns name=value, or name~value for a regular expression.
func (k KeyMatch) String() string {
	if k.Regex {
		return k.Name + "~" + k.Value
	}
	return k.Name + "=" + k.Value
}
