package plan

import (
	"maps"
	"slices"
	"strings"

	"fairlead.dev/fairlead/picture"
)

// Outcome is what became of one cluster's picture.
type Outcome struct {
	Cluster string `json:"cluster"`
	// Lines is picture.Diff: what is no longer so after "- ", what is now so after "+ ".
	Lines []string `json:"lines"`
	// Services are the ports of services that have another number of usable endpoints than before, by kind, name and port.
	Services []Left `json:"services"`
}

// Compare returns the outcome for each cluster of before or after, by name. Clusters whose picture is as it was are left out.
func Compare(before, after map[string]*picture.Picture) []Outcome {
	names := maps.Clone(before)
	maps.Copy(names, after)
	var outcomes []Outcome
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, is := before[name], after[name]
		if was == nil || is == nil {
			continue
		}
		if lines := picture.Diff(was, is); len(lines) > 0 {
			outcomes = append(outcomes, Outcome{Cluster: name, Lines: lines, Services: left(was, is)})
		}
	}
	return outcomes
}

// Summary says in one sentence what the outcomes come to.
func Summary(outcomes []Outcome) string {
	if len(outcomes) == 0 {
		return "Nothing changes."
	}
	var clusters, bare, last []string
	for _, o := range outcomes {
		clusters = append(clusters, o.Cluster)
		for _, l := range o.Services {
			switch {
			case l.After == 0 && l.LastResort > 0:
				last = append(last, l.name()+" in "+o.Cluster)
			case l.After == 0:
				bare = append(bare, l.name()+" in "+o.Cluster)
			}
		}
	}
	s := "The picture changes in " + strings.Join(clusters, ", ")
	if len(bare)+len(last) == 0 {
		return s + "; every service that had an endpoint still has one."
	}
	if len(bare) > 0 {
		s += "; without any endpoint: " + strings.Join(bare, ", ")
	}
	if len(last) > 0 {
		s += "; at the last resort: " + strings.Join(last, ", ")
	}
	return s + "."
}
