package folder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/fleet"
)

// entry is one manifest of a file: an object, or what is known of one that is broken.
type entry struct {
	id       string // file#document, with .item for the items of a List; stable while the file's documents keep their order
	ref      fleet.Ref
	line     int
	object   Manifest // nil: broken
	lines    map[string]int
	problems []Problem
}

// parse reads the manifests of one file. Documents that are empty or of kinds that are left alone give no entry.
func parse(file string, text []byte) []entry {
	var out []entry
	for i, doc := range split(text) {
		p := &parser{file: file, base: doc.line - 1, id: file + "#" + strconv.Itoa(i)}
		out = append(out, p.document(doc.text)...)
	}
	return out
}

// oddBreaks are what the YAML library counts as the end of a line while editors do not; lines are told as editors count them.
var oddBreaks = strings.NewReplacer("\r\n", "\n", "\r", " ", "\u0085", " ", "\u2028", " ", "\u2029", " ")

// chunk is one document of a file.
type chunk struct {
	line int // of its first line, from 1
	text []byte
}

// split cuts a file at the lines that begin with the document marker, as kubectl does, so that broken syntax in one document
// does not hide the others.
func split(text []byte) []chunk {
	text = []byte(oddBreaks.Replace(string(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))))
	chunks := []chunk{{line: 1}}
	line := 0
	for l := range bytes.Lines(text) {
		line++
		last := &chunks[len(chunks)-1]
		switch {
		case bytes.HasPrefix(l, []byte("---")) && (len(l) == 3 || bytes.ContainsRune([]byte(" \t\r\n"), rune(l[3]))):
			chunks = append(chunks, chunk{line: line, text: append([]byte("   "), l[3:]...)})
		case l[0] == '%' && len(bytes.TrimSpace(last.text)) == 0: // a directive
			last.text = append(last.text, '\n')
		default:
			last.text = append(last.text, l...)
		}
	}
	return chunks
}

// parser reads one document.
type parser struct {
	file, id string
	base     int // lines before the document
	items    int // of lists, so far
	depth    int // of lists within lists
}

// Bounds on the lists of one document, which aliases could make endless.
const (
	maxItems = 10_000
	maxLists = 4
)

func (p *parser) document(text []byte) []entry {
	var out []entry
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for n := 0; ; n++ {
		id := p.id
		if n > 0 { // after a document end marker ("...")
			id += "/" + strconv.Itoa(n)
		}
		var node yaml.Node
		switch err := dec.Decode(&node); {
		case errors.Is(err, io.EOF):
			return out
		case err != nil:
			return append(out, p.unreadable(id, text, err))
		}
		if root := deref(node.Content[0]); root.Tag != "!!null" {
			out = append(out, p.objects(id, root, "", "")...)
		}
	}
}

// objects reads an object or a list of them. The kind and apiVersion given are those of a typed list's items.
func (p *parser) objects(id string, root *yaml.Node, apiVersion, kindName string) []entry {
	if root.Kind != yaml.MappingNode {
		return []entry{p.broken(id, fleet.Ref{}, root.Line, "", "is %s, but must be one Kubernetes object: apiVersion, kind, metadata, spec",
			describe(root))}
	}
	if v := child(root, "apiVersion"); v != nil {
		apiVersion = v.Value
	}
	if v := child(root, "kind"); v != nil {
		kindName = v.Value
	}
	item, typed := strings.CutSuffix(kindName, "List")
	if items := child(root, "items"); typed && items != nil && items.Kind == yaml.SequenceNode {
		itemVersion := apiVersion
		if item == "" {
			itemVersion = ""
		}
		var out []entry
		p.depth++
		defer func() { p.depth-- }()
		for i, n := range items.Content {
			if p.items++; p.items > maxItems || p.depth > maxLists {
				return append(out, p.broken(id, fleet.Ref{}, root.Line, "items", "are more than %d or too deep, split the list", maxItems))
			}
			out = append(out, p.objects(id+"."+strconv.Itoa(i), deref(n), itemVersion, item)...)
		}
		return out
	}
	return p.object(id, root, apiVersion, kindName)
}

// object reads one object of a known kind.
func (p *parser) object(id string, root *yaml.Node, apiVersion, kindName string) []entry {
	ref := refIn(root, kindName)
	k, known := kinds[kindName]
	switch {
	case kindName == "":
		return []entry{p.broken(id, ref, root.Line, "kind", "is missing, write for example kind: Service")}
	case !known && leftAlone(apiVersion, kindName):
		return nil
	case !known:
		return []entry{p.broken(id, ref, lineOfKey(root, "kind"), "kind", "%s is not a kind that is read here, %s",
			clip(kindName), didYouMean(kindName, kindNames()))}
	case apiVersion == "":
		return []entry{p.broken(id, ref, root.Line, "apiVersion", "is missing, write apiVersion: %s", k.versions[0])}
	case !contains(k.versions, apiVersion):
		return []entry{p.broken(id, ref, lineOfKey(root, "apiVersion"), "apiVersion", "%s is not a version of %s that is read here, use %s",
			clip(apiVersion), kindName, oneOf(k.versions))}
	}
	if k.cluster {
		ref.Namespace = ""
	} else if ref.Namespace == "" && ref.Name.Name != "" {
		ref.Namespace = metav1.NamespaceDefault
	}
	e := entry{id: id, ref: ref, line: p.base + root.Line}
	s := &shaper{lines: map[string]int{}, base: p.base}
	tree := s.value(root, k.object, "", 0)
	e.lines = s.lines
	if len(s.findings) == 0 {
		e.object = p.typed(&e, s, tree, k, kindName)
	}
	for _, f := range s.findings {
		e.problems = append(e.problems, Problem{
			Folder: folderOf(p.file), File: p.file, Line: f.line, Object: ref, Field: f.field, Message: f.message,
		})
	}
	if len(e.problems) > 0 {
		e.object = nil
	}
	return []entry{e}
}

// typed turns a tree that has the right shape into an object with its defaults, and checks it.
func (p *parser) typed(e *entry, s *shaper, tree any, k kind, kindName string) Manifest {
	m := reflect.New(k.object).Interface().(Manifest)
	text, err := json.Marshal(tree)
	if err == nil {
		err = json.Unmarshal(text, m)
	}
	if err != nil {
		s.findings = append(s.findings, finding{e.line, "", err.Error()})
		return nil
	}
	m.GetObjectKind().SetGroupVersionKind(gvk(k.versions[0], kindName))
	m.SetNamespace(e.ref.Namespace)
	if m.GetGeneration() == 0 {
		m.SetGeneration(1)
	}
	setDefaults(m)
	check(m, func(field, format string, args ...any) {
		s.findings = append(s.findings, finding{lineOf(s.lines, field, e.line), field, fmt.Sprintf(format, args...)})
	})
	return m
}

// broken is an entry of which only the reference may be known. The line counts from the start of the document.
func (p *parser) broken(id string, ref fleet.Ref, line int, field, format string, args ...any) entry {
	line += p.base
	return entry{id: id, ref: ref, line: line, problems: []Problem{{
		Folder: folderOf(p.file), File: p.file, Line: line, Object: ref, Field: field, Message: fmt.Sprintf(format, args...),
	}}}
}

var (
	yamlLine = regexp.MustCompile(`line (\d+): `)
	// yamlEarly are the errors whose line the YAML library counts from 0, unlike the others.
	yamlEarly = regexp.MustCompile(`did not find expected (key|'-' indicator|',' or|node content|<)`)
	// flowMeta finds the names in metadata that is written in one line.
	flowMeta = regexp.MustCompile(`[{,\s](name|namespace):\s*["']?([^\s"',}]+)`)
)

// unreadable is a document whose syntax is broken.
func (p *parser) unreadable(id string, text []byte, err error) entry {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = strings.Replace(message, m[0], "", 1)
		if yamlEarly.MatchString(message) {
			line++
		}
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	line = min(max(line, 1), len(lines))
	remedy := "check the indentation and quotes of this line and the one before"
	for i, l := range lines {
		if rest := bytes.TrimLeft(l, " "); len(rest) > 0 && rest[0] == '\t' {
			line, remedy = i+1, "indent with spaces, YAML does not allow tabs"
			break
		}
	}
	return p.broken(id, guess(lines), line, "", "is not YAML (%s): %s", message, remedy)
}

// guess reads the kind and name of an object from the lines of a document whose syntax is broken, as far as they are written in
// the usual way.
func guess(lines [][]byte) fleet.Ref {
	var ref fleet.Ref
	inside := false
	for _, l := range lines {
		key, value, ok := strings.Cut(string(bytes.TrimRight(l, " \t\r")), ":")
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch field := strings.TrimLeft(key, " "); {
		case !ok || field == "" || field[0] == '#':
		case field == key: // a field of the object itself
			inside = key == "metadata"
			if key == "kind" {
				ref.Kind = value
			}
			for _, m := range flowMeta.FindAllStringSubmatch(value, -1) {
				switch {
				case inside && m[1] == "name":
					ref.Name.Name = m[2]
				case inside:
					ref.Namespace = m[2]
				}
			}
		case inside && field == "name" && ref.Name.Name == "":
			ref.Name.Name = value
		case inside && field == "namespace" && ref.Namespace == "":
			ref.Namespace = value
		}
	}
	if k, ok := kinds[ref.Kind]; !ok {
		return fleet.Ref{}
	} else if !k.cluster && ref.Namespace == "" && ref.Name.Name != "" {
		ref.Namespace = metav1.NamespaceDefault
	}
	return ref
}
