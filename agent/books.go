package agent

import (
	"maps"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// books account for records by the namespace of their services, as a marker tells it. They cost what changes, and a copy what there are
// namespaces.
type books struct {
	entries    map[string]entry // by object name
	namespaces map[string]sum
}

// entry is one record that is accounted for.
type entry struct {
	namespace string
	slice     bool
}

// sum is one namespace.
type sum struct {
	exports, slices int32
	digest          v1alpha1.RecordDigest
}

func newBooks() books {
	return books{entries: map[string]entry{}, namespaces: map[string]sum{}}
}

// enter accounts for a record under its name; nil: for none.
func (b books) enter(name string, obj hub.Object) {
	was, had := b.entries[name]
	is, has := entryOf(obj)
	if had == has && was == is {
		return
	}
	if had {
		delete(b.entries, name)
		b.add(was, name, -1)
	}
	if has {
		b.entries[name] = is
		b.add(is, name, +1)
	}
}

func (b books) add(e entry, name string, n int32) {
	s := b.namespaces[e.namespace]
	if e.slice {
		s.slices += n
	} else {
		s.exports += n
	}
	s.digest = s.digest.Flip(name)
	if s.exports == 0 && s.slices == 0 {
		delete(b.namespaces, e.namespace)
		return
	}
	b.namespaces[e.namespace] = s
}

func entryOf(obj hub.Object) (entry, bool) {
	switch r := obj.(type) {
	case *v1alpha1.ServiceRecord:
		return entry{r.Spec.Namespace, false}, true
	case *v1alpha1.EndpointRecord:
		return entry{r.Spec.Namespace, true}, true
	}
	return entry{}, false
}

// copy returns books that account for the same, and from which records may be taken out.
func (b books) copy() books {
	return books{entries: b.entries, namespaces: maps.Clone(b.namespaces)}
}

// without takes a record out of a copy.
func (b books) without(obj hub.Object) {
	if e, ok := entryOf(obj); ok {
		b.add(e, obj.GetName(), -1)
	}
}

// marker returns the marker that tells what the books account for.
func (b books) marker() v1alpha1.Marker {
	var m v1alpha1.Marker
	for namespace, s := range b.namespaces {
		if m.Namespaces == nil {
			m.Namespaces = make(map[string]v1alpha1.Account, len(b.namespaces))
		}
		m.Namespaces[namespace] = v1alpha1.Account{Exports: s.exports, Slices: s.slices, Digest: s.digest.String()}
		m.Exports += s.exports
		m.Slices += s.slices
	}
	return m
}
