package agent

import (
	"sync"
	"time"

	"fairlead.dev/fairlead/picture"
)

// inbox gathers changed facts until the centre takes them. Of several changes of one fact the last counts, so it holds no more than
// there are facts.
type inbox struct {
	ready chan struct{} // has an element when there is something to take

	mu    sync.Mutex
	order []picture.Key
	facts map[picture.Key]picture.Fact
	since time.Time // when the first of them came
}

func newInbox() *inbox {
	return &inbox{ready: make(chan struct{}, 1), facts: map[picture.Key]picture.Fact{}}
}

// put adds changes, all of which are taken together.
func (b *inbox) put(changes []picture.Change) {
	if len(changes) == 0 {
		return
	}
	b.mu.Lock()
	if len(b.order) == 0 {
		b.since = time.Now()
	}
	for _, ch := range changes {
		if _, there := b.facts[ch.Key]; !there {
			b.order = append(b.order, ch.Key)
		}
		b.facts[ch.Key] = ch.Fact
	}
	b.mu.Unlock()
	signal(b.ready)
}

// take empties the inbox, and tells when the first of its changes came.
func (b *inbox) take() (changes []picture.Change, since time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	changes = make([]picture.Change, len(b.order))
	for i, k := range b.order {
		changes[i] = picture.Change{Key: k, Fact: b.facts[k]}
	}
	b.order = nil
	clear(b.facts)
	return changes, b.since
}

// signal makes a channel of capacity one ready.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
