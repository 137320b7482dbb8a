package membership

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/manifest"
)

// The bounds of an invitation's lifetime. API servers give no token a shorter life.
const (
	shortestInvitation = 10 * time.Minute
	longestInvitation  = 24 * time.Hour
)

// InviteOptions say who is invited.
type InviteOptions struct {
	Cluster               string
	Namespaces            []string
	Region, Zone, Network string
	// TTL is how long the invitation is good for.
	TTL     time.Duration
	Server  string
	Version string
}

// Invite prepares a member that another team's operator brings in, and returns what to hand over. Until it is approved the member may
// introduce itself and nothing else. Inviting again makes a new invitation; the former one stays good for its time.
func Invite(ctx context.Context, h *Access, o InviteOptions) (Invitation, error) {
	if o.TTL < shortestInvitation || o.TTL > longestInvitation {
		return Invitation{}, &Refusal{
			What:   fmt.Sprintf("an invitation cannot be good for %v", o.TTL),
			Remedy: fmt.Sprintf("use %v to %v, as in --ttl 1h", shortestInvitation, longestInvitation),
		}
	}
	r, err := Call(ctx, h, o.Version)
	if err != nil {
		return Invitation{}, err
	}
	if err := invitable(r, o.Cluster); err != nil {
		return Invitation{}, err
	}
	d, err := h.door(ctx, o.Server, false)
	if err != nil {
		return Invitation{}, err
	}
	spec := describe(JoinOptions{Region: o.Region, Zone: o.Zone, Network: o.Network, Namespaces: o.Namespaces},
		Candidate{Cluster: o.Cluster}, r.member(o.Cluster))
	spec.Pending = true
	if err := h.enrol(ctx, spec); err != nil {
		return Invitation{}, err
	}
	return h.issue(ctx, r, o.Cluster, d, o.TTL)
}

// AcceptOptions say how an invited cluster comes in.
type AcceptOptions struct {
	Invitation Invitation
	Agent      manifest.AgentOptions
	// Names makes the cluster's own resolver ask for clusterset.local.
	Names bool
	// Wait is how long to wait for the agent; 0: not at all.
	Wait    time.Duration
	Version string
	Tell    Tell
}

// Accept lets a cluster introduce itself with an invitation and installs its agent, which waits for the approval.
func Accept(ctx context.Context, m *Access, o AcceptOptions) (Joined, error) {
	i := o.Invitation
	c, err := m.survey(ctx, i.Cluster)
	if err != nil {
		return Joined{}, err
	}
	// An expired one must not be tried: its error would say less.
	if err := i.current(time.Now()); err != nil {
		return Joined{}, err
	}
	h, err := Reach(i.Config(), "the hub at "+i.Server)
	if err != nil {
		return Joined{}, err
	}
	var own v1alpha1.Member
	if err := h.Get(ctx, client.ObjectKey{Namespace: i.Namespace, Name: i.Cluster}, &own); err != nil {
		return Joined{}, unwelcome(i, err)
	}
	if err := acceptable(i, c, &own, o.Version, time.Now()); err != nil {
		return Joined{}, err
	}
	o.Tell.say("introducing %s to the hub", i.Cluster)
	if err := h.introduce(ctx, &own, c, o.Version); err != nil {
		return Joined{}, err
	}
	if err := m.settle(ctx, i, o.Agent, o.Tell); err != nil {
		return Joined{}, err
	}
	done := Joined{
		Cluster: i.Cluster, ClusterSet: i.ClusterSet, Region: c.Region, Zone: c.Zone, Namespaces: own.Spec.Namespaces, Pending: own.Spec.Pending,
	}
	if o.Wait > 0 {
		if err := m.awaitAgent(ctx, o.Wait, o.Tell); err != nil {
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

// introduce writes who the member is into its status.
func (a *Access) introduce(ctx context.Context, own *v1alpha1.Member, c Candidate, version string) error {
	was := client.MergeFrom(own.DeepCopy())
	s := &own.Status
	s.ClusterUID, s.Kubernetes, s.Region, s.Zone, s.Agent = c.UID, c.Kubernetes, c.Region, c.Zone, version
	if err := a.Status().Patch(ctx, own, was); err != nil {
		return fmt.Errorf("introduce %s to %s: %w", c.Cluster, a.Context, err)
	}
	return nil
}

// unwelcome says what it means that an invitation opens nothing.
func unwelcome(i Invitation, err error) error {
	return &Refusal{
		What:   fmt.Sprintf("the hub at %s does not take the invitation of %s: %v", i.Server, i.Cluster, err),
		Remedy: "is the hub reachable from here? Where it was taken back, ask its operator: fairlead hub invite " + i.Cluster,
	}
}
