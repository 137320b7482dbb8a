package match

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// maxRegex bounds the length of a regular expression. Matching is linear in the text (RE2), compiling in this length.
const maxRegex = 4096

// text compares one string.
type text struct {
	kind  textKind
	value string
	fold  bool // value is lower case then
	regex *regexp.Regexp
	low   int64 // with inRange: low <= number < high
	high  int64
}

type textKind uint8

const (
	exact textKind = iota
	prefix
	suffix
	contains
	regex
	inRange
	anything
)

func (t *text) match(s string) bool {
	switch t.kind {
	case regex:
		return t.regex.MatchString(s)
	case anything:
		return true
	case inRange:
		n, err := strconv.ParseInt(s, 10, 64)
		return err == nil && t.low <= n && n < t.high
	}
	if t.fold {
		s = strings.ToLower(s)
	}
	switch t.kind {
	case exact:
		return s == t.value
	case prefix:
		return strings.HasPrefix(s, t.value)
	case suffix:
		return strings.HasSuffix(s, t.value)
	default:
		return strings.Contains(s, t.value)
	}
}

// String says what is wanted, as the end of a sentence: `"x"`, `prefix "x"`, `~ "x.*"`.
func (t *text) String() string {
	switch t.kind {
	case exact:
		return strconv.Quote(t.value)
	case prefix:
		return "prefix " + strconv.Quote(t.value)
	case suffix:
		return "suffix " + strconv.Quote(t.value)
	case contains:
		return "containing " + strconv.Quote(t.value)
	case regex:
		return "~ " + strconv.Quote(t.value)
	case inRange:
		return fmt.Sprintf("in [%d, %d)", t.low, t.high)
	default:
		return "present"
	}
}

func compileText(m *matcherv3.StringMatcher) (text, error) {
	t := text{fold: m.GetIgnoreCase()}
	switch p := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		t.kind, t.value = exact, p.Exact
	case *matcherv3.StringMatcher_Prefix:
		t.kind, t.value = prefix, p.Prefix
	case *matcherv3.StringMatcher_Suffix:
		t.kind, t.value = suffix, p.Suffix
	case *matcherv3.StringMatcher_Contains:
		t.kind, t.value = contains, p.Contains
	case *matcherv3.StringMatcher_SafeRegex:
		return compileRegex(p.SafeRegex)
	default:
		return t, errors.New("a string matcher without a pattern that is known here")
	}
	if t.fold {
		t.value = strings.ToLower(t.value)
	}
	return t, nil
}

// compileRegex compiles an RE2 expression that must match the whole text, as Envoy's do.
func compileRegex(m *matcherv3.RegexMatcher) (text, error) {
	re, err := wholeRegex(m.GetRegex())
	return text{kind: regex, value: m.GetRegex(), regex: re}, err
}

func wholeRegex(expr string) (*regexp.Regexp, error) {
	if len(expr) > maxRegex {
		return nil, fmt.Errorf("the regular expression has %d bytes, the most is %d", len(expr), maxRegex)
	}
	if _, err := regexp.Compile(expr); err != nil { // alone first: "a)(b" must not compile by our brackets
		return nil, fmt.Errorf("regular expression: %w", err)
	}
	return regexp.MustCompile(`^(?:` + expr + `)$`), nil
}
