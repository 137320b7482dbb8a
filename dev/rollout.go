package dev

import (
	"cmp"
	"slices"

	"fairlead.dev/fairlead/folder"
)

// rollout says what is to be done next so that the running pods of one workload become the wanted ones. Leaving pods are those that are
// terminating already.
//
// A workload that only grows starts all that is missing, one that only shrinks stops all that is too much. Where both happen, the template
// was changed, and pods are replaced one by one: a new one is started first, then an old one leaves, and the next pair begins when that
// is gone. So there are never fewer pods than wanted.
//
//	wanted: a2 b2   running: a1 b1             start a2
//	                running: a1 b1 a2          stop a1
//	                running: b1 a2, leaving a1 nothing
//	                running: b1 a2             start b2
func rollout(wanted, running []folder.Pod) (start, stop []folder.Pod) {
	var old, leaving, missing []folder.Pod
	for _, p := range running {
		switch {
		case p.Terminating:
			leaving = append(leaving, p)
		case !slices.ContainsFunc(wanted, p.Same):
			old = append(old, p)
		}
	}
	for _, w := range wanted {
		// A pod that is leaving does not come back; one like it starts when it is gone.
		if !slices.ContainsFunc(running, w.Same) {
			missing = append(missing, w)
		}
	}
	byOrdinal := func(a, b folder.Pod) int { return cmp.Compare(a.Ordinal, b.Ordinal) }
	slices.SortStableFunc(old, byOrdinal)
	slices.SortStableFunc(missing, byOrdinal)

	alive := len(running) - len(leaving)
	switch {
	case len(old) == 0:
		return missing, nil
	case len(missing) == 0:
		return nil, old[:max(0, alive-len(wanted))]
	case len(leaving) > 0:
		return nil, nil
	case alive > len(wanted):
		return nil, old[:1]
	}
	return missing[:max(1, len(wanted)-alive)], nil
}
