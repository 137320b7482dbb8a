package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	discoveryv1 "k8s.io/api/discovery/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/test/lab"
)

// slice is one exported EndpointSlice of the fleet.
type slice struct {
	member    *lab.Mock
	namespace int // its number
	name      string
	object    *discoveryv1.EndpointSlice
	record    *v1alpha1.EndpointRecord // the key of its record; no content
}

func namespace(n int) string { return fmt.Sprintf("team-%d", n) }

// imported is how many services the agent's cluster imports that has so many namespaces.
func (b *bench) imported(namespaces int) (n int) {
	for _, s := range b.slices {
		if s.namespace < namespaces {
			n++
		}
	}
	return n
}

// populate lets all members join and export. Services are dealt to the namespaces in turn.
func (b *bench) populate(ctx context.Context) error {
	began := time.Now()
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for m := range b.members {
		group.Go(func() error {
			member := &lab.Mock{Cluster: fmt.Sprintf("member-%d", m), Hub: b.hub.Cluster}
			exported, err := b.export(ctx, member, m)
			mu.Lock()
			defer mu.Unlock()
			b.fleet = append(b.fleet, member)
			b.slices = append(b.slices, exported...)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Printf("hub      filled in %s\n", time.Since(began).Round(time.Second))
	return nil
}

func (b *bench) export(ctx context.Context, member *lab.Mock, m int) ([]slice, error) {
	if err := member.Join(ctx); err != nil {
		return nil, err
	}
	var exported []slice
	for i := range b.services {
		number := m*b.services + i
		ns, name := number%b.namespaces, fmt.Sprintf("service-%d", number)
		var addresses []string
		for e := range b.endpoints {
			addresses = append(addresses, fmt.Sprintf("10.%d.%d.%d", 64+m/4, m%4*64+i/4, i%4*64+e+1))
		}
		object := lab.Slice(namespace(ns), name, name+"-abcde", addresses...)
		records := member.Records(lab.Service(namespace(ns), name), time.Now(), object)
		if err := member.Write(ctx, records...); err != nil {
			return nil, err
		}
		record := &v1alpha1.EndpointRecord{}
		record.Namespace, record.Name = records[1].GetNamespace(), records[1].GetName()
		exported = append(exported, slice{member, ns, name, object, record})
	}
	if err := member.Mark(ctx, func(*v1alpha1.Marker) {}); err != nil {
		return nil, err
	}
	return exported, member.Beat(ctx)
}

// beat renews the Lease of each member every 15 s, until ctx ends.
func (b *bench) beat(ctx context.Context) {
	every := 15 * time.Second / time.Duration(len(b.fleet))
	for i := 0; ctx.Err() == nil; i++ {
		_ = b.fleet[i%len(b.fleet)].Beat(ctx)
		time.Sleep(every)
	}
}
