package strict

import (
	"bytes"
	"strings"
)

// bodyLine collects one line of a chunked body: a size, the empty end of a chunk, or a trailer field.
func (f *Follower) bodyLine(dst, src []byte) ([]byte, int) {
	n := bytes.IndexByte(src, '\n') + 1
	whole := n > 0
	if !whole {
		n = len(src)
	}
	f.held = append(f.held, src[:n]...)
	limit := f.limits.ChunkLn
	if f.state == inTrailer {
		limit = f.limits.Head
	}
	if len(f.held) > limit {
		f.refuse(400, true, "a line of the chunked body has more than %d bytes", limit)
		return dst, n
	}
	if !whole {
		f.hopeless()
		return dst, n
	}
	line, ok := bytes.CutSuffix(f.held, []byte("\r\n"))
	if !ok {
		f.refuse(400, true, "a line of the chunked body ends with a bare line feed")
		return dst, n
	}
	held := f.held
	f.held = f.held[:0]
	if f.chunkLine(string(line)) {
		dst = append(dst, held...)
	}
	return dst, n
}

// hopeless refuses a line that is not whole and cannot become good, so that a client does not wait for an answer.
func (f *Follower) hopeless() {
	if f.state == inChunkEnd && f.held[0] != '\r' {
		f.refuse(400, true, "a chunk is longer than its size says")
	} else if cr := bytes.IndexByte(f.held, '\r'); cr >= 0 && cr < len(f.held)-1 {
		f.refuse(400, true, "a carriage return stands alone in the chunked body")
	}
}

// chunkLine judges a whole line and enters the next state.
func (f *Follower) chunkLine(line string) bool {
	switch f.state {
	case inChunkEnd:
		if line != "" {
			f.refuse(400, true, "a chunk is longer than its size says")
			return false
		}
		f.state = inChunkSize
	case inChunkSize:
		return f.chunkSize(line)
	default:
		return f.trailer(line)
	}
	return true
}

// chunkSize is 1*16HEXDIG, and extensions that are skipped.
func (f *Follower) chunkSize(line string) bool {
	digits, extensions, _ := strings.Cut(line, ";")
	size := uint64(0)
	for i := range len(digits) {
		d := hexDigit(digits[i])
		if d < 0 {
			f.refuse(400, true, "a chunk size is not a plain hexadecimal number")
			return false
		}
		size = size<<4 | uint64(d)
	}
	if digits == "" || len(digits) > 15 {
		f.refuse(400, true, "a chunk size is empty or has more than 15 digits")
		return false
	}
	for i := range len(extensions) {
		if c := extensions[i]; c < ' ' && c != '\t' || c >= 0x7f {
			f.refuse(400, true, "a chunk extension holds a control character")
			return false
		}
	}
	f.state, f.left = inChunkData, size
	if size == 0 {
		f.state = inTrailer
	}
	return true
}

// trailer is one field of the trailer section, or its end.
func (f *Follower) trailer(line string) bool {
	if line == "" {
		f.state = inHead
		return true
	}
	name, value, ok := strings.Cut(line, ":")
	switch {
	case !ok || !isToken(name):
		f.refuse(400, true, "a trailer field is malformed")
	case framingField[strings.ToLower(name)]:
		f.refuse(400, true, "the field %s does not belong in a trailer", name)
	case strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
		f.refuse(400, true, "a trailer field holds a control character")
	default:
		return true
	}
	return false
}

// framingField names the fields that a trailer must not bring (RFC 9110 6.5.1).
var framingField = map[string]bool{"content-length": true, "transfer-encoding": true, "host": true, "connection": true, "upgrade": true,
	"te": true, "trailer": true, "authorization": true, "content-type": true, "content-encoding": true, "content-range": true, "expect": true}
