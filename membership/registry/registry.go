// Package registry keeps the cluster registry of a hub: a ClusterProfile (KEP-4322) for each approved member.
//
// In go the Members and their heartbeats, out go ClusterProfiles in the hub's own namespace, which carries the name of the clusterset as a
// label: version, properties, and whether the control plane is heard of. Profiles of other cluster managers are left alone. Nothing else
// depends on this package: without it members meet on the hub all the same.
//
// What a profile should say is worked out in profile.go, which is pure. Start with Registry.Keep.
package registry

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	inventory "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/membership"
)

// Registry keeps the ClusterProfiles of one hub.
type Registry struct {
	Hub *membership.Access
	Log *slog.Logger
	// Every is how often it looks.
	Every time.Duration
	// Looked is called after each look with the members, the number of writes, and what went wrong. It may be nil.
	Looked func(members []membership.Standing, writes int, err error)
}

// Keep looks until ctx ends.
func (r *Registry) Keep(ctx context.Context) {
	ticker := time.NewTicker(r.Every)
	defer ticker.Stop()
	for {
		members, writes, err := r.look(ctx)
		if err != nil && ctx.Err() == nil {
			r.Log.Warn("cluster profiles not kept", "err", err)
		}
		if r.Looked != nil {
			r.Looked(members, writes, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look compares once and writes what differs.
func (r *Registry) look(ctx context.Context) (members []membership.Standing, writes int, err error) {
	members, err = membership.Standings(ctx, r.Hub)
	if err != nil {
		return nil, 0, err
	}
	var there inventory.ClusterProfileList
	if err := r.Hub.List(ctx, &there, client.InNamespace(manifest.Namespace)); err != nil {
		return members, 0, fmt.Errorf("list cluster profiles: %w", err)
	}
	set, err := r.clusterset(ctx)
	if err != nil {
		return members, 0, err
	}
	actions, taken := plan(there.Items, members, set, time.Now())
	for _, cluster := range taken {
		r.Log.Warn("another manager has a cluster profile of this name", "cluster", cluster)
	}
	for _, a := range actions {
		if err := r.do(ctx, a); err != nil {
			return members, writes, err
		}
		writes++
	}
	return members, writes, nil
}

// clusterset returns the clusterset's name.
func (r *Registry) clusterset(ctx context.Context) (string, error) {
	var ns corev1.Namespace
	if err := r.Hub.Get(ctx, client.ObjectKey{Name: manifest.Namespace}, &ns); err != nil {
		return "", fmt.Errorf("read the name of the clusterset: %w", err)
	}
	return ns.Labels[inventory.LabelClusterSetKey], nil
}

// do makes one write. That somebody else wrote in between is no error: the next look sees it.
func (r *Registry) do(ctx context.Context, a action) error {
	var err error
	switch {
	case a.create != nil:
		status := a.create.Status
		if err = r.Hub.Create(ctx, a.create); err == nil {
			a.create.Status = status
			err = r.Hub.Status().Update(ctx, a.create)
		}
	case a.update != nil:
		err = r.Hub.Update(ctx, a.update.DeepCopy())
	case a.status != nil:
		err = r.Hub.Status().Update(ctx, a.status)
	case a.remove != nil:
		err = r.Hub.Delete(ctx, a.remove)
	}
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write a cluster profile: %w", err)
	}
	return nil
}
