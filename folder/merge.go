package folder

import (
	"cmp"
	"slices"

	"fairlead.dev/fairlead/fleet"
)

// Merge returns what is to be obeyed when next was read after prev, and all that is wrong with it:
//
//   - an object whose text is broken now keeps its last good state; one that is deleted is deleted;
//   - a folder that is gone, or suddenly has no manifest at all, is not explained by anything: its last state is kept and the
//     cluster is marked as vanished;
//   - a folder whose cluster name cannot be taken any more keeps the one that it had.
//
// Neither argument is changed. A nil prev is the first reading.
func Merge(prev, next *Set) (*Set, []Problem) {
	merged := &Set{found: slices.Clone(next.found)}
	if prev != nil {
		merged.folders = held(prev, next, merged)
	} else {
		merged.folders = slices.Clone(next.folders)
	}
	problems := merged.assemble(prev)
	return merged, problems
}

// held returns the folders of next with what is kept of prev, sorted by name.
func held(prev, next, merged *Set) []*source {
	var out []*source
	now := map[string]*source{}
	for _, f := range next.folders {
		now[f.name] = f
	}
	for _, last := range prev.folders {
		f := now[last.name]
		if f == nil {
			gone := *last
			gone.vanished = true
			out = append(out, &gone)
			merged.complain(last.name, last.name, "has no manifest any more, and nothing explains that: its last state is kept. "+
				"Put the folder back, or delete its ServiceExports first to retire the cluster")
			continue
		}
		out = append(out, f.keep(last))
		delete(now, last.name)
	}
	for _, f := range now {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *source) int { return cmp.Compare(a.name, b.name) })
	if len(prev.folders) > 0 && len(next.folders) == 0 {
		merged.found = slices.DeleteFunc(merged.found, func(p Problem) bool { return p.File == "." })
	}
	return out
}

// keep returns the folder with the last good state of every object that is broken.
func (s *source) keep(last *source) *source {
	if len(s.broken) == 0 {
		return s
	}
	kept := *s
	kept.objects = slices.Clone(s.objects)
	have := map[fleet.Ref]bool{}
	for _, o := range s.objects {
		have[o.Ref()] = true
	}
	for _, b := range s.broken {
		o, ok := last.find(b)
		if !ok || have[o.Ref()] {
			continue
		}
		have[o.Ref()] = true
		o.Kept = true
		kept.objects = append(kept.objects, o)
	}
	slices.SortStableFunc(kept.objects, Object.compare)
	return &kept
}

// find returns the last good state of what is broken now: the object of that name, or where the name cannot be read, the one
// that stood in the same place.
func (s *source) find(b remains) (Object, bool) {
	named := b.ref.Kind != "" && b.ref.Name.Name != ""
	i := slices.IndexFunc(s.objects, func(o Object) bool {
		if named {
			return o.Ref() == b.ref
		}
		return o.id == b.id
	})
	if i < 0 {
		return Object{}, false
	}
	return s.objects[i], true
}
