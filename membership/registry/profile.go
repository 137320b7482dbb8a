package registry

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventory "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	aboutv1beta1 "fairlead.dev/fairlead/api/about/v1beta1"
	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/membership"
)

// Manager is the cluster manager of the profiles that are kept here.
const Manager = "fairlead"

// The bounds of a property (KEP-4322).
const (
	longestName  = 253
	longestValue = 1024
)

// wanted says whether a member has a profile: it was approved and stays.
func wanted(m *v1alpha1.Member) bool { return !m.Spec.Pending && !m.Spec.Leaving }

// Profile returns the profile of a member on top of the one that is there, nil if there is none. It equals that one where nothing is to
// be written: a property keeps the time at which its value was first seen, a condition that of its last change.
func Profile(was *inventory.ClusterProfile, s membership.Standing, clusterset string, now time.Time) *inventory.ClusterProfile {
	m := s.Member
	p := &inventory.ClusterProfile{}
	if was != nil {
		p = was.DeepCopy()
	}
	p.Namespace, p.Name = manifest.Namespace, m.Spec.Cluster
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
	p.Labels[inventory.LabelClusterManagerKey] = Manager
	p.Labels[manifest.LabelManagedBy] = manifest.ManagedBy
	p.Spec = inventory.ClusterProfileSpec{DisplayName: m.Spec.Cluster, ClusterManager: inventory.ClusterManager{Name: Manager}}
	p.Status.Version.Kubernetes = m.Status.Kubernetes
	p.Status.Properties = observed(properties(m, clusterset), p.Status.Properties, now)
	meta.SetStatusCondition(&p.Status.Conditions, healthy(s, now))
	return p
}

// healthy says what the heartbeat tells of the control plane. One that is silent may be cut off from the hub and well: that is unknown.
func healthy(s membership.Standing, now time.Time) metav1.Condition {
	c := metav1.Condition{
		Type: inventory.ClusterConditionControlPlaneHealthy, LastTransitionTime: metav1.NewTime(now.Truncate(time.Second)),
		ObservedGeneration: 0,
	}
	switch s.State(now) {
	case membership.Joining:
		c.Status, c.Reason, c.Message = metav1.ConditionUnknown, "NotSeenYet", "its agent has not written to the hub yet"
	case membership.Silent:
		c.Status, c.Reason, c.Message = metav1.ConditionUnknown, "HeartbeatMissing", "its agent has been silent since "+s.Heartbeat.UTC().Format(time.RFC3339)
	default:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, "HeartbeatSeen", "its agent reads its API and writes to the hub"
	}
	return c
}

// properties returns what is said of a member, by name: what its operator says, and over it what Fairlead knows.
func properties(m *v1alpha1.Member, clusterset string) map[string]string {
	all := maps.Clone(m.Spec.Properties)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, map[string]string{
		aboutv1beta1.ClusterName: m.Spec.Cluster, aboutv1beta1.ClusterSet: clusterset,
		v1alpha1.PropertyRegion: m.Spec.Region, v1alpha1.PropertyZone: m.Spec.Zone, v1alpha1.PropertyNetwork: cmp.Or(m.Spec.Network, "default"),
	})
	maps.DeleteFunc(all, func(name, value string) bool {
		return name == "" || len(name) > longestName || value == "" || len(value) > longestValue
	})
	return all
}

// observed turns properties into those of a profile, sorted by name. One that was there with the same value keeps its time.
func observed(all map[string]string, was []inventory.Property, now time.Time) (list []inventory.Property) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := inventory.Property{Name: name, Value: all[name], LastObservedTime: metav1.NewTime(now.Truncate(time.Second))}
		for _, w := range was {
			if w.Name == p.Name && w.Value == p.Value {
				p.LastObservedTime = w.LastObservedTime
			}
		}
		list = append(list, p)
	}
	return list
}

// action is one write that brings the profiles closer to what they should be.
type action struct {
	create, update, status, remove *inventory.ClusterProfile
}

// plan returns what is to be written. Profiles of other managers, and those in their way, are left alone; the clusters whose names are taken
// so are told.
func plan(there []inventory.ClusterProfile, members []membership.Standing, clusterset string, now time.Time) (actions []action, taken []string) {
	byName := map[string]*inventory.ClusterProfile{}
	for i := range there {
		byName[there[i].Name] = &there[i]
	}
	for _, s := range members {
		was := byName[s.Member.Spec.Cluster]
		if !wanted(s.Member) {
			continue
		}
		delete(byName, s.Member.Spec.Cluster)
		if was != nil && !ours(was) {
			taken = append(taken, s.Member.Spec.Cluster)
			continue
		}
		actions = append(actions, actionsOf(was, Profile(was, s, clusterset, now))...)
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if p := byName[name]; ours(p) {
			actions = append(actions, action{remove: p})
		}
	}
	return actions, taken
}

func actionsOf(was, is *inventory.ClusterProfile) (actions []action) {
	if was == nil {
		return []action{{create: is}}
	}
	if !equality.Semantic.DeepEqual(was.Labels, is.Labels) || was.Spec != is.Spec {
		actions = append(actions, action{update: is})
	}
	if !equality.Semantic.DeepEqual(was.Status, is.Status) {
		actions = append(actions, action{status: is})
	}
	return actions
}

// ours says whether a profile is kept here. Both its label and its manager must say so.
func ours(p *inventory.ClusterProfile) bool {
	return p.Spec.ClusterManager.Name == Manager && p.Labels[inventory.LabelClusterManagerKey] == Manager
}
