package agent

import (
	"context"
	"sync"
)

// leading says whether this replica is the one that writes.
type leading struct {
	begun chan struct{} // has an element when a term has begun

	mu     sync.Mutex
	term   context.Context // ends with the term; nil: this replica does not lead
	cancel context.CancelFunc
}

func newLeading() *leading { return &leading{begun: make(chan struct{}, 1)} }

// lead begins a term, unless one lasts.
func (l *leading) lead() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term == nil {
		l.term, l.cancel = context.WithCancel(context.Background())
		signal(l.begun)
	}
}

// follow ends the term, if one lasts.
func (l *leading) follow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term != nil {
		l.cancel()
		l.term = nil
	}
}

// await waits for a term, and returns what ends with it or with ctx; false: ctx has ended.
func (l *leading) await(ctx context.Context) (context.Context, bool) {
	for {
		select {
		case <-ctx.Done():
			return nil, false
		case <-l.begun:
		}
		l.mu.Lock()
		term := l.term
		l.mu.Unlock()
		if term == nil {
			continue
		}
		both, cancel := context.WithCancel(term)
		context.AfterFunc(ctx, cancel)
		return both, true
	}
}
