package route

import (
	"regexp"
	"strings"
	"time"
)

// What the OpenAPI schemas of the API's custom resources would refuse is checked here as well, because a folder has no API server
// in front of it.

// isDNSName says whether s is an RFC 1123 subdomain.
func isDNSName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isDNSLabel(label) {
			return false
		}
	}
	return true
}

// isDNSLabel says whether s is an RFC 1123 label.
func isDNSLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// isToken says whether s may be the name of a header or of a query parameter (HeaderName).
func isToken(s string) bool {
	if s == "" || len(s) > 256 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}

// isFieldValue says whether s may be the value of a header: no control characters but tabs, so that nobody can end the header.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == 0x7f || (c < ' ' && c != '\t') {
			return false
		}
	}
	return true
}

func checkToken(field, name string) problems {
	if isToken(name) {
		return nil
	}
	return unsupported(field, "is %q, which cannot be the name of a header or of a query parameter; write letters, digits and \"-\"", name)
}

func checkPort(field string, port int32) problems {
	if port >= 1 && port <= 65535 {
		return nil
	}
	return unsupported(field, "is %d; write a port from 1 to 65535", port)
}

// checkSection checks a SectionName.
func checkSection(field, name string) problems {
	if isDNSName(name) {
		return nil
	}
	return unsupported(field, `is %q; write lower-case letters, digits, "-" and "."`, name)
}

// durationForm is the form of a GEP-2257 duration.
var durationForm = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)

// parseDuration reads a GEP-2257 duration.
func parseDuration(s string) (time.Duration, problems) {
	if durationForm.MatchString(s) {
		// What has that form is within the range of a Duration: four times 99999 hours are 46 years.
		if d, err := time.ParseDuration(s); err == nil {
			return d, nil
		}
	}
	return 0, unsupported("", `is %q, which is not a duration; write up to four numbers with h, m, s or ms, such as "1m30s"`, s)
}

// longestRegex bounds what the data plane compiles and runs.
const longestRegex = 1024

// checkRegex checks an expression of the RE2 dialect, which is compared with the whole value.
func checkRegex(s string) problems {
	if len(s) > longestRegex {
		return unsupported("", "is a regular expression of %d bytes, and %d are allowed; shorten it", len(s), longestRegex)
	}
	// Both are needed: "a)(b" is only valid inside the group, and an open "\Q" only outside of it.
	for _, form := range [...]string{s, "^(?:" + s + ")$"} {
		if _, err := regexp.Compile(form); err != nil {
			return unsupported("", "is not a regular expression of the RE2 dialect (%s); correct it", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
	}
	return nil
}

// duplicate returns the first element that was there before, compared by key.
func duplicate[T any](list []T, key func(T) string) (int, bool) {
	for i := range list {
		for j := range i {
			if key(list[i]) == key(list[j]) {
				return i, true
			}
		}
	}
	return 0, false
}
