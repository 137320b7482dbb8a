package picture

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// grant is what a Member object says of the records of its cluster. It stays as it is while verdicts and markers change, so that they cost
// nothing here.
type grant struct {
	Gone, Pending bool
	Namespaces    []string // none: all
	Joined        time.Time
	// Services and Pods are the ranges that the cluster says it has.
	Services, Pods []netip.Prefix
}

func grantOf(m *v1alpha1.Member, verdict fleet.Verdict) grant {
	return grant{
		Gone: verdict == fleet.Gone, Pending: m.Spec.Pending, Namespaces: m.Spec.Namespaces, Joined: mcs.Joined(m),
		Services: prefixes(m.Status.ServiceRanges), Pods: prefixes(m.Status.PodRanges),
	}
}

// refuses says why nothing of a namespace is taken from a cluster; empty: it is.
func (g grant) refuses(cluster, namespace string) string {
	switch {
	case g.Pending:
		return fmt.Sprintf("cluster %s is not approved yet: spec.pending of its Member is true; approve it with: fairlead approve %s", cluster, cluster)
	case len(g.Namespaces) > 0 && !slices.Contains(g.Namespaces, namespace):
		return fmt.Sprintf("cluster %s may not export from namespace %s: spec.namespaces of its Member lists %s; add it there, or export it from another cluster",
			cluster, namespace, listed(g.Namespaces))
	}
	return ""
}

// listed reads like "bank, shop and 3 more".
func listed(words []string) string {
	const most = 5
	if len(words) <= most {
		return strings.Join(words, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), len(words)-most)
}

// ground computes where the endpoints of one cluster can stand.
//
// What the own cluster and that cluster itself say of their service ranges holds. What a third one says holds only where the cluster does not
// say that its pods are there, and only of ranges that an API server can have: else one member that claims the whole world would take
// everybody's endpoints away from everybody.
func ground(_ *Centre, v view, cluster string, _ time.Time) ([]value, time.Time) {
	its, ok := v.get(kindGrant, cluster).(grant)
	if !ok || cluster == v.vantage.Name {
		return nil, time.Time{}
	}
	out := mcs.Ground{Loopback: !v.vantage.real(), Pods: its.Pods}
	for _, p := range v.vantage.ServiceRanges {
		out.Services = append(out.Services, mcs.ServiceRange{Prefix: p, Cluster: v.vantage.Name})
	}
	v.under(kindGrant, "", func(other string, g any) bool {
		for _, p := range g.(grant).Services {
			r := mcs.ServiceRange{Prefix: p, Cluster: other}
			switch {
			case other == v.vantage.Name || other == cluster:
				out.Services = append(out.Services, r)
			case plausible(p) && !covered(out.Claimed, p):
				out.Claimed = append(out.Claimed, r)
			}
		}
		return true
	})
	return []value{{Key{kindGround, cluster}, out}}, time.Time{}
}

// plausible says whether an API server can have a service range: it takes none that are larger.
func plausible(p netip.Prefix) bool {
	if p.Addr().Is4() {
		return p.Bits() >= 12
	}
	return p.Bits() >= 64
}

// covered says whether a range is among others: most clusters of a fleet have the same.
func covered(ranges []mcs.ServiceRange, p netip.Prefix) bool {
	return slices.ContainsFunc(ranges, func(r mcs.ServiceRange) bool { return r.Prefix == p })
}

// prefixes reads CIDRs; what is none is passed over.
func prefixes(texts []string) (out []netip.Prefix) {
	for _, t := range texts {
		if p, err := netip.ParsePrefix(t); err == nil {
			out = append(out, p.Masked())
		}
	}
	return out
}
