package membership

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	inventory "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/manifest"
)

// The hub says in the metadata of its namespace which clusterset it is the hub of, and which Fairlead installed it. The two label keys are
// one: the text of KEP-4322 has the one and its Go module the other.
const (
	labelClusterSet    = inventory.LabelClusterSetKey
	labelClusterSetToo = "clusterset.multicluster.x-k8s.io"
	annotationVersion  = "fairlead.dev/version"
)

// Roll is a hub as it was read: what it is and who its members are, by name.
type Roll struct {
	// Context is the hub's, Own the version of this Fairlead.
	Context, Own string
	// ClusterSet is empty where the cluster is no hub. Version is that of the Fairlead that installed it.
	ClusterSet, Version string
	// UID is that of the hub's own namespace kube-system.
	UID     string
	Members []Standing
}

// silentFrom is the age of a heartbeat from which a member is silent: that of health.Policy.MarkerSuspect.
const silentFrom = 90 * time.Second

// Standing is a member with its last heartbeat.
type Standing struct {
	Member    *v1alpha1.Member
	Heartbeat time.Time // zero: none yet
}

func (r *Roll) member(cluster string) *v1alpha1.Member {
	for _, s := range r.Members {
		if s.Member.Spec.Cluster == cluster {
			return s.Member
		}
	}
	return nil
}

// Call reads a hub. That a cluster is none is no error: its ClusterSet is empty then.
func Call(ctx context.Context, h *Access, version string) (*Roll, error) {
	r := &Roll{Context: h.Context, Own: version}
	uid, err := h.uid(ctx)
	if err != nil {
		return nil, err
	}
	r.UID = uid
	var ns corev1.Namespace
	if err := h.Get(ctx, client.ObjectKey{Name: manifest.Namespace}, &ns); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read the namespace %s of %s: %w", manifest.Namespace, h.Context, err)
	}
	r.ClusterSet, r.Version = ns.Labels[labelClusterSet], ns.Annotations[annotationVersion]
	if r.Members, err = Standings(ctx, h); err != nil {
		return nil, err
	}
	return r, nil
}

// Standings lists the Members that stand in their own namespace, sorted by cluster. Without the kind there are none.
func Standings(ctx context.Context, a *Access) ([]Standing, error) {
	var members v1alpha1.MemberList
	if err := a.List(ctx, &members); unserved(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("list the members on %s: %w", a.Context, err)
	}
	var leases coordinationv1.LeaseList
	if err := a.List(ctx, &leases, client.MatchingFields{"metadata.name": manifest.MemberLease}); err != nil {
		return nil, fmt.Errorf("list the heartbeats on %s: %w", a.Context, err)
	}
	beats := map[string]time.Time{}
	for _, l := range leases.Items {
		if l.Spec.RenewTime != nil {
			beats[l.Namespace] = l.Spec.RenewTime.Time
		}
	}
	return stand(members.Items, beats), nil
}

// stand puts the Members together with the heartbeats of their namespaces. A Member in a namespace that is not its own counts for
// nothing.
func stand(members []v1alpha1.Member, beats map[string]time.Time) (all []Standing) {
	for i := range members {
		m := &members[i]
		if m.Namespace == hub.Namespace(m.Spec.Cluster) {
			all = append(all, Standing{Member: m, Heartbeat: beats[m.Namespace]})
		}
	}
	slices.SortFunc(all, func(a, b Standing) int { return strings.Compare(a.Member.Spec.Cluster, b.Member.Spec.Cluster) })
	return all
}

// unserved says whether an error means that the API server does not have the kind.
func unserved(err error) bool { return meta.IsNoMatchError(err) || apierrors.IsNotFound(err) }
