package upstream_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"fairlead.dev/fairlead/proxy/upstream"
)

// TestBodyIsTheSameEachTime: as long as a body says that it can be sent again, each reader sees all of it from the beginning.
func TestBodyIsTheSameEachTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{0, 1, 100, 4096, upstream.ReplayLimit, upstream.ReplayLimit + 1}).Draw(t, "size")
		content := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		memory := &upstream.Memory{Most: int64(rapid.SampledFrom([]int{0, 50, 1 << 20}).Draw(t, "memory"))}
		b := upstream.NewBody(bytes.NewReader(content), memory)
		for range rapid.IntRange(1, 4).Draw(t, "tries") {
			if !b.Replayable() {
				break
			}
			stop := rapid.IntRange(0, size).Draw(t, "stop")
			got := make([]byte, stop)
			if _, err := io.ReadFull(b.Reader(), got); err != nil || !bytes.Equal(got, content[:stop]) {
				t.Fatalf("%v", err)
			}
		}
		if b.Replayable() {
			if got, err := io.ReadAll(b.Reader()); err != nil || !bytes.Equal(got, content) {
				t.Fatalf("%d bytes of %d, %v", len(got), size, err)
			}
		}
		if memory.Used() > memory.Most || memory.Used() > upstream.ReplayLimit {
			t.Fatalf("%d bytes kept", memory.Used())
		}
		b.Close()
		if memory.Used() != 0 {
			t.Fatalf("%d bytes still kept", memory.Used())
		}
	})
}

func TestOldReadersStop(t *testing.T) {
	b := upstream.NewBody(strings.NewReader("abc"), &upstream.Memory{Most: 100})
	old := b.Reader()
	next := b.Reader()
	if _, err := old.Read(make([]byte, 1)); !errors.Is(err, upstream.ErrStale) {
		t.Error(err)
	}
	if got, _ := io.ReadAll(next); string(got) != "abc" {
		t.Errorf("%q", got)
	}
	b.Close()
	if _, err := next.Read(make([]byte, 1)); !errors.Is(err, upstream.ErrStale) {
		t.Error(err)
	}
}

// TestNothingWaitsForTheClient: while one reader waits for the client, all else goes on.
func TestNothingWaitsForTheClient(t *testing.T) {
	memory := &upstream.Memory{Most: 100}
	r, w := io.Pipe()
	entered := make(chan struct{})
	b := upstream.NewBody(io.MultiReader(notify(entered), r), memory)
	first := b.Reader()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = first.Read(make([]byte, 10))
	}()
	<-entered
	if !b.Replayable() || b.Err() != nil {
		t.Error("a body that was not read yet")
	}
	b.Reader()
	b.Close()
	_, _ = w.Write([]byte("late"))
	<-done
	if memory.Used() != 0 {
		t.Errorf("%d bytes kept by a closed body", memory.Used())
	}
}

func TestClientsErrorIsTold(t *testing.T) {
	broken := errors.New("gone")
	b := upstream.NewBody(iotest.ErrReader(broken), &upstream.Memory{Most: 100})
	_, _ = io.ReadAll(b.Reader())
	if !errors.Is(b.Err(), broken) {
		t.Error(b.Err())
	}
}

// notify is an empty reader that closes its channel when it is read.
type notify chan struct{}

// Read implements io.Reader.
func (n notify) Read([]byte) (int, error) {
	close(n)
	return 0, io.EOF
}
