package upstream

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
)

// Host is one upstream address.
type Host struct {
	Addr     netip.AddrPort
	registry *Registry

	// Guarded by the registry's lock.
	clusters map[*Cluster]fleet.TargetHealth // that have it, and what their sets say of it
	checking match.HealthCheck
	cancel   context.CancelFunc // of the checks; nil: none run
	ejection ejection

	lost    atomic.Bool // by the word of the control plane
	failing atomic.Bool // active checks fail
	ejected atomic.Bool
	active  atomic.Int64

	// In a row, by outcomes.
	local, gateway, server atomic.Int32

	mu    sync.Mutex
	tries map[*Try]struct{}
}

// Usable is the data plane's own opinion.
func (h *Host) Usable() bool { return !h.failing.Load() && !h.ejected.Load() }

// Why says in words why the host is not usable; empty where it is.
func (h *Host) Why() string {
	switch {
	case h.ejected.Load():
		return "ejected: it failed too often in a row"
	case h.failing.Load():
		return "its health checks fail"
	}
	return ""
}

// Active is the number of tries in flight.
func (h *Host) Active() int { return int(h.active.Load()) }

// setLost folds what the sets say and reports whether the host has become lost just now. The registry's lock is held.
func (h *Host) setLost() bool {
	lost := false
	for _, health := range h.clusters {
		lost = lost || health == fleet.LostTarget
	}
	return h.lost.Swap(lost) != lost && lost
}

// leave takes a cluster off the host; the last one takes the host away. The registry's lock is held.
func (h *Host) leave(c *Cluster) {
	delete(h.clusters, c)
	h.setLost()
	if len(h.clusters) == 0 {
		h.stop()
		delete(h.registry.hosts, h.Addr)
	}
}

// stop ends checks and probes. The registry's lock is held.
func (h *Host) stop() {
	if h.cancel != nil {
		h.cancel()
		h.cancel = nil
	}
	if h.ejection.cancel != nil {
		h.ejection.cancel()
		h.ejection.cancel = nil
	}
}

// Try is one try in flight.
type Try struct {
	host  *Host
	abort func()
	safe  func() bool
	ended bool
}

// Begin registers a try. abort is called, at most once and from another goroutine, when the host is found lost and safe says that the
// try may be given up and made elsewhere. End must follow.
func (h *Host) Begin(abort func(), safe func() bool) *Try {
	t := &Try{host: h, abort: abort, safe: safe}
	h.active.Add(1)
	h.mu.Lock()
	h.tries[t] = struct{}{}
	h.mu.Unlock()
	if h.lost.Load() {
		// It was picked before and became lost since; nobody else will abort it.
		h.abortOne(t)
	}
	return t
}

// End takes the try off its host. No abort is called after it.
func (t *Try) End() {
	t.host.mu.Lock()
	if !t.ended {
		t.ended = true
		t.host.active.Add(-1)
	}
	delete(t.host.tries, t)
	t.host.mu.Unlock()
}

// abort aborts all tries that are safe to make elsewhere and returns how many.
func (h *Host) abort() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for t := range h.tries {
		if t.safe() {
			delete(h.tries, t)
			t.abort()
			n++
		}
	}
	return n
}

func (h *Host) abortOne(t *Try) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.tries[t]; there && t.safe() {
		delete(h.tries, t)
		t.abort()
	}
}

// ejection is how often and since when a host is put aside.
type ejection struct {
	count    int
	returned time.Time // when it last came back
	last     time.Duration
	cancel   context.CancelFunc
}
