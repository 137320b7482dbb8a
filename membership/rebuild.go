package membership

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	aboutv1beta1 "fairlead.dev/fairlead/api/about/v1beta1"
	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/mcs"
)

// RebuildOptions say how a lost hub is made again.
type RebuildOptions struct {
	Manifest manifest.HubOptions
	// Server is the URL of the new hub's API as pods reach it; empty: that of its context.
	Server  string
	Version string
	Tell    Tell
}

// Rebuilt is what Rebuild did.
type Rebuilt struct {
	Hub        string          `json:"hub"`
	ClusterSet string          `json:"clusterset"`
	Members    []RebuiltMember `json:"members"`
}

// RebuiltMember is one member of the new hub.
type RebuiltMember struct {
	Cluster string `json:"cluster"`
	// Entrusted says that the cluster got its new credentials. One that is known from what others remember of it only gets them when it
	// joins again.
	Entrusted bool `json:"entrusted"`
}

// survivor is a member cluster of a lost hub.
type survivor struct {
	access *Access
	Candidate
	// remembers is what its agent keeps of the Members, its own among them, by cluster.
	remembers memories
}

// Rebuild makes a lost hub again, from what its members remember: it installs the hub, writes every Member that any of them knows, and
// gives those whose contexts are given new credentials. The agents publish their records again by themselves; until each has, the others
// hold what they had of it.
func Rebuild(ctx context.Context, h *Access, members []*Access, o RebuildOptions) (Rebuilt, error) {
	var survivors []survivor
	for _, m := range members {
		s, err := m.survivor(ctx)
		if err != nil {
			return Rebuilt{}, err
		}
		survivors = append(survivors, s)
	}
	set, err := commonSet(survivors)
	if err != nil {
		return Rebuilt{}, err
	}
	installed, err := Install(ctx, h, InstallOptions{ClusterSet: set, Manifest: o.Manifest, Version: o.Version, Tell: o.Tell})
	if err != nil {
		return Rebuilt{}, err
	}
	r, err := Call(ctx, h, o.Version)
	if err != nil {
		return Rebuilt{}, err
	}
	done := Rebuilt{Hub: h.Context, ClusterSet: installed.ClusterSet}
	for _, spec := range remembered(survivors) {
		o.Tell.say("writing the member %s to %s", spec.Cluster, h.Context)
		if err := h.reenrol(ctx, r, spec, joinedAt(survivors, spec.Cluster)); err != nil {
			return done, err
		}
		entrusted, err := h.reentrust(ctx, r, survivors, spec.Cluster, o)
		if err != nil {
			return done, err
		}
		done.Members = append(done.Members, RebuiltMember{spec.Cluster, entrusted})
	}
	return done, nil
}

// survivor reads what a member cluster knows of the lost hub.
func (a *Access) survivor(ctx context.Context) (survivor, error) {
	c, err := a.survey(ctx, "")
	if err != nil {
		return survivor{}, err
	}
	if c.ClusterSet == "" || c.ClusterID == "" {
		return survivor{}, &Refusal{
			What:   fmt.Sprintf("%s is no member of a clusterset: it has no ClusterProperty %s", a.Context, aboutv1beta1.ClusterSet),
			Remedy: "leave it out of --members, and let it join when the hub is there",
		}
	}
	c.Cluster = c.ClusterID
	var m corev1.ConfigMap
	err = a.Get(ctx, client.ObjectKey{Namespace: manifest.Namespace, Name: manifest.MembersConfigMap}, &m)
	if ignoreUnserved(err) != nil {
		return survivor{}, fmt.Errorf("read what %s remembers of the members: %w", a.Context, a.explain(err))
	}
	return survivor{access: a, Candidate: c, remembers: recall(m.Data)}, nil
}

// commonSet returns the clusterset that all of them are of.
func commonSet(survivors []survivor) (string, error) {
	for _, s := range survivors[1:] {
		if first := survivors[0]; s.ClusterSet != first.ClusterSet {
			return "", &Refusal{
				What:   fmt.Sprintf("%s is of the clusterset %s, and %s of %s", first.Cluster, first.ClusterSet, s.Cluster, s.ClusterSet),
				Remedy: "name the members of one clusterset after --members",
			}
		}
	}
	return survivors[0].ClusterSet, nil
}

// remembered returns the spec of every Member that is known: as the member itself remembers it, or else as another does, or
// else as far as its cluster tells. They are sorted by cluster.
func remembered(survivors []survivor) []v1alpha1.MemberSpec {
	specs := map[string]v1alpha1.MemberSpec{}
	for _, s := range survivors {
		for cluster, spec := range s.remembers.specs {
			if _, known := specs[cluster]; !known && !spec.Leaving {
				specs[cluster] = spec
			}
		}
	}
	for _, s := range survivors {
		spec, knowsItself := s.remembers.specs[s.Cluster]
		if !knowsItself {
			spec = specs[s.Cluster]
		}
		spec.Cluster, spec.ClusterUID, spec.Pending, spec.Leaving = s.Cluster, s.UID, false, false
		if spec.Region == "" {
			spec.Region, spec.Zone = s.Region, s.Zone
		}
		specs[s.Cluster] = spec
	}
	return sorted(specs)
}

// reenrol writes a Member as it was, with the time at which it joined and the word of its operator.
func (a *Access) reenrol(ctx context.Context, r *Roll, spec v1alpha1.MemberSpec, since time.Time) error {
	if err := checkUID(r, spec.Cluster, spec.ClusterUID); err != nil {
		return err
	}
	if err := a.enrol(ctx, spec); err != nil {
		return err
	}
	return a.steer(ctx, spec.Cluster, func(m *v1alpha1.Member) {
		m.Spec.Drain = spec.Drain
		if !since.IsZero() {
			m.Annotations = withValue(m.Annotations, mcs.AnnotationJoined, since.UTC().Format(time.RFC3339))
		}
	})
}

// reentrust gives a cluster its new credential, if it is among the survivors.
func (a *Access) reentrust(ctx context.Context, r *Roll, survivors []survivor, cluster string, o RebuildOptions) (bool, error) {
	for _, s := range survivors {
		if s.Cluster != cluster {
			continue
		}
		d, err := a.door(ctx, o.Server, s.UID == r.UID)
		if err != nil {
			return false, err
		}
		i, err := a.issue(ctx, r, cluster, d, lifetime)
		if err != nil {
			return false, err
		}
		o.Tell.say("giving %s its new credential", cluster)
		return true, s.access.entrust(ctx, i)
	}
	return false, nil
}
