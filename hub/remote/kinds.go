package remote

import (
	"strconv"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// kind is one kind of objects on the hub.
type kind struct {
	resource string
	make     func() hub.Object
}

var (
	members   = &kind{"members", func() hub.Object { return new(v1alpha1.Member) }}
	services  = &kind{"servicerecords", func() hub.Object { return new(v1alpha1.ServiceRecord) }}
	endpoints = &kind{"endpointrecords", func() hub.Object { return new(v1alpha1.EndpointRecord) }}
)

func kindOf(obj hub.Object) *kind {
	switch obj.(type) {
	case *v1alpha1.Member:
		return members
	case *v1alpha1.ServiceRecord:
		return services
	case *v1alpha1.EndpointRecord:
		return endpoints
	}
	panic("remote: an object of no known kind")
}

// key names an object within a stream.
func key(obj hub.Object) string { return obj.GetNamespace() + "/" + obj.GetName() }

// newer says whether one resource version is newer than another. Versions of one kind can be compared as numbers (KEP-5504); where
// one is no number, whatever comes later counts as newer.
func newer(a, b string) bool {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	if errX != nil || errY != nil {
		return a != b
	}
	return x > y
}
