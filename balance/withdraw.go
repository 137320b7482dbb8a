package balance

import (
	"slices"

	"fairlead.dev/fairlead/fleet"
)

// Withdraw applies the verdicts to the slices of one service, for names and EndpointSlices: the endpoints of draining and lost
// clusters are no longer ready, slices of clusters that are gone are left out. The last resort holds here too: where no serving
// cluster has a ready endpoint, those of draining clusters stay ready, or else those of lost ones. What Serving and Terminating
// say is left alone, so that a kube-proxy applies its own fallback to terminating endpoints.
//
// The order is kept. Slices that do not change are returned as they are, changed ones are copies: what is given is not touched.
//
// Known limits: the last resort looks at the service as a whole, while Group looks at each port; and the network of a cluster plays no
// part here.
func Withdraw(in []*fleet.Slice, members map[string]Member) []*fleet.Slice {
	kept := readyLeft(in, members)
	out := make([]*fleet.Slice, 0, len(in))
	for _, s := range in {
		v := members[s.Cluster].Verdict
		switch {
		case v == fleet.Gone:
		case withdrawn(v) && v != kept:
			out = append(out, unready(s))
		default:
			out = append(out, s)
		}
	}
	return out
}

// readyLeft returns the verdict whose clusters are used: Serving, which stands for Suspect too, wherever they have a ready endpoint.
func readyLeft(in []*fleet.Slice, members map[string]Member) fleet.Verdict {
	best := fleet.Gone
	for _, s := range in {
		v := members[s.Cluster].Verdict
		if v == fleet.Suspect {
			v = fleet.Serving
		}
		if v < best && slices.ContainsFunc(s.Endpoints, isReady) {
			best = v
		}
	}
	return best
}

func unready(s *fleet.Slice) *fleet.Slice {
	if !slices.ContainsFunc(s.Endpoints, isReady) {
		return s
	}
	c := *s
	c.Endpoints = slices.Clone(s.Endpoints)
	for i := range c.Endpoints {
		c.Endpoints[i].Ready = false
	}
	return &c
}

func isReady(e fleet.Endpoint) bool { return e.Ready }
