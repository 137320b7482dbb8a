package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/test/lab"
)

// sightings tells when a hostname was first seen in a cluster's slices.
type sightings struct {
	mu    sync.Mutex
	first map[string]time.Time
	news  chan struct{} // closed and replaced whenever something is seen
}

func newSightings() *sightings {
	return &sightings{first: map[string]time.Time{}, news: make(chan struct{})}
}

// watch begins to watch the slices that the selector selects, and goes on until ctx ends.
func (s *sightings) watch(ctx context.Context, c *lab.Cluster, namespace, selector string) error {
	selected, err := labels.Parse(selector)
	if err != nil {
		return err
	}
	events, err := c.Watch(ctx, &discoveryv1.EndpointSliceList{}, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: selected})
	if err != nil {
		return fmt.Errorf("watch the slices of %s: %w", c.Name, err)
	}
	go func() {
		defer events.Stop()
		for e := range events.ResultChan() {
			if slice, ok := e.Object.(*discoveryv1.EndpointSlice); ok && len(slice.Endpoints) > 0 {
				s.saw(slice, time.Now())
			}
		}
	}()
	return nil
}

func (s *sightings) saw(slice *discoveryv1.EndpointSlice, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range slice.Endpoints {
		if e.Hostname != nil && s.first[*e.Hostname].IsZero() {
			s.first[*e.Hostname] = at
		}
	}
	close(s.news)
	s.news = make(chan struct{})
}

// at waits until a hostname was seen.
func (s *sightings) at(ctx context.Context, hostname string, within time.Duration) (time.Time, bool) {
	timeout := time.After(within)
	for {
		s.mu.Lock()
		at, news := s.first[hostname], s.news
		s.mu.Unlock()
		if !at.IsZero() {
			return at, true
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
