package upstream

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// ReplayLimit is how much of one body is kept to be sent again.
const ReplayLimit = 64 << 10

// Memory bounds what all bodies together keep.
type Memory struct {
	Most int64
	used atomic.Int64
}

func (m *Memory) take(n int64) bool {
	if m.used.Add(n) > m.Most {
		m.used.Add(-n)
		return false
	}
	return true
}

// Used is what is kept now, in bytes.
func (m *Memory) Used() int64 { return m.used.Load() }

// ErrStale is what a reader of an older try gets.
var ErrStale = errors.New("another try reads this body now")

// Body is a request's body that can be sent more than once, as long as what was read of it was kept: up to ReplayLimit, and as far as
// Memory has room. Each try reads through a reader of its own; the newest one counts, all older ones get ErrStale.
//
// A read may wait for the client for long; nothing but another read ever waits for it.
type Body struct {
	source io.Reader
	memory *Memory
	lost   atomic.Bool           // more was read than kept
	failed atomic.Pointer[error] // what the source ended with
	newest atomic.Pointer[bodyReader]
	closed atomic.Bool

	mu    sync.Mutex // held while the source is read
	kept  []byte
	taken int64
}

// NewBody returns a body. Close gives back its memory.
func NewBody(source io.Reader, m *Memory) *Body { return &Body{source: source, memory: m} }

// Replayable says whether a new reader would see the body from its beginning.
func (b *Body) Replayable() bool { return !b.lost.Load() }

// Err is the error of the source, if it had one: the client's fault, not the host's. The end of the body is none.
func (b *Body) Err() error {
	if err := b.failed.Load(); err != nil && !errors.Is(*err, io.EOF) {
		return *err
	}
	return nil
}

// Close gives back the memory. Readers get ErrStale.
func (b *Body) Close() {
	b.newest.Store(nil)
	b.closed.Store(true)
	b.dropClosed()
}

// dropClosed gives the memory back, unless a read is under way: it does so itself when it ends.
func (b *Body) dropClosed() {
	if b.closed.Load() && b.mu.TryLock() {
		b.drop()
		b.mu.Unlock()
	}
}

func (b *Body) drop() {
	b.memory.used.Add(-b.taken)
	b.kept, b.taken = nil, 0
	b.lost.Store(true)
}

// Reader returns a reader from the beginning. Closing it does nothing to the source.
func (b *Body) Reader() io.ReadCloser {
	r := &bodyReader{body: b}
	b.newest.Store(r)
	return r
}

type bodyReader struct {
	body *Body
	at   int
}

func (r *bodyReader) Close() error { return nil }

// Read reads what was kept, then the source. A read that waits for the client keeps the lock: a newer reader must see what it brings.
func (r *bodyReader) Read(p []byte) (int, error) {
	b := r.body
	b.mu.Lock()
	n, err := r.read(p)
	b.mu.Unlock()
	b.dropClosed()
	return n, err
}

func (r *bodyReader) read(p []byte) (int, error) {
	b := r.body
	if b.newest.Load() != r {
		return 0, ErrStale
	}
	if r.at < len(b.kept) {
		n := copy(p, b.kept[r.at:])
		r.at += n
		return n, nil
	}
	if err := b.failed.Load(); err != nil {
		return 0, *err
	}
	n, err := b.source.Read(p)
	b.keep(p[:n])
	r.at += n
	if err != nil {
		b.failed.Store(&err)
	}
	return n, err
}

func (b *Body) keep(p []byte) {
	if b.lost.Load() || len(p) == 0 {
		return
	}
	if len(b.kept)+len(p) > ReplayLimit || !b.memory.take(int64(len(p))) {
		b.drop()
		return
	}
	b.kept = append(b.kept, p...)
	b.taken += int64(len(p))
}
