package membership

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/kube"
	"fairlead.dev/fairlead/mcs"
)

// memories are what an agent keeps in its cluster of the Members, for a restart, by cluster.
type memories struct {
	specs map[string]v1alpha1.MemberSpec
	// joined is when each became a member, where that is known: no export is older than that (mcs.Since).
	joined map[string]time.Time
}

// recall reads what kube.Roster wrote, one Member under each key. What cannot be read is not remembered.
func recall(data map[string]string) memories {
	m := memories{map[string]v1alpha1.MemberSpec{}, map[string]time.Time{}}
	for cluster, text := range data {
		var a kube.Acquaintance
		if json.Unmarshal([]byte(text), &a) == nil && a.Member != nil && a.Member.Spec.Cluster == cluster && checkName(cluster) == nil {
			m.specs[cluster], m.joined[cluster] = a.Member.Spec, mcs.Joined(a.Member)
		}
	}
	return m
}

// joinedAt returns when a cluster became a member, as the one that remembers it best says; zero: nobody knows.
func joinedAt(survivors []survivor, cluster string) (at time.Time) {
	for _, s := range survivors {
		if t := s.remembers.joined[cluster]; !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at
}

// sorted returns the specs by cluster.
func sorted(specs map[string]v1alpha1.MemberSpec) (all []v1alpha1.MemberSpec) {
	for _, cluster := range slices.Sorted(maps.Keys(specs)) {
		all = append(all, specs[cluster])
	}
	return all
}
