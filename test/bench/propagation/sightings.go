package main

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/test/lab"
)

// sightings tells when a change was first seen in a cluster's slices. The changes of one service come in the order of their numbers.
type sightings struct {
	mu     sync.Mutex
	first  map[int]time.Time
	newest map[string]int // by service
	news   chan struct{}  // closed and replaced whenever something is seen
}

func newSightings() *sightings {
	return &sightings{first: map[int]time.Time{}, newest: map[string]int{}, news: make(chan struct{})}
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
	service := cmp.Or(slice.Labels[mcsv1beta1.LabelServiceName], slice.Labels[discoveryv1.LabelServiceName])
	n := numberOf(slice)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > s.newest[service] {
		s.first[n], s.newest[service] = at, n
	}
	close(s.news)
	s.news = make(chan struct{})
}

// at waits until a change of a service was seen, or a later one. The time is zero where a later one overtook it.
func (s *sightings) at(ctx context.Context, service string, n int, within time.Duration) (at time.Time, seen bool) {
	timeout := time.After(within)
	for {
		s.mu.Lock()
		at, newest, news := s.first[n], s.newest[service], s.news
		s.mu.Unlock()
		if newest >= n {
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
