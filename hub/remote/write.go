package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// attempts is how often a write is begun anew after somebody else wrote in between.
const attempts = 5

// writer is what the Hub remembers as a writer.
type writer struct {
	term    int64
	sure    bool // the Member was found to have no newer term
	renewed time.Time
}

// Lead says in which term the own records are written from now on; 0: they are not. Terms of a cluster grow. The term that a cluster keeps in its
// own API may fall behind the one on the hub, when the cluster or its lease is restored or made anew: the first write after Lead then goes on
// from the hub's term. After that, a newer term means that somebody else leads.
func (h *Hub) Lead(term int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writer = writer{term: term, renewed: h.writer.renewed}
}

// Write makes the object on the hub be like obj: it creates or changes it, or leaves it alone where it is the same already. Of the own
// Member it writes the status only, and where nothing of that differs but the sequence of the marker, it renews the member's Lease
// instead. It may be called by many at once.
//
// Errors: those of package hub, with what the API server said.
func (h *Hub) Write(ctx context.Context, obj hub.Object) error {
	return h.retry(ctx, obj, func() error {
		if m, ok := obj.(*v1alpha1.Member); ok {
			return h.writeStatus(ctx, m)
		}
		return h.writeRecord(ctx, obj)
	})
}

// Delete removes the object from the hub. One that is not there is no error. Errors as for Write.
func (h *Hub) Delete(ctx context.Context, obj hub.Object) error {
	return h.retry(ctx, obj, func() error {
		k, name := kindOf(obj), obj.GetName()
		known := h.known(k, name)
		if known == nil {
			return nil
		}
		err := h.api.remove(ctx, k, h.namespace, name, known.GetResourceVersion())
		if errors.Is(err, hub.ErrNotFound) {
			err = nil
		}
		if err == nil {
			h.note(k, name, nil)
		}
		return err
	})
}

// retry does what writes, again where somebody else wrote in between.
func (h *Hub) retry(ctx context.Context, obj hub.Object, try func() error) error {
	if obj.SourceCluster() != h.cluster {
		return fmt.Errorf("write for cluster %s as %s: %w", obj.SourceCluster(), h.cluster, hub.ErrForbidden)
	}
	err := h.lead(ctx)
	if err == nil && !h.sees() { // what is known may be old
		err = h.look(ctx, obj)
	}
	for n := 0; err == nil && n < attempts; n++ {
		err = try()
		refused := errors.Is(err, hub.ErrForbidden) // which may be because somebody else leads
		if !refused && !errors.Is(err, hub.ErrConflict) {
			return err
		}
		if e := h.look(ctx, obj); e != nil {
			return e
		}
		if e := h.lead(ctx); e != nil {
			return e
		}
		if refused || n == attempts-1 {
			return err
		}
		err = nil
	}
	return err
}

// lead refuses a writer that does not lead: whose Member is not there, or was written in a newer term.
func (h *Hub) lead(ctx context.Context) error {
	h.mu.Lock()
	w, seen := h.writer, h.current
	m, _ := h.members.objects[h.namespace+"/"+h.cluster].(*v1alpha1.Member)
	h.mu.Unlock()
	if w.term == 0 {
		return fmt.Errorf("this replica does not lead: %w", hub.ErrFenced)
	}
	if !w.sure || !seen {
		var err error
		if m, err = h.self(ctx); err != nil {
			return err
		}
		if m != nil {
			h.note(members, h.cluster, m)
		}
	}
	if m == nil {
		return fmt.Errorf("there is no Member %s on the hub: %w", h.cluster, hub.ErrNotFound)
	}
	return h.claim(m.Status.Marker.Term)
}

// claim compares the own term with the one on the hub.
func (h *Hub) claim(there int64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &h.writer
	switch {
	case there <= w.term:
	case w.sure:
		return fmt.Errorf("the records of %s are written in term %d, this is term %d: %w", h.cluster, there, w.term, hub.ErrFenced)
	default:
		h.log.Info("term goes on from the hub's", "term", there+1, "own", w.term)
		w.term = there + 1
	}
	w.sure = true
	return nil
}

// look reads what is on the hub after somebody else wrote there: the object, and who leads.
func (h *Hub) look(ctx context.Context, obj hub.Object) error {
	k, name := kindOf(obj), obj.GetName()
	found, err := h.api.get(ctx, k, h.namespace, name)
	if err != nil && !errors.Is(err, hub.ErrNotFound) {
		return err
	}
	h.note(k, name, nil) // what is there now counts, even if its version should be older
	if err == nil {
		h.note(k, name, found)
	}
	if k == members {
		return nil
	}
	m, err := h.self(ctx)
	if m != nil {
		h.note(members, h.cluster, m)
	}
	return err
}

// sees says whether what is known is what the hub has, but for what is on its way.
func (h *Hub) sees() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current
}

func (h *Hub) term() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.writer.term
}

func (h *Hub) writeRecord(ctx context.Context, obj hub.Object) error {
	next := obj.DeepCopyObject().(hub.Object)
	next.SetNamespace(h.namespace)
	hub.Stamp(next, h.term())
	k, known := kindOf(obj), h.known(kindOf(obj), obj.GetName())
	switch {
	case known == nil:
		created, err := h.api.create(ctx, next)
		if err == nil {
			h.note(k, obj.GetName(), created)
		}
		return err
	case hub.Same(known, next):
		return nil
	}
	return h.change(ctx, known, next, "")
}

// writeStatus writes the own Member's status, or renews the Lease.
func (h *Hub) writeStatus(ctx context.Context, m *v1alpha1.Member) error {
	known, _ := h.known(members, h.cluster).(*v1alpha1.Member)
	if known == nil {
		return fmt.Errorf("there is no Member %s on the hub: %w", h.cluster, hub.ErrNotFound)
	}
	next := known.DeepCopy()
	m.Status.DeepCopyInto(&next.Status)
	next.Status.Marker.Term = h.term()
	sequence := next.Status.Marker.Sequence
	next.Status.Marker.Sequence = known.Status.Marker.Sequence
	if hub.Same(known, next) {
		if sequence <= known.Status.Marker.Sequence {
			return nil
		}
		return h.renew(ctx, beat{next.Status.Marker.Term, sequence})
	}
	next.Status.Marker.Sequence = sequence
	return h.change(ctx, known, next, "status")
}

// change makes known be next by what differs, if known is still what is there.
func (h *Hub) change(ctx context.Context, known, next hub.Object, subresource string) error {
	next = next.DeepCopyObject().(hub.Object)
	keep(known, next)
	patch, err := difference(known, next)
	if err != nil {
		return fmt.Errorf("compare with what is on the hub: %w", err)
	}
	meta, err := h.api.patch(ctx, kindOf(known), h.namespace, known.GetName(), subresource, patch)
	if err != nil {
		return err
	}
	next.SetResourceVersion(meta.ResourceVersion)
	next.SetGeneration(meta.Generation)
	h.note(kindOf(known), known.GetName(), next)
	return nil
}

// keep gives next what an API server keeps of known.
func keep(known, next hub.Object) {
	next.SetUID(known.GetUID())
	next.SetResourceVersion(known.GetResourceVersion())
	next.SetGeneration(known.GetGeneration())
	next.SetCreationTimestamp(known.GetCreationTimestamp())
	next.SetFinalizers(known.GetFinalizers())
	next.SetOwnerReferences(known.GetOwnerReferences())
	next.SetDeletionTimestamp(known.GetDeletionTimestamp())
	next.SetDeletionGracePeriodSeconds(known.GetDeletionGracePeriodSeconds())
}

// difference returns the merge patch that makes a into b. It holds the version, so that it applies to nothing else than a, and clears who
// manages which field: that is of no use to records, and would travel with each change to every watcher.
func difference(a, b hub.Object) ([]byte, error) {
	before, after := encode(a), encode(b)
	patch, err := jsonpatch.CreateMergePatch(before, after)
	if err != nil {
		return nil, err
	}
	var body map[string]any
	if err := json.Unmarshal(patch, &body); err != nil {
		return nil, err
	}
	meta, _ := body["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		body["metadata"] = meta
	}
	meta["resourceVersion"] = a.GetResourceVersion()
	meta["managedFields"] = []any{map[string]any{}}
	if m, ok := b.(*v1alpha1.Member); ok {
		require(body, m.Status.Marker)
	}
	return json.Marshal(body)
}

// require puts into a patch what a marker must have, and what a Member without one does not: read into Go, both look alike.
func require(body map[string]any, marker v1alpha1.Marker) {
	status, _ := body["status"].(map[string]any)
	if status == nil {
		status = map[string]any{}
		body["status"] = status
	}
	fields, _ := status["marker"].(map[string]any)
	if fields == nil {
		fields = map[string]any{}
		status["marker"] = fields
	}
	fields["exports"], fields["slices"] = marker.Exports, marker.Slices
}
