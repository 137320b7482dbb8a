package upstream

import (
	"context"
	"time"

	"fairlead.dev/fairlead/match"
)

// Outcome is how a try went, as far as it tells of the host.
type Outcome uint8

// The outcomes. What a client did wrong, or gave up, is no outcome of the host's.
const (
	Answered     Outcome = iota // below 500
	ServerError                 // 5xx that is the application's own word
	GatewayError                // 502, 503 or 504 in an answer
	LocalFailure                // refused, reset, or no answer in time
)

// OutcomeOf is the outcome of an answer.
func OutcomeOf(code int) Outcome {
	switch {
	case code < 500:
		return Answered
	case code >= 502 && code <= 504:
		return GatewayError
	}
	return ServerError
}

// Report notes how a try went and ejects the host when it failed too often in a row.
func (c *Cluster) Report(h *Host, o Outcome) {
	if o == Answered {
		// The common case must not write to what other cores read.
		reset(&h.local)
		reset(&h.gateway)
		reset(&h.server)
		return
	}
	if o == LocalFailure {
		c.Counts.LocalFailures.Add(1)
	}
	s := c.Snapshot()
	if s == nil {
		return
	}
	if h.count(o, s.Spec.Outlier) {
		c.registry.eject(c, h, s.Spec.Outlier)
	}
}

func reset(n interface {
	Load() int32
	Store(int32)
}) {
	if n.Load() != 0 {
		n.Store(0)
	}
}

// count counts an outcome and says whether a limit is reached.
func (h *Host) count(o Outcome, limits match.Outlier) bool {
	reached := false
	reach := func(n int32, limit int) { reached = reached || limit > 0 && int(n) >= limit }
	reach(h.server.Add(1), limits.ServerErrors)
	if o == ServerError {
		reset(&h.gateway)
		reset(&h.local)
		return reached
	}
	reach(h.gateway.Add(1), limits.GatewayErrors)
	if o == GatewayError {
		reset(&h.local)
		return reached
	}
	reach(h.local.Add(1), limits.LocalFailures)
	return reached
}

// eject puts a host aside, unless too many of the cluster's are already; one always may be.
func (r *Registry) eject(c *Cluster, h *Host, limits match.Outlier) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h.ejected.Load() || r.closed || len(h.clusters) == 0 {
		return
	}
	out := 1
	for _, other := range c.hosts {
		if other.ejected.Load() {
			out++
		}
	}
	if out > 1 && 100*out > limits.MaxPercent*len(c.hosts) {
		return
	}
	e := &h.ejection
	if time.Since(e.returned) > 2*e.last {
		e.count = 0
	}
	e.count++
	e.last = min(time.Duration(e.count)*limits.BaseEjection, limits.MaxEjection)
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	h.ejected.Store(true)
	r.changed(h)
	r.log.Info("host ejected", "host", h.Addr.String(), "cluster", c.Name, "for", e.last)
	go r.readmit(ctx, h, e.last, limits.BaseEjection)
}

// readmit waits, then asks the host until it accepts a connection, and lets it come back.
func (r *Registry) readmit(ctx context.Context, h *Host, wait, again time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if r.connects(ctx, h.Addr.String(), time.Second) == nil {
			break
		}
		wait = again
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	h.ejection.returned = time.Now()
	h.ejection.cancel()
	h.ejection.cancel = nil
	h.local.Store(0)
	h.gateway.Store(0)
	h.server.Store(0)
	h.ejected.Store(false)
	r.changed(h)
	r.log.Info("host readmitted", "host", h.Addr.String())
}
