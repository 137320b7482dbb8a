package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/mcs"
)

// Mock is a member that exists on the hub only: it has a namespace, a Member and records, and no cluster behind them. What it writes is
// what an agent would write, or whatever a test wants. It is safe for concurrent use.
type Mock struct {
	Cluster string
	// Hub is written to with whatever rights it has.
	Hub *Cluster
	// Spec is that of its Member; the cluster's name is filled in.
	Spec v1alpha1.MemberSpec

	mu     sync.Mutex
	marker v1alpha1.Marker
}

// Join makes the member's namespace and its Member. One that is there already is no error.
func (m *Mock) Join(ctx context.Context) error {
	ns := Namespace(hub.Namespace(m.Cluster))
	ns.Labels[v1alpha1.LabelCluster] = m.Cluster
	for _, obj := range []client.Object{ns, m.member()} {
		if err := client.IgnoreAlreadyExists(m.Hub.Create(ctx, obj)); err != nil {
			return fmt.Errorf("mock member %s: %w", m.Cluster, err)
		}
	}
	return m.Mark(ctx, func(*v1alpha1.Marker) {})
}

// Leave deletes all that Join and the other methods made, with a tombstone first, so that nobody holds its records.
func (m *Mock) Leave(ctx context.Context) error {
	tombstone := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"leaving":true}}`))
	if err := m.Hub.Patch(ctx, m.member(), tombstone); err != nil {
		return client.IgnoreNotFound(err)
	}
	time.Sleep(time.Second) // everybody sees the tombstone before the records go
	return client.IgnoreNotFound(m.Hub.Delete(ctx, Namespace(hub.Namespace(m.Cluster))))
}

func (m *Mock) member() *v1alpha1.Member {
	member := &v1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: hub.Namespace(m.Cluster), Name: m.Cluster}, Spec: m.Spec}
	member.Spec.Cluster = m.Cluster
	return member
}

// Records returns the records of an exported Service and its slices, as the member's agent would make them.
func (m *Mock) Records(service *corev1.Service, exportedAt time.Time, slices ...*discoveryv1.EndpointSlice) []client.Object {
	export := Export(service.Namespace, service.Name)
	export.CreationTimestamp = metav1.NewTime(exportedAt)
	if service.Spec.IPFamilies == nil {
		service.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol}
	}
	exported := mcs.Export(mcs.Source{Cluster: m.Cluster, Service: service, Export: export, Slices: slices})
	if exported.Record == nil {
		panic(fmt.Sprintf("lab: %s/%s cannot be exported: %v", service.Namespace, service.Name, exported.Conditions))
	}
	records := []client.Object{exported.Record}
	for _, e := range exported.Endpoints {
		records = append(records, e)
	}
	for _, r := range records {
		r.SetNamespace(hub.Namespace(m.Cluster))
		r.SetManagedFields([]metav1.ManagedFieldsEntry{{}}) // none are kept
	}
	return records
}

// Write creates records, and counts them in the marker that Mark writes.
func (m *Mock) Write(ctx context.Context, records ...client.Object) error {
	for _, r := range records {
		if err := m.Hub.Create(ctx, r); err != nil {
			return fmt.Errorf("mock member %s: write %s: %w", m.Cluster, r.GetName(), err)
		}
		m.mu.Lock()
		switch r.(type) {
		case *v1alpha1.ServiceRecord:
			m.marker.Exports++
		case *v1alpha1.EndpointRecord:
			m.marker.Slices++
		}
		m.mu.Unlock()
	}
	return nil
}

// Mark changes the member's marker and writes it.
func (m *Mock) Mark(ctx context.Context, change func(*v1alpha1.Marker)) error {
	m.mu.Lock()
	change(&m.marker)
	m.marker.Term = max(m.marker.Term, 1)
	m.marker.Sequence++
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"marker": m.marker}})
	m.mu.Unlock()
	if err == nil {
		err = m.Hub.Status().Patch(ctx, m.member(), client.RawPatch(types.MergePatchType, patch))
	}
	if err != nil {
		return fmt.Errorf("mock member %s: write its marker: %w", m.Cluster, err)
	}
	return nil
}

// Beat renews the member's Lease, as an agent does that has nothing to say.
func (m *Mock) Beat(ctx context.Context) error {
	m.mu.Lock()
	sequence := m.marker.Sequence
	m.mu.Unlock()
	now := metav1.NowMicro()
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: hub.Namespace(m.Cluster), Name: "member"},
	}
	err := m.Hub.Get(ctx, client.ObjectKeyFromObject(lease), lease)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("mock member %s: renew its Lease: %w", m.Cluster, err)
	}
	lease.Spec.RenewTime = &now
	metav1.SetMetaDataAnnotation(&lease.ObjectMeta, "fairlead.dev/sequence", fmt.Sprint(sequence))
	if err != nil {
		err = m.Hub.Create(ctx, lease)
	} else {
		err = m.Hub.Update(ctx, lease)
	}
	if err != nil {
		return fmt.Errorf("mock member %s: renew its Lease: %w", m.Cluster, err)
	}
	return nil
}
