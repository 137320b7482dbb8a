package health

import (
	"fmt"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// explain divides the missing records by whether the member's marker accounts for their absence.
func explain(in AbsenceInput) (explained, unexplained []string) {
	if !written(in.Marker) {
		return nil, in.Missing
	}
	withdrawing := make(map[string]bool, len(in.Marker.Withdrawing))
	for _, name := range in.Marker.Withdrawing {
		withdrawing[name] = true
	}
	for _, name := range in.Missing {
		if withdrawing[name] || accounted(in, in.Namespaces[name]) {
			explained = append(explained, name)
		} else {
			unexplained = append(unexplained, name)
		}
	}
	return explained, unexplained
}

// written tells a marker that accounts for nothing, as its member exports nothing, from the empty status of a Member that was
// just created or restored.
func written(m *v1alpha1.Marker) bool {
	return m != nil && (m.Term > 0 || m.Sequence > 0 || m.Exports > 0 || m.Slices > 0 || len(m.Withdrawing) > 0)
}

// accounted says whether a marker accounts for just what is seen of a namespace, so that nothing else exists in it. Who exports nothing at
// all has no namespace to account for; so has an agent that keeps totals only, and then these must agree.
func accounted(in AbsenceInput, namespace string) bool {
	if in.Marker.Namespaces == nil {
		return int(in.Marker.Exports) == in.SeenExports && int(in.Marker.Slices) == in.SeenSlices
	}
	return in.Marker.Namespaces[namespace] == in.Seen[namespace]
}

// staying counts the services that the marker says stay, as far as they can be known here.
func staying(in AbsenceInput) (n int) {
	if in.Marker.Namespaces == nil {
		return int(in.Marker.Exports)
	}
	for namespace := range in.Seen {
		n += int(in.Marker.Namespaces[namespace].Exports)
	}
	return n
}

// unexplainedBecause tells what the marker and the eye disagree on.
func unexplainedBecause(unexplained []string, in AbsenceInput) string {
	if !written(in.Marker) {
		return "the member's marker is not seen"
	}
	counted, seen := v1alpha1.Account{Exports: in.Marker.Exports, Slices: in.Marker.Slices}, v1alpha1.Account{Exports: int32(in.SeenExports), Slices: int32(in.SeenSlices)}
	if in.Marker.Namespaces != nil {
		counted, seen = v1alpha1.Account{}, v1alpha1.Account{}
		told := map[string]bool{}
		for _, name := range unexplained {
			if ns := in.Namespaces[name]; !told[ns] {
				told[ns] = true
				counted, seen = plus(counted, in.Marker.Namespaces[ns]), plus(seen, in.Seen[ns])
			}
		}
	}
	if counted == seen {
		return "the member's marker accounts for other records than those that are seen"
	}
	return fmt.Sprintf("the member's marker counts %d services and %d slices, seen are %d and %d", counted.Exports, counted.Slices, seen.Exports, seen.Slices)
}

func plus(a, b v1alpha1.Account) v1alpha1.Account {
	return v1alpha1.Account{Exports: a.Exports + b.Exports, Slices: a.Slices + b.Slices}
}
