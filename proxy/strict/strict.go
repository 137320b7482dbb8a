// Package strict reads along with an HTTP/1.1 connection and says how far its bytes may be passed on.
//
// Two servers in a row that read one message differently are what request smuggling lives on (RFC 9112 11.2). A Follower reads only
// what RFC 9112 says, in its strictest sense, and refuses what some reader somewhere takes otherwise: bare line feeds, folded lines,
// white space before a colon, two framing fields, repeated or missing Host, chunk sizes with anything but hex digits, and so on; the
// tests hold the list.
//
// A Follower is pure: bytes in, bytes out, no I/O, no clock. It holds a head back until it has seen all of it, so that nobody sees any
// byte of a head that is refused. Start with Push.
package strict

import "fmt"

// Violation is why a connection is refused. Nothing may follow it.
type Violation struct {
	// Code is the status to answer with: 400, 414, 431, 501 or 505.
	Code   int
	Reason string
	// Request counts the requests of the connection, from 1: the one that is wrong.
	Request int
	// InBody says that the head of that request was passed on before its body went wrong.
	InBody bool
}

// Error returns the reason.
func (v *Violation) Error() string { return fmt.Sprintf("request %d: %s", v.Request, v.Reason) }

// Limits bound what is held back.
type Limits struct {
	Head    int // bytes of a request line with all its fields, and of a trailer section
	Line    int // bytes of a request line
	Fields  int // number of fields
	ChunkLn int // bytes of a chunk's size line
}

// DefaultLimits are 64 KiB of head, 16 KiB of request line, 256 fields, 1 KiB of a chunk's size line.
func DefaultLimits() Limits {
	return Limits{Head: 64 << 10, Line: 16 << 10, Fields: 256, ChunkLn: 1 << 10}
}

type state uint8

const (
	inHead state = iota
	inLength
	inChunkSize
	inChunkData
	inChunkEnd
	inTrailer
	waiting // for the answer to an upgrade: Resume or Tunnel
	tunnel
	refused
)

// Follower follows one connection. Create it with New; it is for one goroutine at a time.
type Follower struct {
	limits   Limits
	state    state
	held     []byte // the beginning of a head, a line, or what came while waiting
	left     uint64 // bytes of body or chunk
	requests int
	skipped  bool // an empty line before this head was ignored
	wrong    *Violation
}

// New returns a Follower at the start of a connection.
func New(l Limits) *Follower { return &Follower{limits: l} }

// Push takes the next bytes and appends to dst all that may be passed on by now, in order. After a violation nothing is passed on
// any more, and each Push returns the same violation.
func (f *Follower) Push(dst, src []byte) ([]byte, *Violation) {
	for len(src) > 0 && f.state != refused {
		var n int
		dst, n = f.step(dst, src)
		src = src[n:]
	}
	return dst, f.wrong
}

// step consumes at least one byte of src.
func (f *Follower) step(dst, src []byte) ([]byte, int) {
	switch f.state {
	case inHead:
		return f.head(dst, src)
	case inLength, inChunkData:
		n := int(min(uint64(len(src)), f.left))
		if f.left -= uint64(n); f.left == 0 && f.state == inLength {
			f.state = inHead
		} else if f.left == 0 {
			f.state = inChunkEnd
		}
		return append(dst, src[:n]...), n
	case inChunkSize, inChunkEnd, inTrailer:
		return f.bodyLine(dst, src)
	case waiting:
		if f.held = append(f.held, src...); len(f.held) > f.limits.Head {
			f.refuse(400, true, "too much was sent before the answer to an upgrade")
		}
		return dst, len(src)
	default:
		return append(dst, src...), len(src)
	}
}

// Requests is how many heads have been seen whole and good.
func (f *Follower) Requests() int { return f.requests }

// Waiting says that the last request asks for an upgrade: nothing is passed on until Resume or Tunnel.
func (f *Follower) Waiting() bool { return f.state == waiting }

// Resume says that no upgrade took place, and passes on what was held back meanwhile.
func (f *Follower) Resume(dst []byte) ([]byte, *Violation) {
	if f.state != waiting {
		return dst, f.wrong
	}
	held := f.held
	f.held, f.state = nil, inHead
	return f.Push(dst, held)
}

// Tunnel says that the connection speaks another protocol from here on: all is passed on, beginning with what was held back.
func (f *Follower) Tunnel(dst []byte) []byte {
	if f.state == refused {
		return dst
	}
	f.state = tunnel
	dst = append(dst, f.held...)
	f.held = nil
	return dst
}

func (f *Follower) refuse(code int, inBody bool, format string, args ...any) {
	request := f.requests
	if !inBody {
		request++
	}
	f.state, f.held = refused, nil
	f.wrong = &Violation{Code: code, Reason: fmt.Sprintf(format, args...), Request: request, InBody: inBody}
}
