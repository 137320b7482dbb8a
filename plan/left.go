package plan

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// Left is how many usable endpoints a port of a service had and has: ready ones, in clusters that serve. A service of the own cluster
// counts all its ready ones: whoever asks this cluster gets them, drained or not.
type Left struct {
	Kind    fleet.GroupKind `json:"kind"`
	Service string          `json:"service"`
	// Port is 0 for a headless service without ports; Protocol is empty for TCP.
	Port     uint16         `json:"port,omitempty"`
	Protocol fleet.Protocol `json:"protocol,omitempty"`
	Before   int            `json:"before"`
	After    int            `json:"after"`
	// LastResort is how many ready endpoints, in draining or lost clusters, are tried because there is no usable one.
	LastResort int `json:"lastResort,omitempty"`
}

func (l Left) name() string {
	switch {
	case l.Port == 0:
		return l.Service
	case l.Protocol != "":
		return fmt.Sprintf("%s:%d/%s", l.Service, l.Port, l.Protocol)
	}
	return fmt.Sprintf("%s:%d", l.Service, l.Port)
}

// String returns "shop/cart:80 keeps 2 of 4 endpoints" or what else is to be said of it.
func (l Left) String() string {
	name := l.name()
	if l.Kind == fleet.Local {
		name += " of this cluster"
	}
	switch {
	case l.After == 0 && l.LastResort > 0:
		return fmt.Sprintf("%s has no endpoint left of %d; as a last resort %d in draining or lost clusters are tried", name, l.Before, l.LastResort)
	case l.After == 0:
		return fmt.Sprintf("%s has no endpoint left of %d", name, l.Before)
	case l.After < l.Before:
		return fmt.Sprintf("%s keeps %d of %s", name, l.After, endpoints(l.Before))
	}
	return fmt.Sprintf("%s has %s instead of %d", name, endpoints(l.After), l.Before)
}

func endpoints(n int) string {
	if n == 1 {
		return "1 endpoint"
	}
	return fmt.Sprintf("%d endpoints", n)
}

// left compares the numbers of usable endpoints.
func left(was, is *picture.Picture) []Left {
	all := map[fleet.GroupID]*Left{}
	at := func(id fleet.GroupID) *Left {
		if all[id] == nil {
			all[id] = &Left{Kind: id.Kind, Service: id.Service.String(), Port: id.Port, Protocol: id.Protocol}
		}
		return all[id]
	}
	for id, n := range endpointsOf(was) {
		at(id).Before = n.usable
	}
	for id, n := range endpointsOf(is) {
		l := at(id)
		l.After = n.usable
		if n.usable == 0 {
			l.LastResort = n.ready
		}
	}
	changed := []Left{}
	for _, l := range all {
		if l.Before != l.After {
			changed = append(changed, *l)
		}
	}
	slices.SortFunc(changed, func(a, b Left) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
	})
	return changed
}

// number counts endpoints: those that are ready, or made so as a last resort, and of these the usable ones.
type number struct{ ready, usable int }

// endpointsOf counts the endpoints of every group that a picture shows, and of the headless services that have no ports and therefore no
// group.
func endpointsOf(p *picture.Picture) map[fleet.GroupID]number {
	serves := map[string]bool{}
	for m := range p.Members() {
		serves[m.Name] = m.Verdict == fleet.Serving || m.Verdict == fleet.Suspect
	}
	counts := map[fleet.GroupID]number{}
	for g := range p.Groups() {
		var n number
		for cluster := range healthy(g) {
			n.add(serves[cluster] || g.ID.Kind == fleet.Local)
		}
		counts[g.ID] = n
	}
	for s := range p.Services() {
		if len(s.Ports) > 0 || s.Imported == nil {
			continue
		}
		var n number
		for cluster := range ready(s) {
			n.add(serves[cluster])
		}
		counts[fleet.GroupID{Kind: fleet.Import, Service: s.Name}] = n
	}
	return counts
}

func (n *number) add(usable bool) {
	n.ready++
	if usable {
		n.usable++
	}
}

// healthy yields the cluster of each target that takes traffic.
func healthy(g *fleet.Group) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, t := range g.Tiers {
			for _, p := range t.Places {
				for _, e := range p.Targets {
					if e.Health == fleet.Healthy && !yield(p.Cluster) {
						return
					}
				}
			}
		}
	}
}

// ready yields the cluster of each endpoint that is ready.
func ready(s *picture.Service) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, sl := range s.Slices {
			for _, e := range sl.Endpoints {
				if e.Ready && !yield(sl.Cluster) {
					return
				}
			}
		}
	}
}
