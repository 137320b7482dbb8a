package hub

import (
	"maps"
	"strconv"

	"k8s.io/apimachinery/pkg/api/equality"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// Same says whether two objects of one name tell the same: their spec, their status, their labels, and those annotations that are no
// stamps. What an API server adds does not count. A hub does not write what is the same already, so that nobody hears of it.
func Same(a, b Object) bool {
	if !maps.Equal(a.GetLabels(), b.GetLabels()) || !maps.Equal(told(a), told(b)) {
		return false
	}
	switch a := a.(type) {
	case *v1alpha1.Member:
		b, ok := b.(*v1alpha1.Member)
		return ok && equality.Semantic.DeepEqual(a.Spec, b.Spec) && equality.Semantic.DeepEqual(a.Status, b.Status)
	case *v1alpha1.ServiceRecord:
		b, ok := b.(*v1alpha1.ServiceRecord)
		return ok && equality.Semantic.DeepEqual(a.Spec, b.Spec)
	case *v1alpha1.EndpointRecord:
		b, ok := b.(*v1alpha1.EndpointRecord)
		return ok && equality.Semantic.DeepEqual(a.Spec, b.Spec)
	}
	panic("hub: an object of no known kind")
}

// told returns the annotations that are no stamps.
func told(obj Object) map[string]string {
	rest := maps.Clone(obj.GetAnnotations())
	delete(rest, AnnotationTerm)
	delete(rest, AnnotationReceived)
	return rest
}

// Stamp puts the term of its writer on an object.
func Stamp(obj Object, term int64) {
	annotations := maps.Clone(obj.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[AnnotationTerm] = strconv.FormatInt(term, 10)
	obj.SetAnnotations(annotations)
}
