package match

import (
	"errors"
	"strings"
)

// The reasons for which Normalize refuses a path.
var (
	ErrTargetForm   = errors.New("the request target does not begin with a slash")
	ErrTargetByte   = errors.New("the path holds a byte that does not belong in a URL")
	ErrTargetEscape = errors.New("the path holds a percent sign that begins no escape")
	ErrTargetNul    = errors.New("the path holds an escaped control character")
	ErrTargetSlash  = errors.New("the path holds an escaped slash or a backslash, which servers read differently")
	ErrTargetDots   = errors.New("the path holds a dot segment, which servers resolve differently")
)

// Normalize gives the one form of a path in which it is matched and passed on, so that the backend sees what was matched.
//
// Escapes of unreserved characters are decoded and the digits of all others put in upper case (RFC 3986 6.2.2); nothing else
// is changed, and in particular slashes are not merged. Refused, because a backend might read them as another path than was
// matched: dot segments, plain or escaped, also with a parameter ("..;x"); escaped control characters; bytes that RFC 3986 does
// not allow; and escaped slashes and backslashes, unless keepSlashes is set: then they are kept as they are, are never
// separators for a match, and only the segments between them must not be dots.
func Normalize(path string, keepSlashes bool) (string, error) {
	if path == "" || path[0] != '/' {
		return "", ErrTargetForm
	}
	plain := true
	for i := range len(path) {
		switch c := path[i]; {
		case c <= ' ' || c >= 0x7f || c == '#' || c == '?':
			return "", ErrTargetByte
		case c == '%' || c == '\\':
			plain = false
		}
	}
	if !plain {
		var err error
		if path, err = decodeUnreserved(path, keepSlashes); err != nil {
			return "", err
		}
	}
	if strings.Contains(path, "/.") || !plain {
		if hasDots(path) {
			return "", ErrTargetDots
		}
	}
	return path, nil
}

func decodeUnreserved(path string, keepSlashes bool) (string, error) {
	var b strings.Builder
	b.Grow(len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '\\' {
			return "", ErrTargetSlash
		}
		if c != '%' {
			b.WriteByte(c)
			continue
		}
		if i+2 >= len(path) || unhex(path[i+1]) < 0 || unhex(path[i+2]) < 0 {
			return "", ErrTargetEscape
		}
		d := byte(unhex(path[i+1])<<4 | unhex(path[i+2]))
		i += 2
		switch {
		case d < ' ' || d == 0x7f:
			return "", ErrTargetNul
		case (d == '/' || d == '\\') && !keepSlashes:
			return "", ErrTargetSlash
		case unreserved(d):
			b.WriteByte(d)
		default:
			const digits = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(digits[d>>4])
			b.WriteByte(digits[d&15])
		}
	}
	return b.String(), nil
}

// hasDots says whether any segment, with escaped slashes and backslashes taken as separators too, is "." or "..", with or
// without a parameter.
func hasDots(path string) bool {
	for path != "" {
		segment := path
		end, skip := len(path), 0
		for i := range len(path) {
			if n := separator(path[i:]); n > 0 {
				end, skip = i, n
				break
			}
		}
		segment, path = path[:end], path[end+skip:]
		if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
			return true
		}
	}
	return false
}

func separator(s string) int {
	if s[0] == '/' {
		return 1
	}
	if s[0] == '%' && len(s) >= 3 && (s[1:3] == "2F" || s[1:3] == "5C") {
		return 3
	}
	return 0
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
