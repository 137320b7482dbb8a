package dev

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/folder"
	"fairlead.dev/fairlead/hub"
)

// registrar does the fleet operator's part on the hub: it approves the members that the folder names, drains and retires them. What it
// is told stands until the hub has it, however long that is away. It is safe for concurrent use.
type registrar struct {
	hub    *hub.Client
	log    *slog.Logger
	signal chan struct{}

	mu      sync.Mutex
	members map[string]*v1alpha1.Member
	dirty   map[string]bool
}

func newRegistrar(operator *hub.Client, log *slog.Logger) *registrar {
	return &registrar{
		hub: operator, log: log, signal: make(chan struct{}, 1),
		members: map[string]*v1alpha1.Member{}, dirty: map[string]bool{},
	}
}

// memberOf describes a cluster as its Member object does.
func memberOf(c *folder.Cluster) *v1alpha1.Member {
	m := &v1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{
			Name:   c.Name,
			Labels: map[string]string{v1alpha1.LabelCluster: c.Name},
		},
		Spec: v1alpha1.MemberSpec{
			Cluster: c.Name, Region: c.Region, Zone: c.Zone, Network: c.Network, Properties: c.Labels,
		},
	}
	for _, port := range beaconPorts {
		m.Spec.Beacons = append(m.Spec.Beacons, net.JoinHostPort(c.Address.String(), strconv.Itoa(port)))
	}
	return m
}

// admit wants a member on the hub. Whether it drains is not for the folder to say.
func (r *registrar) admit(m *v1alpha1.Member) {
	r.change(m.Spec.Cluster, func(old *v1alpha1.Member) *v1alpha1.Member {
		if old != nil {
			m.Spec.Drain = old.Spec.Drain
		}
		return m
	})
}

// drain wants a member drained, or not.
func (r *registrar) drain(cluster string, on bool) {
	r.change(cluster, func(old *v1alpha1.Member) *v1alpha1.Member {
		next := old.DeepCopy()
		next.Spec.Drain = on
		return next
	})
}

// retire wants a member to have left.
func (r *registrar) retire(cluster string) {
	r.change(cluster, func(old *v1alpha1.Member) *v1alpha1.Member {
		next := old.DeepCopy()
		next.Spec.Leaving = true
		return next
	})
}

// draining says whether a member is wanted drained.
func (r *registrar) draining(cluster string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.members[cluster]
	return m != nil && m.Spec.Drain
}

func (r *registrar) change(cluster string, next func(old *v1alpha1.Member) *v1alpha1.Member) {
	r.mu.Lock()
	r.members[cluster] = next(r.members[cluster])
	r.dirty[cluster] = true
	r.mu.Unlock()
	r.wake()
}

func (r *registrar) wake() {
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

// run writes what is wanted whenever that changes, until ctx ends, and tries again what could not be written.
func (r *registrar) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.signal:
		}
		err := r.flush(ctx)
		if err == nil {
			continue
		}
		if !errors.Is(err, hub.ErrDown) {
			r.log.Warn("members not written, trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-r.signal:
		case <-time.After(time.Second):
		}
		r.wake()
	}
}

// flush writes what is not on the hub yet.
func (r *registrar) flush(ctx context.Context) error {
	for {
		r.mu.Lock()
		names := slices.Sorted(maps.Keys(r.dirty))
		if len(names) == 0 {
			r.mu.Unlock()
			return nil
		}
		m := r.members[names[0]]
		r.mu.Unlock()
		if err := r.hub.Write(ctx, m); err != nil {
			return err
		}
		r.mu.Lock()
		if r.members[names[0]] == m {
			delete(r.dirty, names[0])
		}
		r.mu.Unlock()
	}
}
