package stub

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// block is one server block of a Corefile.
type block struct {
	keys []string // zones, with scheme and port as written
	body []statement
}

// statement is a directive of a block with its arguments; inner are the lines of its own braces.
type statement struct {
	words []string
	inner [][]string
}

// find returns the words of the first statement of a name.
func (b block) find(name string) []string {
	for _, s := range b.body {
		if s.words[0] == name {
			return s.words
		}
	}
	return nil
}

func (b block) has(name string) bool { return b.find(name) != nil }

// serves says by what a block serves a zone, or has a say in it; empty if it does not. The innermost statement that names the zone, be
// it in an expression, tells more than the keys of the block.
func (b block) serves(zone string) string {
	for _, s := range b.body {
		for _, words := range append(slices.Clone(s.inner), s.words) {
			if slices.ContainsFunc(words[1:], func(w string) bool { return mentions(w, zone) }) {
				return "the statement " + strings.Join(words, " ")
			}
		}
	}
	for _, k := range b.keys {
		if z := zoneOf(k); z == zone || strings.HasSuffix(z, "."+zone) {
			return "the server block " + k
		}
	}
	return ""
}

// listening returns where the first block listens that speaks plain DNS.
func listening(blocks []block) (Listening, error) {
	for _, b := range blocks {
		for _, k := range b.keys {
			scheme, rest, found := strings.Cut(k, "://")
			if found && scheme != "dns" {
				continue
			}
			if !found {
				rest = k
			}
			at := Listening{Bind: strings.Join(b.find("bind"), " ")}
			if i := strings.LastIndexByte(rest, ':'); i >= 0 {
				at.Port = rest[i:]
			}
			return at, at.check()
		}
	}
	return Listening{Port: ":53"}, nil
}

// check refuses what cannot be copied as it is: it was quoted.
func (l Listening) check() error {
	if strings.ContainsAny(l.Port, " \t\r\n\"{}#,") || strings.ContainsAny(l.Bind, "\t\r\n\"{}#") {
		return fmt.Errorf("the first server block listens on %q %q, which is not understood", l.Port, l.Bind)
	}
	return nil
}

// mentions says whether a word has a zone in it, escaped or not.
func mentions(word, zone string) bool {
	before, _, found := strings.Cut(strings.ReplaceAll(strings.ToLower(word), `\`, ""), zone)
	return found && (before == "" || !strings.ContainsAny(before[len(before)-1:], "abcdefghijklmnopqrstuvwxyz0123456789-_"))
}

// zoneOf returns the zone of a key such as dns://clusterset.local.:53.
func zoneOf(key string) string {
	if _, after, ok := strings.Cut(key, "://"); ok {
		key = after
	}
	if i := strings.LastIndexByte(key, ':'); i >= 0 {
		key = key[:i]
	}
	return strings.TrimSuffix(strings.ToLower(key), ".")
}

// parse reads server blocks, and the patterns of files that are imported between them. Snippets, which are in parentheses, are read as
// blocks without keys: what imports them is not followed, and what is in them counts alike.
func parse(text string) (blocks []block, imports []string, err error) {
	lines, err := tokens(text)
	if err != nil {
		return nil, nil, err
	}
	var r reading
	for _, l := range lines {
		if err := r.line(l.words); err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", l.number, err)
		}
	}
	if r.depth > 0 || len(r.keys) > 0 {
		return nil, nil, errors.New("the last server block does not end")
	}
	return r.blocks, r.imports, nil
}

// reading is a Corefile that has been read so far.
type reading struct {
	blocks  []block
	imports []string
	keys    []string // of a block that has not begun
	open    block    // while depth is above 0
	depth   int      // how many braces are open
}

// line reads one line. A brace stands at its end, as CoreDNS's own files have it, or alone.
func (r *reading) line(words []string) error {
	last := words[len(words)-1]
	begins := last == "{"
	if begins {
		words = words[:len(words)-1]
	}
	switch {
	case last == "}" && len(words) > 1, slices.Contains(words, "{"):
		return errors.New("a brace within a line")
	case last == "}":
		return r.end()
	case r.depth == 0:
		return r.outside(words, begins)
	}
	return r.inside(words, begins)
}

func (r *reading) end() error {
	if r.depth == 0 {
		return errors.New("a closing brace too many")
	}
	if r.depth--; r.depth == 0 {
		r.blocks = append(r.blocks, r.open)
	}
	return nil
}

// outside reads a line between blocks: an import, or keys, which go on after a comma.
func (r *reading) outside(words []string, begins bool) error {
	if len(r.keys) == 0 && len(words) > 0 && words[0] == "import" && !begins {
		r.imports = append(r.imports, words[1:]...)
		return nil
	}
	r.keys = append(r.keys, words...)
	switch {
	case begins:
		r.open, r.keys, r.depth = block{keys: split(r.keys)}, nil, 1
	case !strings.HasSuffix(words[len(words)-1], ","):
		return errors.New("a server block without braces")
	}
	return nil
}

// inside reads a line of a block. What is in a statement's own braces belongs to the statement.
func (r *reading) inside(words []string, begins bool) error {
	if len(words) == 0 {
		return errors.New("a brace without a directive")
	}
	if r.depth == 1 {
		r.open.body = append(r.open.body, statement{words: words})
	} else {
		s := &r.open.body[len(r.open.body)-1]
		s.inner = append(s.inner, words)
	}
	if begins {
		r.depth++
	}
	return nil
}

// split returns keys that are parted by commas.
func split(words []string) (keys []string) {
	for _, w := range words {
		for k := range strings.SplitSeq(w, ",") {
			if k != "" && !strings.HasPrefix(k, "(") {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// line is a line with words on it.
type line struct {
	number int
	words  []string
}

// tokens returns the words of each line: separated by blanks, or in double quotes, where a backslash takes the next quote in. A quoted
// word may go over lines. A hash outside of quotes begins a comment.
func tokens(text string) (lines []line, err error) {
	var words []string
	number := 1
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '\n':
			if len(words) > 0 {
				lines = append(lines, line{number, words})
				words = nil
			}
			number++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case c == '"':
			word, n, ok := quoted(text[i+1:])
			if !ok {
				return nil, fmt.Errorf("line %d: a quote that does not end", number)
			}
			words = append(words, word)
			number += strings.Count(text[i:i+1+n], "\n")
			i += 1 + n
		default:
			n := strings.IndexAny(text[i:], " \t\r\n#")
			if n < 0 {
				n = len(text) - i
			}
			words = append(words, text[i:i+n])
			i += n
		}
	}
	if len(words) > 0 {
		lines = append(lines, line{number, words})
	}
	return lines, nil
}

// quoted reads to the closing quote, and returns the word and how many bytes it took.
func quoted(text string) (word string, n int, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '"':
			b.WriteByte('"')
			i++
		case text[i] == '"':
			return b.String(), i + 1, true
		default:
			b.WriteByte(text[i])
		}
	}
	return "", 0, false
}
