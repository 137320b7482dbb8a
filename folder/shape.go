package folder

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds on one document: aliases can make a small text mean a large tree, or an endless one.
const (
	maxNodes = 200_000
	maxDepth = 64
)

// shaper turns YAML nodes into the tree that encoding/json makes of the equivalent JSON, guided by the Go type that it is to be
// decoded into, and finds everything that does not fit, each at its own line.
type shaper struct {
	base     int
	nodes    int
	full     bool           // a bound was reached
	lines    map[string]int // field -> line
	findings []finding
}

type finding struct {
	line           int
	field, message string
}

func (s *shaper) find(n *yaml.Node, field, format string, args ...any) {
	if len(s.findings) < 20 { // the rest is an echo of the same mistake
		s.findings = append(s.findings, finding{s.base + n.Line, field, fmt.Sprintf(format, args...)})
	}
}

// overgrown counts a node and finds, once, a document that is beyond the bounds.
func (s *shaper) overgrown(n *yaml.Node, path string, depth int) bool {
	if s.nodes++; s.nodes <= maxNodes && depth <= maxDepth {
		return false
	}
	if !s.full {
		s.full = true
		s.findings = append(s.findings, finding{s.base + n.Line, path, "is too large or too deep, split the document"})
	}
	return true
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// value returns the tree of a node, or nil for null and for what does not fit.
func (s *shaper) value(n *yaml.Node, t reflect.Type, path string, depth int) any {
	n = deref(n)
	if s.overgrown(n, path, depth) {
		return nil
	}
	if n.Tag == "!!null" {
		return nil
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case reflect.PointerTo(t).Implements(unmarshaler):
		return s.custom(n, t, path, depth)
	case t.Kind() == reflect.Struct:
		return s.fields(n, t, path, depth)
	case t.Kind() == reflect.Map:
		return s.entries(n, t, path, depth)
	case t == reflect.TypeFor[[]byte]():
		return s.base64(n, path)
	case t.Kind() == reflect.Slice:
		return s.list(n, t, path, depth)
	case t.Kind() == reflect.Interface:
		return s.plain(n, path, depth)
	}
	return s.scalar(n, t, path)
}

// fields reads a mapping into a struct.
func (s *shaper) fields(n *yaml.Node, t reflect.Type, path string, depth int) any {
	if n.Kind != yaml.MappingNode {
		s.find(n, path, "is %s, but must be a mapping of fields", describe(n))
		return nil
	}
	known := map[string]reflect.Type{}
	fieldsOf(t, known)
	out := map[string]any{}
	s.pairs(n, path, depth, func(key, value *yaml.Node) {
		field := join(path, key.Value)
		ft, ok := known[key.Value]
		if !ok {
			s.find(key, field, "is not a field here, %s", s.misplaced(key.Value, known))
			return
		}
		if v := s.value(value, ft, field, depth+1); v != nil {
			out[key.Value] = v
		}
	})
	return out
}

// misplaced returns the remedy for an unknown field: the nearest one, or the place where it belongs.
func (s *shaper) misplaced(name string, known map[string]reflect.Type) string {
	names := make([]string, 0, len(known))
	inside := ""
	for field, t := range known {
		names = append(names, field)
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || field == "status" {
			continue
		}
		below := map[string]reflect.Type{}
		fieldsOf(t, below)
		if _, ok := below[name]; ok && (inside == "" || field == "spec" || inside != "spec" && field < inside) {
			inside = field
		}
	}
	switch n := nearest(name, names); {
	case n != "":
		return "did you mean " + n + "?"
	case inside != "":
		return "it belongs under " + inside
	case len(names) <= 12:
		slices.Sort(names)
		return "use " + oneOf(names)
	}
	return "remove it"
}

// fieldsOf collects the JSON names of a struct's fields, embedded ones included.
func fieldsOf(t reflect.Type, into map[string]reflect.Type) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name == "" && f.Anonymous:
			fieldsOf(f.Type, into)
		case name != "":
			into[name] = f.Type
		}
	}
}

// entries reads a mapping into a map with text keys.
func (s *shaper) entries(n *yaml.Node, t reflect.Type, path string, depth int) any {
	if n.Kind != yaml.MappingNode {
		s.find(n, path, "is %s, but must be a mapping", describe(n))
		return nil
	}
	out := map[string]any{}
	s.pairs(n, path, depth, func(key, value *yaml.Node) {
		v := s.value(value, t.Elem(), join(path, key.Value), depth+1)
		if v == nil && t.Elem().Kind() == reflect.String {
			v = "" // "key:" alone is the empty text
		}
		out[key.Value] = v
	})
	return out
}

// pairs calls f for each key of a mapping, with merge keys ("<<") expanded, and finds keys that stand there twice.
func (s *shaper) pairs(n *yaml.Node, path string, depth int, f func(key, value *yaml.Node)) {
	seen := map[string]*yaml.Node{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := deref(n.Content[i]), n.Content[i+1]
		switch first := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			s.find(key, path, "has %s as a key, but keys must be text", describe(key))
		case key.Tag == "!!merge":
			merged = append(merged, deref(value))
		case first != nil:
			s.find(key, join(path, key.Value), "stands here twice, first in line %d: keep one", s.base+first.Line)
		default:
			seen[key.Value] = key
			s.lines[join(path, key.Value)] = s.base + key.Line
			f(key, value)
		}
	}
	for len(merged) > 0 {
		m := merged[0]
		merged = merged[1:]
		if s.overgrown(m, path, depth) {
			return
		}
		if m.Kind == yaml.SequenceNode {
			for _, c := range m.Content {
				merged = append(merged, deref(c))
			}
		}
		for i := 0; i+1 < len(m.Content) && m.Kind == yaml.MappingNode; i += 2 {
			key := deref(m.Content[i])
			switch {
			case key.Tag == "!!merge":
				merged = append(merged, deref(m.Content[i+1]))
			case key.Kind == yaml.ScalarNode && seen[key.Value] == nil:
				seen[key.Value] = key
				f(key, m.Content[i+1])
			}
		}
	}
}

func (s *shaper) list(n *yaml.Node, t reflect.Type, path string, depth int) any {
	if n.Kind != yaml.SequenceNode {
		s.find(n, path, `is %s, but must be a list: begin each item with "- "`, describe(n))
		return nil
	}
	out := make([]any, 0, len(n.Content))
	for i, c := range n.Content {
		field := path + "[" + strconv.Itoa(i) + "]"
		s.lines[field] = s.base + c.Line
		out = append(out, s.value(c, t.Elem(), field, depth+1))
	}
	return out
}

// plain reads a node without a type.
func (s *shaper) plain(n *yaml.Node, path string, depth int) any {
	n = deref(n)
	if s.overgrown(n, path, depth) {
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		return s.entries(n, reflect.TypeFor[map[string]any](), path, depth)
	case yaml.SequenceNode:
		return s.list(n, reflect.TypeFor[[]any](), path, depth)
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!int", "!!float":
		var f json.Number
		if err := n.Decode(&f); err == nil && json.Valid([]byte(f)) {
			return f
		}
	case "!!bool":
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
	}
	return n.Value
}

func join(path, name string) string {
	if path == "" {
		return clip(name)
	}
	return path + "." + clip(name)
}
