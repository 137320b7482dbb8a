package folder

import (
	"slices"

	"fairlead.dev/fairlead/fleet"
)

// ReadFile reads the manifests of one file that stands in no cluster's folder yet, for example one that is about to be applied. Its
// name is used in problems.
func ReadFile(name string, text []byte) ([]Object, []Problem) {
	set, s := &Set{}, &source{}
	seen := map[fleet.Ref]Object{}
	for _, e := range parse(name, text) {
		s.take(e, name, set, seen)
	}
	slices.SortFunc(set.found, Problem.Compare)
	return s.objects, set.found
}
