package folder

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// custom reads a type that has its own JSON form, such as a time, a quantity or a port that may be a name.
func (s *shaper) custom(n *yaml.Node, t reflect.Type, path string, depth int) any {
	v := s.plain(n, path, depth)
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, reflect.New(t).Interface())
	}
	if err != nil {
		s.find(n, path, "is %s, which is no %s: %s", describe(n), t.Name(), example(t.Name()))
		return nil
	}
	return v
}

// example shows how a value of a type with its own JSON form is written.
func example(typeName string) string {
	switch typeName {
	case "Time", "MicroTime":
		return `write for example "2026-01-31T12:00:00Z"`
	case "Duration":
		return `write for example "10s"`
	case "Quantity":
		return `write for example "500m" or "1Gi"`
	case "IntOrString":
		return "write a port number or the name of a port"
	}
	return "see the documentation of the kind"
}

func (s *shaper) base64(n *yaml.Node, path string) any {
	if n.Kind == yaml.ScalarNode {
		text := strings.Join(strings.Fields(n.Value), "")
		if _, err := base64.StdEncoding.DecodeString(text); err == nil {
			return text
		}
	}
	s.find(n, path, "is not base64: encode it, or write plain text under stringData")
	return nil
}

// scalar reads text, a number or a truth value.
func (s *shaper) scalar(n *yaml.Node, t reflect.Type, path string) any {
	switch t.Kind() {
	case reflect.String:
		return s.text(n, t, path)
	case reflect.Bool:
		if n.Tag == "!!bool" {
			return strings.EqualFold(n.Value, "true")
		}
		s.find(n, path, "is %s, but must be true or false", describe(n))
	case reflect.Float32, reflect.Float64:
		var f float64
		if (n.Tag == "!!int" || n.Tag == "!!float") && n.Decode(&f) == nil {
			return f
		}
		s.find(n, path, "is %s, but must be a number", describe(n))
	default:
		return s.integer(n, t, path)
	}
	return nil
}

func (s *shaper) text(n *yaml.Node, t reflect.Type, path string) any {
	switch {
	case n.Kind != yaml.ScalarNode:
		s.find(n, path, "is %s, but must be text", describe(n))
		return nil
	case n.Tag == "!!int" || n.Tag == "!!float" || n.Tag == "!!bool":
		s.find(n, path, "is %s, but must be text: write %q, with the quotes", describe(n), n.Value)
		return nil
	}
	if message := refuseText(t, n.Value); message != "" {
		s.find(n, path, "%s", message)
	}
	return n.Value
}

func (s *shaper) integer(n *yaml.Node, t reflect.Type, path string) any {
	var i int64
	switch {
	case n.Tag == "!!int" && n.Decode(&i) == nil && fits(t, i):
		return i
	case n.Tag == "!!int":
		s.find(n, path, "%s is out of range", clip(n.Value))
	case number.MatchString(n.Value) && n.Kind == yaml.ScalarNode:
		s.find(n, path, "is %s, but must be a number: write %s, without quotes", describe(n), n.Value)
	default:
		s.find(n, path, "is %s, but must be a whole number", describe(n))
	}
	return nil
}

var number = regexp.MustCompile(`^-?[0-9]{1,18}$`)

// fits says whether an integer type holds a number.
func fits(t reflect.Type, i int64) bool {
	if t.Kind() >= reflect.Uint {
		return i >= 0 && !t.OverflowUint(uint64(i))
	}
	return !t.OverflowInt(i)
}
