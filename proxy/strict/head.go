package strict

import (
	"bytes"
	"strings"
)

// preface is how an HTTP/2 connection with prior knowledge begins (RFC 9113 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// head passes a head on as soon as it is whole and good; until then it is held back. What is wrong in a part is told at once.
func (f *Follower) head(dst, src []byte) ([]byte, int) {
	had := len(f.held)
	all := src
	if had > 0 {
		f.held = append(f.held, src...)
		all = f.held
	}
	if f.requests == 0 && isPreface(all) {
		return f.prior(dst, all, had), len(src)
	}
	if f.requests > 0 && !f.skipped && bytes.HasPrefix(all, []byte("\r\n")) {
		// RFC 9112 2.2: an empty line before a request line may be ignored. It is not passed on.
		f.skipped, f.held = true, nil
		return dst, 2 - had
	}
	// The end may straddle what was held and what came.
	from := max(0, had-3)
	end := bytes.Index(all[from:], []byte("\r\n\r\n"))
	if end < 0 {
		if had == 0 {
			f.held = append(f.held, src...)
		}
		f.partial(max(0, had-1))
		return dst, len(src)
	}
	end += from + 4
	f.skipped, f.held = false, nil
	if !f.whole(all[:end]) {
		return dst, len(src)
	}
	return append(dst, all[:end]...), end - had
}

// prior enters the tunnel once the preface of HTTP/2 is whole.
func (f *Follower) prior(dst, all []byte, had int) []byte {
	if len(all) < len(preface) {
		if had == 0 {
			f.held = append(f.held, all...)
		}
		return dst
	}
	f.state, f.held = tunnel, nil
	return append(dst, all...)
}

func isPreface(b []byte) bool {
	return len(b) > 0 && strings.HasPrefix(preface, string(b[:min(len(b), len(preface))]))
}

// partial refuses what is already wrong in a head that is not whole yet: line ends, and size.
func (f *Follower) partial(from int) {
	if len(f.held) > f.limits.Head {
		f.refuse(431, false, "the head has more than %d bytes", f.limits.Head)
		return
	}
	if bytes.IndexByte(f.held, '\n') < 0 && len(f.held) > f.limits.Line {
		f.refuse(414, false, "the request line has more than %d bytes", f.limits.Line)
		return
	}
	f.lineEnds(f.held, from, false)
}

// lineEnds refuses a line feed without a carriage return before it and a carriage return without a line feed after it.
func (f *Follower) lineEnds(b []byte, from int, whole bool) bool {
	for i := from; i < len(b); i++ {
		switch {
		case b[i] == '\n' && (i == 0 || b[i-1] != '\r'):
			f.refuse(400, false, "a line ends with a bare line feed")
			return false
		case b[i] == '\r' && (i+1 < len(b) && b[i+1] != '\n' || i+1 == len(b) && whole):
			f.refuse(400, false, "a carriage return stands alone")
			return false
		case b[i] == 0:
			f.refuse(400, false, "the head holds a NUL")
			return false
		}
	}
	return true
}

// message is what the fields of a head say of its framing.
type message struct {
	method, target string
	minor          byte
	hosts          int
	host           string
	length         uint64
	hasLength      bool
	codings        int
	upgrade        bool
	hasConnection  bool // Connection: upgrade
}

// whole judges a whole head and sets the state that follows; false: refused.
func (f *Follower) whole(h []byte) bool {
	if len(h) > f.limits.Head {
		f.refuse(431, false, "the head has more than %d bytes", f.limits.Head)
		return false
	}
	if !f.lineEnds(h, 0, true) {
		return false
	}
	lines := string(h[:len(h)-4])
	first, rest, _ := strings.Cut(lines, "\r\n")
	var m message
	if !f.requestLine(first, &m) {
		return false
	}
	for n := 0; rest != ""; n++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\r\n")
		if n >= f.limits.Fields {
			f.refuse(431, false, "the head has more than %d fields", f.limits.Fields)
			return false
		}
		if !f.field(line, &m) {
			return false
		}
	}
	return f.framing(&m)
}

// requestLine is method SP request-target SP HTTP-version, with exactly one space at each place.
func (f *Follower) requestLine(line string, m *message) bool {
	if len(line) > f.limits.Line {
		f.refuse(414, false, "the request line has more than %d bytes", f.limits.Line)
		return false
	}
	method, rest, ok1 := strings.Cut(line, " ")
	target, version, ok2 := strings.Cut(rest, " ")
	switch {
	case !ok1 || !ok2 || strings.Contains(version, " ") || target == "":
		f.refuse(400, false, "the request line is not a method, a target and a version with one space between")
	case !isToken(method):
		f.refuse(400, false, "the method is not a token")
	case strings.ContainsFunc(target, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' }):
		f.refuse(400, false, "the request target holds a byte that does not belong in a URL")
	case len(version) == 8 && strings.HasPrefix(version, "HTTP/") && isDigit(version[5]) && version[6] == '.' && isDigit(version[7]) &&
		version != "HTTP/1.1" && version != "HTTP/1.0":
		f.refuse(505, false, "the version is neither HTTP/1.1 nor HTTP/1.0")
	case version != "HTTP/1.1" && version != "HTTP/1.0":
		f.refuse(400, false, "the version is not HTTP/1.1 or HTTP/1.0")
	default:
		m.method, m.target, m.minor = method, target, version[7]
		return true
	}
	return false
}

// field is field-name ":" OWS field-value OWS.
func (f *Follower) field(line string, m *message) bool {
	if line == "" || line[0] == ' ' || line[0] == '\t' {
		f.refuse(400, false, "a field line is folded or begins with white space")
		return false
	}
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		f.refuse(400, false, "a field line has no colon")
		return false
	}
	if !isToken(name) {
		f.refuse(400, false, "a field name is not a token; no white space may stand before the colon")
		return false
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			f.refuse(400, false, "the field %s holds a control character", name)
			return false
		}
	}
	return f.known(strings.ToLower(name), strings.Trim(value, " \t"), m)
}

// known notes the fields that frame or address a message.
func (f *Follower) known(name, value string, m *message) bool {
	switch name {
	case "host":
		m.hosts++
		m.host = value
	case "content-length":
		if m.hasLength {
			f.refuse(400, false, "Content-Length is given twice")
			return false
		}
		n, ok := decimal(value)
		if !ok {
			f.refuse(400, false, "Content-Length is not a plain number")
			return false
		}
		m.length, m.hasLength = n, true
	case "transfer-encoding":
		if m.codings++; m.codings > 1 {
			f.refuse(400, false, "Transfer-Encoding is given twice")
			return false
		}
		if value == "" {
			f.refuse(400, false, "Transfer-Encoding is empty")
			return false
		}
		if !strings.EqualFold(value, "chunked") {
			f.refuse(501, false, "a Transfer-Encoding other than chunked")
			return false
		}
	case "upgrade":
		m.upgrade = true
	case "connection":
		for option := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.Trim(option, " \t"), "upgrade") {
				m.hasConnection = true
			}
		}
	}
	return true
}

// framing judges the head as one and says where its body ends.
func (f *Follower) framing(m *message) bool {
	switch {
	case m.codings > 0 && m.hasLength:
		f.refuse(400, false, "both Content-Length and Transfer-Encoding are given")
	case m.codings > 0 && m.minor == '0':
		f.refuse(400, false, "Transfer-Encoding in an HTTP/1.0 request")
	case m.hosts > 1:
		f.refuse(400, false, "Host is given twice")
	case m.hosts == 0:
		f.refuse(400, false, "Host is missing")
	case !validHost(m.host):
		f.refuse(400, false, "Host is not a host with an optional port")
	default:
		return f.target(m) && f.begin(m)
	}
	return false
}

// begin counts the request and enters its body.
func (f *Follower) begin(m *message) bool {
	f.requests++
	switch {
	case m.codings > 0:
		f.state = inChunkSize
	case m.length > 0:
		f.state, f.left = inLength, m.length
	case m.upgrade && m.hasConnection && m.minor == '1':
		f.state = waiting
	default:
		f.state = inHead
	}
	return true
}

// target judges the form of the request target (RFC 9112 3.2).
func (f *Follower) target(m *message) bool {
	switch {
	case m.method == "CONNECT":
		f.refuse(501, false, "CONNECT is not served here")
	case m.target[0] == '/':
		return true
	case m.target == "*":
		if m.method == "OPTIONS" {
			return true
		}
		f.refuse(400, false, "the target * is for OPTIONS alone")
	default:
		return f.absolute(m)
	}
	return false
}

// absolute accepts http://host/… and https://host/… where the host is that of the Host field.
func (f *Follower) absolute(m *message) bool {
	scheme, rest, ok := strings.Cut(m.target, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		f.refuse(400, false, "the request target is neither a path nor an http URL")
		return false
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if authority := rest[:end]; !strings.EqualFold(authority, m.host) || authority == "" {
		f.refuse(400, false, "the host of the request target is not that of the Host field")
		return false
	}
	return true
}
