package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Caller calls an address again and again from a node of a cluster, over a new connection each time, and remembers what came of it.
type Caller struct {
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu    sync.Mutex
	calls []Call
}

// Call is one call.
type Call struct {
	Began, Ended time.Time
	Cluster      string // that answered
	Err          error
}

// The pace of a Caller, and the time that it gives each call.
const (
	CallEvery  = 25 * time.Millisecond
	CallWithin = time.Second
)

// Calls begins to call.
func (c *Cluster) Calls(ctx context.Context, address string) *Caller {
	ctx, cancel := context.WithCancel(ctx)
	caller := &Caller{cancel: cancel}
	caller.group.Go(func() {
		tick := time.NewTicker(CallEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				caller.group.Go(func() { caller.call(ctx, c, address) })
			}
		}
	})
	return caller
}

func (r *Caller) call(ctx context.Context, from *Cluster, address string) {
	call := Call{Began: time.Now()}
	call.Cluster, call.Err = from.Ask(ctx, address, CallWithin)
	call.Ended = time.Now()
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	r.calls = append(r.calls, call)
	r.mu.Unlock()
}

// Ask makes one call over a new connection and returns the first word of the answer, which is the cluster that answered.
func (c *Cluster) Ask(ctx context.Context, address string, within time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return "", err
	}
	res, err := (&http.Transport{DialContext: c.Dial, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return "", fmt.Errorf("call %s from %s: %w", address, c.Name, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	cluster, _, _ := strings.Cut(string(body), " ")
	return cluster, err
}

// Stop ends the calls and returns all of them in the order in which they began.
func (r *Caller) Stop() Calls {
	r.cancel()
	r.group.Wait()
	slices.SortFunc(r.calls, func(a, b Call) int { return a.Began.Compare(b.Began) })
	return r.calls
}

// Calls are calls in the order in which they began.
type Calls []Call

// Failed returns those that brought no answer.
func (cs Calls) Failed() (failed Calls) {
	for _, c := range cs {
		if c.Err != nil {
			failed = append(failed, c)
		}
	}
	return failed
}

// After returns those that began after a moment.
func (cs Calls) After(at time.Time) Calls {
	i, _ := slices.BinarySearchFunc(cs, at, func(c Call, at time.Time) int { return c.Began.Compare(at) })
	return cs[i:]
}

// From counts those that each cluster answered.
func (cs Calls) From() map[string]int {
	counts := map[string]int{}
	for _, c := range cs {
		if c.Err == nil {
			counts[c.Cluster]++
		}
	}
	return counts
}

// String reads like "200 calls, 3 failed, answered by map[east:197], failing 2.1s to 2.2s (why)". The times count from the first call.
func (cs Calls) String() string {
	s := fmt.Sprintf("%d calls, %d failed, answered by %v", len(cs), len(cs.Failed()), cs.From())
	for i := 0; i < len(cs); i++ {
		if cs[i].Err == nil {
			continue
		}
		first := i
		for i+1 < len(cs) && cs[i+1].Err != nil {
			i++
		}
		at := func(c Call) time.Duration { return c.Began.Sub(cs[0].Began).Round(10 * time.Millisecond) }
		s += fmt.Sprintf(", failing %s to %s (%v)", at(cs[first]), at(cs[i]), cs[first].Err)
		if len(s) > 2000 {
			return s + " …"
		}
	}
	return s
}
