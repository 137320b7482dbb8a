package match

import (
	"fmt"
	"net/textproto"
	"net/url"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// keyMatch compares one header or query parameter.
type keyMatch struct {
	name    string // a header's in canonical form, or a pseudo-header
	want    text
	absent  bool // the key must not be there
	invert  bool
	orEmpty bool // a missing key is compared as ""
}

func (k *keyMatch) holds(value string, found bool) bool {
	if k.absent {
		return !found
	}
	if !found && !k.orEmpty {
		// Envoy: an inverted matcher of a missing header matches, unless it asks for presence alone, which invert turns round.
		return k.invert
	}
	return k.want.match(value) != k.invert
}

// why tells what was wanted and what there was, for a key that did not hold.
func (k *keyMatch) why(what, value string, found bool) string {
	is := "is absent"
	if found {
		is = fmt.Sprintf("is %q", value)
	}
	wanted := k.want.String()
	if k.absent {
		wanted = "absent"
	} else if k.invert {
		wanted = "not " + wanted
	}
	return fmt.Sprintf("%s %s %s, wanted %s", what, strings.ToLower(k.name), is, wanted)
}

func compileHeader(m *routev3.HeaderMatcher) (keyMatch, error) {
	if m.GetName() == "" {
		return keyMatch{}, fmt.Errorf("a header matcher has no name")
	}
	k := keyMatch{name: m.GetName(), invert: m.GetInvertMatch(), orEmpty: m.GetTreatMissingHeaderAsEmpty()}
	if k.name[0] != ':' {
		k.name = textproto.CanonicalMIMEHeaderKey(k.name)
	}
	var err error
	switch s := m.GetHeaderMatchSpecifier().(type) {
	case *routev3.HeaderMatcher_StringMatch:
		k.want, err = compileText(s.StringMatch)
	case *routev3.HeaderMatcher_RangeMatch:
		k.want = text{kind: inRange, low: s.RangeMatch.GetStart(), high: s.RangeMatch.GetEnd()}
	case *routev3.HeaderMatcher_PresentMatch:
		k.want, k.absent, k.invert = text{kind: anything}, s.PresentMatch == k.invert, false
	case nil:
		k.want, k.absent, k.invert = text{kind: anything}, k.invert, false
	default:
		err = fmt.Errorf("a way to compare that is not known here, use string_match")
	}
	if err != nil {
		return k, fmt.Errorf("header %s: %w", m.GetName(), err)
	}
	return k, nil
}

func compileQuery(m *routev3.QueryParameterMatcher) (keyMatch, error) {
	k := keyMatch{name: m.GetName()}
	if k.name == "" {
		return k, fmt.Errorf("a query parameter matcher has no name")
	}
	var err error
	switch s := m.GetQueryParameterMatchSpecifier().(type) {
	case *routev3.QueryParameterMatcher_StringMatch:
		k.want, err = compileText(s.StringMatch)
	case *routev3.QueryParameterMatcher_PresentMatch:
		k.want, k.absent = text{kind: anything}, !s.PresentMatch
	case nil:
		k.want = text{kind: anything}
	default:
		err = fmt.Errorf("a way to compare that is not known here")
	}
	if err != nil {
		return k, fmt.Errorf("query parameter %s: %w", k.name, err)
	}
	return k, nil
}

// query returns the first value of a query parameter, decoded; only "&" separates parameters. What does not decode is taken as it
// stands.
func query(raw, name string) (string, bool) {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		key, value, _ := strings.Cut(pair, "=")
		if unescape(key) == name && pair != "" {
			return unescape(value), true
		}
	}
	return "", false
}

func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// String says what is wanted of which key.
func (k *keyMatch) String() string {
	name := strings.ToLower(k.name)
	switch {
	case k.absent:
		return name + " absent"
	case k.invert:
		return name + " not " + k.want.String()
	}
	return name + " " + k.want.String()
}
