package dev

import (
	"reflect"
	"sync"

	"fairlead.dev/fairlead/folder"
	"fairlead.dev/fairlead/picture"
)

// source turns the state of one cluster's folder and pods into changes of facts. It is safe for concurrent use, and tells changes in
// their order.
type source struct {
	pods func() []folder.Pod
	tell func([]picture.Change)

	mu       sync.Mutex
	cluster  *folder.Cluster
	problems []folder.Problem
	told     map[picture.Key]picture.Fact
}

// read takes a new state of the folder, which is told with the next look.
func (s *source) read(c *folder.Cluster, problems []folder.Problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cluster, s.problems = c, problems
}

// look takes the state of the pods and tells what has changed.
func (s *source) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cluster != nil {
		s.update()
	}
}

// update tells what is not as it was told last. The caller holds the lock.
func (s *source) update() {
	now := map[picture.Key]picture.Fact{}
	for _, f := range s.cluster.Facts(s.pods()) {
		now[picture.KeyOf(f)] = f
	}
	for _, p := range s.problems {
		c := p.Complaint()
		now[picture.KeyOf(c)] = c
	}
	var changes []picture.Change
	for k := range s.told {
		if _, still := now[k]; !still {
			changes = append(changes, picture.Change{Key: k})
		}
	}
	for k, f := range now {
		if old, was := s.told[k]; was && reflect.DeepEqual(old, f) {
			now[k] = old
			continue
		}
		changes = append(changes, picture.Change{Key: k, Fact: f})
	}
	first := s.told == nil
	s.told = now
	if len(changes) > 0 || first {
		s.tell(changes)
	}
}
