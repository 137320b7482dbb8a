package check

import (
	"fmt"
	"strings"
	"time"
)

// Clocks may differ by this much before anybody notices, and by this much before it hurts.
const (
	skewWarn = 10 * time.Second
	skewFail = 5 * time.Minute
)

// clocks compares the clock of the cluster's API server with that of the hub's.
func clocks(f *Facts) []Finding {
	if f.Hub == nil || !f.Hub.SkewKnown {
		return nil
	}
	skew, side := f.Hub.Skew.Round(time.Second), "ahead of"
	if skew < 0 {
		skew, side = -skew, "behind"
	}
	what := fmt.Sprintf("this cluster's clock is %s %s the hub's", skew, side)
	const why = "of two exports that conflict the older one wins, and certificates and tokens begin and end by the clock"
	const remedy = "let both keep time by NTP"
	switch {
	case skew > skewFail:
		return one(FAIL, "clock", what, why, remedy)
	case skew > skewWarn:
		return one(WARN, "clock", what, why, remedy)
	}
	return good("clock", "the clocks of this cluster and of the hub agree")
}

// membership tells how the cluster stands with the hub.
func membership(f *Facts) (all []Finding) {
	if f.Hub == nil {
		return nil
	}
	m := f.member()
	switch {
	case !f.Hub.Installed:
		return one(FAIL, "hub", "there is no hub at "+f.Hub.Context, "a cluster joins a hub", "fairlead hub install --context "+f.Hub.Context)
	case m == nil && f.Cluster.Joined:
		return one(FAIL, "hub", "the agent is installed, and the hub has no Member for this cluster", "it cannot write its records there",
			"join it again: fairlead help join")
	case m == nil:
		return good("hub", "the hub is there, and this cluster is not a member yet")
	case m.Spec.ClusterUID != "" && f.Cluster.UID != "" && m.Spec.ClusterUID != f.Cluster.UID:
		return one(FAIL, "hub", "another cluster is a member by the name "+m.Spec.Cluster, "the two would be taken for one",
			"let the other one leave, or join this one by another name")
	case m.Spec.Leaving:
		return one(FAIL, "hub", m.Spec.Cluster+" is leaving the clusterset", "its records are taken away", "")
	case m.Spec.Pending:
		return one(WARN, "hub", m.Spec.Cluster+" is not approved yet", "nobody takes its records", "fairlead approve "+m.Spec.Cluster)
	case m.Status.Marker.Sequence == 0:
		return one(WARN, "hub", "the hub has heard nothing from the agent of "+m.Spec.Cluster, "until then nothing is exported from there",
			"kubectl --context "+f.Cluster.Context+" -n fairlead-system logs deployment/fairlead-agent")
	}
	return good("hub", m.Spec.Cluster+" is a member, and its agent has written to the hub")
}

// permissions tells what the operator could not do.
func permissions(f *Facts) (all []Finding) {
	all = append(all, deniedAt(f.Cluster.Context, f.Cluster.Denied)...)
	if f.Hub != nil && f.Hub.Context != f.Cluster.Context {
		all = append(all, deniedAt(f.Hub.Context, f.Hub.Denied)...)
	}
	if len(all) == 0 {
		return good("permissions", "you may do what joining takes")
	}
	return all
}

func deniedAt(context string, denied []Permission) []Finding {
	if len(denied) == 0 {
		return nil
	}
	var words []string
	for _, p := range denied {
		word := p.Verb + " " + p.Resource
		if p.Namespace != "" {
			word += " in " + p.Namespace
		}
		words = append(words, word)
	}
	return one(FAIL, "permissions", fmt.Sprintf("with context %s you may not %s", context, strings.Join(words, ", ")),
		"joining does so", "use a context of a cluster administrator")
}
