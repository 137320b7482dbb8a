package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/test/lab"
)

// churn changes slices of the whole fleet at random, and measures how long those that are imported take into the agent's cluster.
func (b *bench) churn(ctx context.Context, namespaces int, quiet cost) error {
	var (
		group sync.WaitGroup
		took  lab.Latencies
		seen  sync.WaitGroup
		lost  int
		mu    sync.Mutex
		sent  int
		fail  error
	)
	before, began := b.costs(), time.Now()
	jobs := make(chan int)
	for range 16 {
		group.Go(func() {
			for n := range jobs {
				s := &b.slices[rand.IntN(len(b.slices))]
				at, err := b.change(ctx, s, n)
				mu.Lock()
				sent++
				if err != nil {
					fail = err
				}
				mu.Unlock()
				if err != nil || s.namespace >= namespaces {
					continue
				}
				seen.Go(func() {
					if arrived, ok := b.watching.of(ctx, s.object.Namespace+"/"+s.name, n, 10*time.Second); ok {
						took.Add(arrived.Sub(at))
						return
					}
					mu.Lock()
					lost++
					mu.Unlock()
				})
			}
		})
	}
	tick := time.NewTicker(time.Second / time.Duration(b.rate))
	for time.Since(began) < b.last && ctx.Err() == nil {
		<-tick.C
		b.changes++
		jobs <- b.changes
	}
	tick.Stop()
	close(jobs)
	group.Wait()
	lasted := time.Since(began)
	after := b.costs()
	seen.Wait()
	fmt.Printf("churn    %d changes sent in %s (%.0f/s), %d of them imported here, %d not seen within 10 s\n",
		sent, lasted.Round(time.Second), float64(sent)/lasted.Seconds(), took.Len(), lost)
	fmt.Printf("request sent to the hub -> slice in the agent's cluster  %s\n", &took)
	wire := after.received - before.received - int64(quiet.perSecond()*lasted.Seconds())
	fmt.Printf("wire     %d bytes from the hub for each changed slice that is imported (an idle fleet: %.0f B/s)\n", wire/int64(max(took.Len(), 1)), quiet.perSecond())
	fmt.Printf("agent    %.1f %% of a core while slices change, %.1f %% while none does; memory %.1f MiB\n",
		100*(after.cpu-before.cpu).Seconds()/lasted.Seconds(), 100*quiet.cpu.Seconds()/quiet.lasted.Seconds(), float64(b.agent.Memory())/(1<<20))
	return fail
}

// change gives an endpoint a hostname that tells the number of the change, and returns when the request was sent.
func (b *bench) change(ctx context.Context, s *slice, n int) (time.Time, error) {
	changed := s.object.DeepCopy()
	changed.Endpoints[rand.IntN(len(changed.Endpoints))].Hostname = new(fmt.Sprintf("change-%d", n))
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"managedFields": []any{map[string]any{}}}, // as an agent does: none are kept
		"spec":     map[string]any{"packed": mcs.Pack(changed)},
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("encode a change: %w", err)
	}
	began := time.Now()
	if err := b.hub.Patch(ctx, s.record.DeepCopy(), client.RawPatch(types.MergePatchType, patch)); err != nil {
		return began, fmt.Errorf("change record %s: %w", s.record.Name, err)
	}
	return began, nil
}

// arrivals tells when the slices of the agent's cluster got a change.
type arrivals struct {
	mu     sync.Mutex
	newest map[string]arrival // by namespace/service
	slices map[string]struct{}
	news   chan struct{}
}

type arrival struct {
	change int
	at     time.Time
}

func newArrivals() *arrivals {
	return &arrivals{newest: map[string]arrival{}, slices: map[string]struct{}{}, news: make(chan struct{})}
}

func (a *arrivals) saw(service string, s *discoveryv1.EndpointSlice, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.slices[s.Namespace+"/"+s.Name] = struct{}{}
	for _, e := range s.Endpoints {
		if n := 0; e.Hostname != nil {
			if _, err := fmt.Sscanf(*e.Hostname, "change-%d", &n); err == nil && n > a.newest[service].change {
				a.newest[service] = arrival{n, at}
			}
		}
	}
	close(a.news)
	a.news = make(chan struct{})
}

// count is how many slices there are.
func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.slices)
}

// of waits for a change of a service, or for a later one that overtook it.
func (a *arrivals) of(ctx context.Context, service string, change int, within time.Duration) (time.Time, bool) {
	timeout := time.After(within)
	for {
		a.mu.Lock()
		newest, news := a.newest[service], a.news
		a.mu.Unlock()
		if newest.change >= change {
			return newest.at, true
		}
		select {
		case <-news:
		case <-timeout:
			return time.Time{}, false
		case <-ctx.Done():
			return time.Time{}, false
		}
	}
}
