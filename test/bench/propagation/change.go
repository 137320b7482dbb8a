package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/test/lab"
)

// endpoints is how many each service has.
const endpoints = 10

// change makes services, and changes one endpoint of one after another. Each service has a writer of its own, which waits for its answers.
func (b *bench) change(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	if b.addresses, err = b.from.Spare(ctx, endpoints); err != nil {
		return err
	}
	src, dst := newSightings(), newSightings()
	if err := src.watch(ctx, b.from, b.namespace, discoveryv1.LabelManagedBy+"=fairlead.dev-test"); err != nil {
		return err
	}
	if err := dst.watch(ctx, b.to, b.namespace, mcsv1beta1.LabelServiceName); err != nil {
		return err
	}
	for i := range b.services {
		for _, obj := range []client.Object{lab.Service(b.namespace, name(i)), b.slice(i, i+1), lab.Export(b.namespace, name(i))} {
			if err := b.from.Create(ctx, obj); err != nil {
				return fmt.Errorf("create %s in %s: %w", name(i), b.from.Name, err)
			}
		}
	}
	for i := range b.services {
		if _, ok := dst.at(ctx, name(i), i+1, time.Minute); !ok {
			return fmt.Errorf("%s has not come to %s within a minute", name(i), b.to.Name)
		}
	}
	time.Sleep(2 * time.Second)
	began := time.Now()
	var writers sync.WaitGroup
	for i := range b.services {
		writers.Go(func() { b.write(ctx, i, src, dst) })
	}
	writers.Wait()
	b.lasted = time.Since(began)
	b.waiting.Wait()
	return ctx.Err()
}

// write changes one service's slice at its share of the rate.
func (b *bench) write(ctx context.Context, service int, src, dst *sightings) {
	every := time.Duration(b.services) * time.Second / time.Duration(b.rate)
	time.Sleep(every * time.Duration(service) / time.Duration(b.services)) // they take turns
	tick := time.NewTicker(every)
	defer tick.Stop()
	for k := 1; k <= int(b.last/every) && ctx.Err() == nil; k++ {
		n := (k+1)*b.services + service
		began := time.Now()
		if err := b.from.Update(ctx, b.slice(service, n)); err != nil {
			fmt.Printf("change %d: %v\n", n, err)
			continue
		}
		b.changes.Add(1)
		b.waiting.Go(func() { b.await(ctx, service, n, began, src, dst) })
		<-tick.C
	}
}

// await waits for a change on both sides.
func (b *bench) await(ctx context.Context, service, n int, began time.Time, src, dst *sightings) {
	there, ok := dst.at(ctx, name(service), n, 20*time.Second)
	here, _ := src.at(ctx, name(service), n, time.Second)
	switch {
	case !ok:
		b.lost.Add(1)
	case there.IsZero() || here.IsZero():
		b.overtaken.Add(1)
	default:
		b.sent.Add(here.Sub(began))
		b.seen.Add(there.Sub(began))
		b.both.Add(there.Sub(here))
	}
}

func name(service int) string { return fmt.Sprintf("cart-%d", service) }

// slice is a service's slice as the n-th change makes it: an endpoint's hostname tells the number.
func (b *bench) slice(service, n int) *discoveryv1.EndpointSlice {
	s := lab.Slice(b.namespace, name(service), name(service)+"-1", b.addresses...)
	s.Endpoints[0].Hostname = new(fmt.Sprintf("change-%d", n))
	return s
}

// numberOf returns the number of the change that made a slice what it is.
func numberOf(s *discoveryv1.EndpointSlice) (n int) {
	for _, e := range s.Endpoints {
		if e.Hostname != nil {
			_, _ = fmt.Sscanf(*e.Hostname, "change-%d", &n)
		}
	}
	return n
}
