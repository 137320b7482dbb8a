package kube

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// shelf keeps what a cluster has and the picture does not need now: Services and EndpointSlices that nobody exports. They come as watch
// events whether they are needed or not, and to ask for them again when they are would race with those events. Packed, without what no
// fact contains, an endpoint takes a few dozen bytes.
type shelf map[fleet.Name]*shelved

// shelved is one Service and its slices as protobuf. The service is nil where only slices are there.
type shelved struct {
	service []byte
	slices  map[string][]byte
}

// put takes the lean form of a Service or EndpointSlice.
func (s shelf) put(service fleet.Name, fact picture.Fact) {
	at := s[service]
	if at == nil {
		at = &shelved{}
		s[service] = at
	}
	switch f := fact.(type) {
	case *corev1.Service:
		at.service = packed(f)
	case *discoveryv1.EndpointSlice:
		if at.slices == nil {
			at.slices = map[string][]byte{}
		}
		at.slices[f.Name] = packed(f)
	}
}

// dropService and dropSlice forget one object.
func (s shelf) dropService(service fleet.Name) {
	if at := s[service]; at != nil {
		at.service = nil
		s.tidy(service, at)
	}
}

func (s shelf) dropSlice(service fleet.Name, slice string) {
	if at := s[service]; at != nil {
		delete(at.slices, slice)
		s.tidy(service, at)
	}
}

func (s shelf) tidy(service fleet.Name, at *shelved) {
	if at.service == nil && len(at.slices) == 0 {
		delete(s, service)
	}
}

// take removes what is there of a service and returns it.
func (s shelf) take(service fleet.Name) (facts []picture.Fact) {
	at := s[service]
	if at == nil {
		return nil
	}
	delete(s, service)
	if at.service != nil {
		svc := &corev1.Service{}
		unpacked(at.service, svc)
		facts = append(facts, svc)
	}
	for _, b := range at.slices {
		slice := &discoveryv1.EndpointSlice{}
		unpacked(b, slice)
		facts = append(facts, slice)
	}
	return facts
}

// protobuf is what the generated types of Kubernetes' own kinds can do.
type protobuf interface {
	client.Object
	Marshal() ([]byte, error)
	Unmarshal([]byte) error
}

func packed(obj protobuf) []byte {
	b, err := obj.Marshal()
	if err != nil {
		panic("kube: marshal " + obj.GetName() + ": " + err.Error())
	}
	return b
}

func unpacked(b []byte, into protobuf) {
	if err := into.Unmarshal(b); err != nil {
		panic("kube: unmarshal what was marshalled here: " + err.Error())
	}
}
