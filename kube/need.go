package kube

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// need is for how many objects the picture must know a Service, and which of its slices were told.
type need struct {
	objects int
	slices  map[string]struct{}
}

// file tells a Service or a slice of it if it is needed, and shelves it otherwise.
func (s *Source) file(service fleet.Name, fact picture.Fact) {
	n := s.needed[service]
	if n == nil {
		s.shelf.put(service, fact)
		return
	}
	if slice, ok := fact.(*discoveryv1.EndpointSlice); ok {
		n.slices[slice.Name] = struct{}{}
	}
	s.tell(fact)
}

// need notes what an object needs now: what nobody needed before comes from the shelf, what nobody needs any more goes there.
func (s *Source) need(object picture.Key, names []fleet.Name) {
	before := s.because[object]
	if slices.Equal(before, names) {
		return
	}
	if s.because[object] = names; len(names) == 0 {
		delete(s.because, object)
	}
	for _, name := range names {
		if s.needed[name] == nil {
			s.needed[name] = &need{slices: map[string]struct{}{}}
			for _, fact := range s.shelf.take(name) {
				s.file(name, fact)
			}
		}
		s.needed[name].objects++
	}
	for _, name := range before {
		n := s.needed[name]
		if n.objects--; n.objects == 0 {
			delete(s.needed, name)
			s.shelve(serviceKey(name))
			for slice := range n.slices {
				s.shelve(sliceKey(name, slice))
			}
		}
	}
}

// shelve takes a fact back.
func (s *Source) shelve(key picture.Key) {
	switch fact := s.told[key].(type) {
	case *corev1.Service:
		s.shelf.put(nameOf(fact), fact)
	case *discoveryv1.EndpointSlice:
		s.shelf.put(fleet.Name{Namespace: fact.Namespace, Name: fact.Labels[discoveryv1.LabelServiceName]}, fact)
	}
	s.untell(key)
}

func serviceKey(name fleet.Name) picture.Key {
	return picture.Key{Kind: kindService, Path: name.String()}
}

func sliceKey(service fleet.Name, slice string) picture.Key {
	return picture.Key{Kind: kindSlice, Path: service.String() + "/" + slice}
}
