package main

import (
	"context"
	"fmt"
	"os"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/test/lab"
)

// vantage is the cluster whose agent is real.
const vantage = "vantage"

// start starts the control planes and lets the cluster of the agent join.
func (b *bench) start(ctx context.Context) (err error) {
	if b.hub, err = lab.StartBare(ctx, "bench-hub"); err != nil {
		return err
	}
	if b.own, err = lab.StartBare(ctx, vantage); err != nil {
		return err
	}
	return lab.JoinBare(ctx, b.hub, b.own)
}

// tidy takes everything away.
func (b *bench) tidy(ctx context.Context) {
	if b.agent != nil {
		b.agent.Stop()
	}
	for _, c := range []*lab.Bare{b.hub, b.own} {
		if c == nil {
			continue
		}
		if err := c.Stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "fleet:", err)
		}
	}
}

// follow starts the agent, and watches what it writes.
func (b *bench) follow(ctx context.Context) error {
	go b.beat(ctx)
	var err error
	if b.agent, err = b.own.StartAgent(); err != nil {
		return err
	}
	b.watching = newArrivals()
	events, err := b.own.Watch(ctx, &discoveryv1.EndpointSliceList{}, client.HasLabels{mcsv1beta1.LabelServiceName})
	if err != nil {
		return fmt.Errorf("watch the slices of %s: %w", vantage, err)
	}
	go func() {
		defer events.Stop()
		for e := range events.ResultChan() {
			if s, ok := e.Object.(*discoveryv1.EndpointSlice); ok {
				b.watching.saw(s.Namespace+"/"+s.Labels[mcsv1beta1.LabelServiceName], s, time.Now())
			}
		}
	}()
	return nil
}

// complete waits until the agent has written all slices that so many namespaces import.
func (b *bench) complete(ctx context.Context, namespaces int, within time.Duration) error {
	want := b.imported(namespaces)
	_, err := lab.Until(ctx, within, fmt.Sprintf("%d slices are imported", want), func(context.Context) error {
		if got := b.watching.count(); got < want {
			return fmt.Errorf("%d are", got)
		}
		return nil
	})
	return err
}

// cost is what the agent has cost so far, or in a time.
type cost struct {
	received int64
	cpu      time.Duration
	lasted   time.Duration
}

func (c cost) perSecond() float64 { return float64(c.received) / c.lasted.Seconds() }

func (b *bench) costs() cost {
	return cost{received: b.agent.Received(b.hub.Address()), cpu: b.agent.CPU()}
}

// idle measures what the agent costs while no slice changes.
func (b *bench) idle(ctx context.Context, during time.Duration) cost {
	before, began := b.costs(), time.Now()
	select {
	case <-ctx.Done():
	case <-time.After(during):
	}
	after := b.costs()
	return cost{after.received - before.received, after.cpu - before.cpu, time.Since(began)}
}

// restart stops the agent, changes one slice of each namespace meanwhile, and measures how long the next agent takes until all is right.
func (b *bench) restart(ctx context.Context) error {
	b.agent.Stop()
	share := b.namespaces * b.many / 100
	changed := map[string]int{} // by service: the number of its change
	done := map[int]bool{}
	for i := range b.slices {
		s := &b.slices[i]
		if s.namespace >= share || done[s.namespace] {
			continue
		}
		done[s.namespace] = true
		b.changes++
		if _, err := b.change(ctx, s, b.changes); err != nil {
			return err
		}
		changed[s.object.Namespace+"/"+s.name] = b.changes
	}
	began := time.Now()
	var err error
	if b.agent, err = b.own.StartAgent(); err != nil {
		return err
	}
	for service, n := range changed {
		if _, ok := b.watching.of(ctx, service, n, 2*time.Minute); !ok {
			return fmt.Errorf("after its restart the agent has not written %s", service)
		}
	}
	fmt.Printf("restart  %d slices that changed meanwhile are right %s after the start of the process\n", len(changed), time.Since(began).Round(10*time.Millisecond))
	return nil
}
