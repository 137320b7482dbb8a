package strict

import "strings"

// isToken says whether s is a token of RFC 9110 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}

var tokenByte = func() (t [256]bool) {
	for c := range 256 {
		b := byte(c)
		t[c] = isDigit(b) || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || b < 0x80 && b != 0 && strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
	}
	return t
}()

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// decimal reads 1 to 18 digits and nothing else.
func decimal(s string) (uint64, bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	n := uint64(0)
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = 10*n + uint64(s[i]-'0')
	}
	return n, true
}

func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// validHost accepts uri-host [":" port] (RFC 9110 7.2), with the bytes that host names and IP literals have.
func validHost(s string) bool {
	host := s
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return false
		}
		for i := 1; i < end; i++ {
			if hexDigit(s[i]) < 0 && s[i] != ':' && s[i] != '.' {
				return false
			}
		}
		host = s[end+1:]
		if host == "" {
			return true
		}
		return host[0] == ':' && validPort(host[1:])
	}
	name, port, ok := strings.Cut(host, ":")
	if ok && !validPort(port) || name == "" || len(name) > 255 {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !(isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return true
}

func validPort(s string) bool {
	n, ok := decimal(s)
	return ok && n <= 65535
}
