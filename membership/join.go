package membership

import (
	"cmp"
	"context"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/manifest"
)

// JoinOptions say how a cluster joins.
type JoinOptions struct {
	Cluster string
	// Region and Zone are those of the nodes where empty. An empty Network is the default one. Namespaces are those whose services it
	// may export, empty: all. Of a member that joins again, what is empty stays as it is.
	Region, Zone, Network string
	Namespaces            []string
	// Server is the URL of the hub's API as the member's pods reach it; empty: that of the hub's context.
	Server string
	// Again installs the agent and gives new credentials although the cluster is a member already.
	Again bool
	Agent manifest.AgentOptions
	// Names makes the cluster's own resolver ask for clusterset.local.
	Names bool
	// Wait is how long to wait until the agent is there and its marker on the hub; 0: not at all.
	Wait    time.Duration
	Version string
	Tell    Tell
}

// Joined is what Join and Accept did.
type Joined struct {
	Cluster    string   `json:"cluster"`
	ClusterSet string   `json:"clusterset"`
	Region     string   `json:"region,omitempty"`
	Zone       string   `json:"zone,omitempty"`
	Namespaces []string `json:"namespaces,omitempty"`
	// Pending says that the hub's operator has yet to approve it.
	Pending bool `json:"pending,omitempty"`
	// Ready says that the agent was seen at work.
	Ready bool `json:"ready"`
	// Names says that the cluster's own resolver asks for clusterset.local.
	Names bool `json:"names,omitempty"`
}

// Join makes a cluster a member, by one operator who reaches both the hub and the cluster.
func Join(ctx context.Context, h, m *Access, o JoinOptions) (Joined, error) {
	r, err := Call(ctx, h, o.Version)
	if err != nil {
		return Joined{}, err
	}
	c, err := m.survey(ctx, o.Cluster)
	if err != nil {
		return Joined{}, err
	}
	if err := admit(r, c, o.Again); err != nil {
		return Joined{}, err
	}
	d, err := h.door(ctx, o.Server, c.UID == r.UID)
	if err != nil {
		return Joined{}, err
	}
	spec := describe(o, c, r.member(o.Cluster))
	o.Tell.say("writing the member %s to %s", o.Cluster, h.Context)
	if err := h.enrol(ctx, spec); err != nil {
		return Joined{}, err
	}
	before, err := h.pulse(ctx, o.Cluster)
	if err != nil {
		return Joined{}, err
	}
	i, err := h.issue(ctx, r, o.Cluster, d, lifetime)
	if err != nil {
		return Joined{}, err
	}
	if err := m.settle(ctx, i, o.Agent, o.Tell); err != nil {
		return Joined{}, err
	}
	done := Joined{Cluster: o.Cluster, ClusterSet: r.ClusterSet, Region: spec.Region, Zone: spec.Zone, Namespaces: spec.Namespaces}
	if o.Wait > 0 {
		if err := firstError(
			func() error { return m.awaitAgent(ctx, o.Wait, o.Tell) },
			func() error { return h.awaitMarker(ctx, m, o.Cluster, before, o.Wait, o.Tell) },
		); err != nil {
			return done, err
		}
		done.Ready = true
	}
	if o.Names {
		if err := m.teach(ctx); err != nil {
			return done, err
		}
		done.Names = true
	}
	return done, nil
}

// describe returns the spec of the Member that a cluster becomes: what its operator says, or it was before, or its nodes say.
func describe(o JoinOptions, c Candidate, was *v1alpha1.Member) v1alpha1.MemberSpec {
	spec := v1alpha1.MemberSpec{}
	if was != nil {
		spec = *was.Spec.DeepCopy()
	}
	spec.Cluster, spec.ClusterUID, spec.Pending = c.Cluster, c.UID, false
	spec.Region = cmp.Or(o.Region, spec.Region, c.Region)
	spec.Zone = cmp.Or(o.Zone, spec.Zone, c.Zone)
	spec.Network = cmp.Or(o.Network, spec.Network)
	if len(o.Namespaces) > 0 {
		spec.Namespaces = o.Namespaces
	}
	return spec
}

// enrol writes what stands on the hub for a member. Drain is for others to say (steer.go), and is left alone.
func (a *Access) enrol(ctx context.Context, spec v1alpha1.MemberSpec) error {
	spec.Drain = false
	return a.apply(ctx, ownerMember, manifest.Member(spec.Cluster, manifest.MemberOptions{Spec: spec})...)
}

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
