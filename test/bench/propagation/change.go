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

// change makes services, and changes one endpoint of one after another. Each change is known by a hostname.
func (b *bench) change(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	if b.addresses, err = b.from.Spare(ctx, endpoints); err != nil {
		return err
	}
	for i := range b.services {
		name := fmt.Sprintf("cart-%d", i)
		for _, obj := range []client.Object{lab.Service(b.namespace, name), b.slice(i, i), lab.Export(b.namespace, name)} {
			if err := b.from.Create(ctx, obj); err != nil {
				return fmt.Errorf("create %s in %s: %w", name, b.from.Name, err)
			}
		}
	}
	src, dst := newSightings(), newSightings()
	if err := src.watch(ctx, b.from, b.namespace, discoveryv1.LabelManagedBy+"=fairlead.dev-test"); err != nil {
		return err
	}
	if err := dst.watch(ctx, b.to, b.namespace, mcsv1beta1.LabelServiceName); err != nil {
		return err
	}
	for i := range b.services {
		if _, ok := dst.at(ctx, mark(i), time.Minute); !ok {
			return fmt.Errorf("cart-%d has not come to %s within a minute", i, b.to.Name)
		}
	}
	var group sync.WaitGroup
	defer group.Wait()
	tick := time.NewTicker(time.Second / time.Duration(b.rate))
	defer tick.Stop()
	for n := range int(b.last.Seconds() * float64(b.rate)) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		group.Go(func() { b.once(ctx, b.services+n, src, dst) })
	}
	group.Wait()
	return ctx.Err()
}

// once makes the n-th change and waits for it on the other side.
func (b *bench) once(ctx context.Context, n int, src, dst *sightings) {
	slice := b.slice(n%b.services, n)
	began := time.Now()
	if err := b.from.Update(ctx, slice); err != nil {
		fmt.Printf("change %d: %v\n", n, err)
		return
	}
	there, ok := dst.at(ctx, mark(n), 10*time.Second)
	if !ok {
		fmt.Printf("change %d was not seen in %s within 10 s\n", n, b.to.Name)
		return
	}
	here, _ := src.at(ctx, mark(n), time.Second)
	b.sent.Add(here.Sub(began))
	b.seen.Add(there.Sub(began))
	b.both.Add(there.Sub(here))
}

// slice is a service's slice as the n-th change makes it.
func (b *bench) slice(service, n int) *discoveryv1.EndpointSlice {
	name := fmt.Sprintf("cart-%d", service)
	s := lab.Slice(b.namespace, name, name+"-1", b.addresses...)
	s.Endpoints[0].Hostname = new(mark(n))
	return s
}

// mark is the hostname that the n-th change gives an endpoint.
func mark(n int) string { return fmt.Sprintf("change-%d", n) }
