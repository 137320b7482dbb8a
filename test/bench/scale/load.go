package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/test/lab"
)

func namespace(n int) string { return fmt.Sprintf("team-%d", n) }

// fill makes the namespaces in both clusters, and the services in the one that exports.
func (b *bench) fill(ctx context.Context) error {
	began := time.Now()
	for n := range b.namespaces {
		for _, c := range []*lab.Bare{b.from, b.to} {
			if err := c.Create(ctx, lab.Namespace(namespace(n))); err != nil {
				return fmt.Errorf("create a namespace in %s: %w", c.Name, err)
			}
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range b.services {
		group.Go(func() error { return b.export(ctx, i) })
	}
	err := group.Wait()
	fmt.Printf("filled   in %s\n", time.Since(began).Round(time.Second))
	return err
}

func (b *bench) export(ctx context.Context, i int) error {
	ns, name := namespace(i%b.namespaces), fmt.Sprintf("service-%d", i)
	var addresses []string
	for e := range b.endpoints {
		addresses = append(addresses, fmt.Sprintf("10.%d.%d.%d", 64+i>>14, i>>6&255, i&63<<2+e))
	}
	for _, obj := range []client.Object{lab.Service(ns, name), lab.Slice(ns, name, name+"-abcde", addresses...), lab.Export(ns, name)} {
		if err := b.from.Create(ctx, obj); err != nil {
			return fmt.Errorf("create %s/%s: %w", ns, name, err)
		}
	}
	return nil
}
