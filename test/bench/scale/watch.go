package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/test/lab"
)

// arrivals counts the services that are complete in a cluster: with a clusterset IP and an EndpointSlice.
type arrivals struct {
	mu      sync.Mutex
	imports map[string]bool // those with an IP
	slices  map[string]bool
}

// watchImports begins to watch the ServiceImports and the imported slices of a cluster.
func watchImports(ctx context.Context, c *lab.Bare) *arrivals {
	a := &arrivals{imports: map[string]bool{}, slices: map[string]bool{}}
	go a.follow(ctx, c, &mcsv1beta1.ServiceImportList{})
	go a.follow(ctx, c, &discoveryv1.EndpointSliceList{}, client.HasLabels{mcsv1beta1.LabelServiceName})
	return a
}

func (a *arrivals) follow(ctx context.Context, c *lab.Bare, list client.ObjectList, scope ...client.ListOption) {
	for ctx.Err() == nil {
		events, err := c.Watch(ctx, list, scope...)
		if err != nil {
			time.Sleep(time.Second)
			continue
		}
		for e := range events.ResultChan() {
			a.saw(e)
		}
		events.Stop()
	}
}

func (a *arrivals) saw(e watch.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	there := e.Type != watch.Deleted
	switch obj := e.Object.(type) {
	case *mcsv1beta1.ServiceImport:
		set(a.imports, obj.Namespace+"/"+obj.Name, there && len(obj.Spec.IPs) > 0)
	case *discoveryv1.EndpointSlice:
		set(a.slices, obj.Namespace+"/"+obj.Name, there && len(obj.Endpoints) > 0)
	}
}

func set(m map[string]bool, key string, there bool) {
	if there {
		m[key] = true
	} else {
		delete(m, key)
	}
}

// reach waits until exactly so many are complete.
func (a *arrivals) reach(ctx context.Context, n int, within time.Duration) error {
	_, err := lab.Until(ctx, within, fmt.Sprintf("%d services are imported", n), func(context.Context) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.imports) != n || len(a.slices) != n {
			return fmt.Errorf("%d imports have an IP, and there are %d slices", len(a.imports), len(a.slices))
		}
		return nil
	})
	return err
}
