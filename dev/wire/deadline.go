package wire

import (
	"sync"
	"time"
)

// deadline is a moment that can be moved, and a channel that tells of it.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	at    time.Time
	past  chan struct{} // closed when the moment has come or was moved
}

func newDeadline() deadline { return deadline{past: make(chan struct{})} }

// set moves the deadline; the zero time is never. Who waits is woken to look again.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	close(d.past)
	past := make(chan struct{})
	d.past = past
	if t.IsZero() {
		return
	}
	d.timer = time.AfterFunc(time.Until(t), func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.past == past { // else it was moved
			close(d.past)
			d.past = make(chan struct{})
		}
	})
}

// wait returns a channel that is closed when the deadline comes or is moved; closed already where it is over.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.at.IsZero() && !time.Now().Before(d.at) {
		done := make(chan struct{})
		close(done)
		return done
	}
	return d.past
}

// over says whether the deadline has come.
func (d *deadline) over() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.at.IsZero() && !time.Now().Before(d.at)
}
