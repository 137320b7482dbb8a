package membership

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/manifest"
)

// LeaveOptions say how a member leaves.
type LeaveOptions struct {
	Cluster string
	// Force lets a member leave whose own cluster is not reached: it is dead, or somebody else's.
	Force bool
	// Keep leaves what was imported where it is. Nobody keeps it up to date any more.
	Keep bool
	// Grace is how long the other members have to see that it leaves, before its Member is gone.
	Grace   time.Duration
	Version string
	Tell    Tell
}

// Left is what Leave did.
type Left struct {
	Cluster string `json:"cluster"`
	// Uninstalled says that the agent was removed from the cluster itself.
	Uninstalled bool `json:"uninstalled"`
}

// Leave lets a member go: first it is marked as leaving, which the others obey at once and without asking why, then its credential
// is worth nothing, then its records go, then its namespace. m is nil where its own cluster is not reached.
func Leave(ctx context.Context, h, m *Access, o LeaveOptions) (Left, error) {
	r, err := Call(ctx, h, o.Version)
	if err != nil {
		return Left{}, err
	}
	member := r.member(o.Cluster)
	switch {
	case member == nil && m == nil && o.Force:
		return Left{Cluster: o.Cluster}, h.bury(ctx, o)
	case member == nil:
		return Left{}, notMember(r, o.Cluster, m)
	}
	if err := mayLeave(ctx, h, m, member, o); err != nil {
		return Left{}, err
	}
	o.Tell.say("telling the others that %s leaves", o.Cluster)
	if err := h.steer(ctx, o.Cluster, func(m *v1alpha1.Member) { m.Spec.Leaving = true }); err != nil {
		return Left{}, err
	}
	if err := h.revoke(ctx, o.Cluster); err != nil {
		return Left{}, err
	}
	o.Tell.say("removing its records")
	if err := h.erase(ctx, o); err != nil {
		return Left{}, err
	}
	if m == nil {
		return Left{Cluster: o.Cluster}, nil
	}
	left := Left{Cluster: o.Cluster, Uninstalled: true}
	return left, m.evict(ctx, o.Keep, o.Tell)
}

// bury shows the others for a while that a cluster of which the hub has nothing has left: agents that did not run when it did, or that lost
// sight of it when its namespace was deleted by mistake, hold what they know of it until somebody says so.
func (a *Access) bury(ctx context.Context, o LeaveOptions) error {
	if err := checkName(o.Cluster); err != nil {
		return err
	}
	o.Tell.say("telling the others that %s has left", o.Cluster)
	return firstError(
		func() error { return a.enrol(ctx, v1alpha1.MemberSpec{Cluster: o.Cluster, Leaving: true}) },
		func() error { return a.revoke(ctx, o.Cluster) },
		func() error { return a.erase(ctx, o) },
	)
}

func notMember(r *Roll, cluster string, m *Access) error {
	err := unknownMember(r, cluster)
	if m != nil {
		return &Refusal{What: err.Error(), Remedy: "to remove what is left of an agent: fairlead uninstall --context " + m.Context}
	}
	return err
}

// mayLeave refuses to uninstall a cluster that is not the one that leaves, and to forget one that could be tidied up.
func mayLeave(ctx context.Context, h, m *Access, member *v1alpha1.Member, o LeaveOptions) error {
	if m == nil {
		if o.Force || member.Spec.Pending {
			return nil
		}
		return &Refusal{
			What: fmt.Sprintf("%s itself would keep its agent and what it has imported", o.Cluster),
			Remedy: fmt.Sprintf("fairlead leave %s --hub-context %s --context CONTEXT; or, where that cluster is no more or somebody else's, --force instead of --context",
				o.Cluster, h.Context),
		}
	}
	uid, err := m.uid(ctx)
	if err != nil {
		return err
	}
	if is := member.Spec.ClusterUID; is != "" && is != uid {
		return &Refusal{
			What:   fmt.Sprintf("the context %s is not %s: its namespace kube-system has the uid %s, and that of %s is %s", m.Context, o.Cluster, uid, o.Cluster, is),
			Remedy: "kubectl config get-contexts",
		}
	}
	return nil
}

// revoke makes a member's credential worth nothing, at once: its permissions go before its account, because API servers remember for some
// seconds whom they have recognised.
func (a *Access) revoke(ctx context.Context, cluster string) error {
	in := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: hub.Namespace(cluster), Name: name}
	}
	return a.remove(ctx,
		&corev1.ServiceAccount{ObjectMeta: in(manifest.MemberAccount)},
		&rbacv1.RoleBinding{ObjectMeta: in(manifest.RoleIntroduction)},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: manifest.ReaderBinding(cluster)}},
		&rbacv1.RoleBinding{ObjectMeta: in(manifest.RoleWriter)},
	)
}

// erase removes the records of a member that leaves, gives the others time to see it, and removes the rest.
func (a *Access) erase(ctx context.Context, o LeaveOptions) error {
	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: hub.Namespace(o.Cluster)}}
	for _, obj := range []client.Object{&v1alpha1.EndpointRecord{}, &v1alpha1.ServiceRecord{}} {
		if err := a.DeleteAllOf(ctx, obj, client.InNamespace(space.Name)); err != nil && !unserved(err) {
			return fmt.Errorf("delete the records of %s on %s: %w", o.Cluster, a.Context, a.explain(err))
		}
	}
	if err := pause(ctx, o.Grace); err != nil {
		return err
	}
	o.Tell.say("removing its namespace from the hub")
	if err := a.remove(ctx, space); err != nil {
		return err
	}
	return a.gone(ctx, space, 2*time.Minute)
}
