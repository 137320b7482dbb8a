package membership

import (
	"strconv"
	"strings"
)

// compatible says whether two versions of Fairlead go together: equal major numbers, minor ones at most one apart. A version that is
// none, such as that of a build from a checkout, goes with every other: whoever builds knows.
func compatible(a, b string) bool {
	aMajor, aMinor, ok := parseVersion(a)
	bMajor, bMinor, also := parseVersion(b)
	if !ok || !also {
		return true
	}
	return aMajor == bMajor && max(aMinor-bMinor, bMinor-aMinor) <= 1
}

// parseVersion reads the first two numbers of v1.2.3.
func parseVersion(v string) (major, minor int, ok bool) {
	rest, ok := strings.CutPrefix(v, "v")
	if !ok {
		return 0, 0, false
	}
	first, rest, _ := strings.Cut(rest, ".")
	second, _, _ := strings.Cut(rest, ".")
	second, _, _ = strings.Cut(second, "-")
	major, err := strconv.Atoi(first)
	if err != nil {
		return 0, 0, false
	}
	minor, err = strconv.Atoi(second)
	return major, minor, err == nil
}
