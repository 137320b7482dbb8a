package balance

import (
	"slices"

	"fairlead.dev/fairlead/fleet"
)

// resort is one step of the last resort: the clusters and the endpoints in them that it brings back.
type resort struct {
	verdict     fleet.Verdict
	terminating bool // endpoints that still serve while they terminate; else those that are ready
}

// resorts are the steps in the order in which they are tried. Traffic that has nowhere to go is better sent to a draining cluster
// than to one that seems lost; that an endpoint terminates is taken last, as kube-proxy does.
var resorts = []resort{
	{fleet.DrainingCluster, false},
	{fleet.Lost, false},
	{fleet.Serving, true},
	{fleet.DrainingCluster, true},
	{fleet.Lost, true},
}

// lastResort makes targets healthy where a group has none: those of the first step that brings back any. It sees to it that a name
// or a route whose last cluster is drained or lost is still tried there.
func lastResort(cs []*candidate) {
	if slices.ContainsFunc(cs, func(c *candidate) bool { return c.target.Health == fleet.Healthy }) {
		return
	}
	for _, r := range resorts {
		done := false
		for _, c := range cs {
			if r.brings(c) {
				c.target.Health = fleet.Healthy
				done = true
			}
		}
		if done {
			return
		}
	}
}

func (r resort) brings(c *candidate) bool {
	if withdrawn(c.verdict) || withdrawn(r.verdict) {
		if c.verdict != r.verdict {
			return false
		}
	}
	return r.terminating && c.terminating || !r.terminating && c.ready
}

// withdrawn says whether a verdict takes the endpoints of a cluster out of use.
func withdrawn(v fleet.Verdict) bool { return v == fleet.DrainingCluster || v == fleet.Lost }
