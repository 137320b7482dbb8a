package folder

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"fairlead.dev/fairlead/fleet"
)

// deref follows an alias to what it stands for.
func deref(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// child returns the value of a mapping's key, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == key {
			return deref(n.Content[i+1])
		}
	}
	return nil
}

func lineOfKey(n *yaml.Node, key string) int {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i].Line
		}
	}
	return n.Line
}

// refIn reads an object's name as far as it is there.
func refIn(root *yaml.Node, kindName string) fleet.Ref {
	ref := fleet.Ref{Kind: kindName}
	if meta := child(root, "metadata"); meta != nil {
		if n := child(meta, "name"); n != nil {
			ref.Name.Name = n.Value
		}
		if n := child(meta, "namespace"); n != nil {
			ref.Namespace = n.Value
		}
	}
	return ref
}

// describe says what a node is, in words that finish "is …".
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "empty"
	case n.Tag == "!!int" || n.Tag == "!!float":
		return "the number " + clip(n.Value)
	case n.Tag == "!!bool":
		return "the truth value " + clip(n.Value)
	}
	return fmt.Sprintf("the text %q", clip(n.Value))
}

// clip keeps a foreign word short enough for a message.
func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// lineOf returns the line of a field, or of the nearest field around it that is written.
func lineOf(lines map[string]int, field string, line int) int {
	for field != "" {
		if l, ok := lines[field]; ok {
			return l
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
	return line
}

// gvk reads an apiVersion of the table of kinds.
func gvk(apiVersion, kindName string) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(apiVersion, kindName)
}

func contains(words []string, word string) bool { return slices.Contains(words, word) }
