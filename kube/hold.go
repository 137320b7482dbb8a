package kube

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// A list that lacks more than half of what was known, and more than twenty, waits for a minute before it is believed: the same numbers by
// which importers hold a withdrawal (DESIGN: absence must be explained).
const (
	holdMin  = 20
	holdTime = 60 * time.Second
	holdLook = time.Second
)

// holds decides whether ServiceExports that are gone are withdrawn. Somebody who deletes the definition of the kind deletes every
// export with it, one by one, and means none of them. So each deletion is believed once the definition is seen to be there and to stay;
// otherwise the exports are held until they are there again, or their namespace or Service is gone.
//
// Its fields are guarded by the lock of its source.
type holds struct {
	source *Source
	wake   chan struct{}
	known  map[fleet.Name]bool
	going  map[fleet.Name]bool      // deleted, and not decided about
	held   map[fleet.Name]time.Time // until when; zero: until it is there again
}

func newHolds(s *Source) *holds {
	return &holds{
		source: s, wake: make(chan struct{}, 1),
		known: map[fleet.Name]bool{}, going: map[fleet.Name]bool{}, held: map[fleet.Name]time.Time{},
	}
}

// seen notes that an export is there.
func (h *holds) seen(name fleet.Name) {
	h.known[name] = true
	delete(h.going, name)
	if _, ok := h.held[name]; ok {
		delete(h.held, name)
		h.show()
	}
}

// deleted notes that one was seen to go.
func (h *holds) deleted(name fleet.Name) {
	if _, held := h.held[name]; h.known[name] && !held {
		h.going[name] = true
		rouse(h.wake)
	}
}

// listed takes a new list of all exports.
func (h *holds) listed(listed map[fleet.Name]bool) {
	var missing []fleet.Name
	for name := range h.known {
		if _, held := h.held[name]; !listed[name] && !held {
			missing = append(missing, name)
		}
	}
	sudden := len(missing) > holdMin && 2*len(missing) > len(h.known)
	for _, name := range missing {
		if sudden {
			h.held[name] = time.Now().Add(holdTime)
			delete(h.going, name)
		} else {
			h.going[name] = true
		}
	}
	if sudden {
		h.show()
	}
	rouse(h.wake)
}

// letGo drops what is held in a namespace that is gone.
func (h *holds) letGo(namespace string) {
	for name := range h.held {
		if name.Namespace == namespace {
			h.drop(name)
		}
	}
	h.show()
}

func (h *holds) drop(name fleet.Name) {
	delete(h.known, name)
	delete(h.going, name)
	delete(h.held, name)
	h.source.drop(kindExport, name)
}

// run decides until ctx ends.
func (h *holds) run(ctx context.Context) {
	look := time.NewTicker(holdLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-look.C:
		}
		if h.undecided(time.Now()) {
			alive, err := h.alive(ctx)
			if err == nil {
				h.decide(alive, time.Now())
			} else if ctx.Err() == nil {
				h.source.Log.Warn("whether ServiceExports are still served is not known, withdrawals wait", "err", err)
			}
		}
	}
}

func (h *holds) undecided(now time.Time) bool {
	h.source.mu.Lock()
	defer h.source.mu.Unlock()
	for _, until := range h.held {
		if !until.IsZero() && now.After(until) {
			return true
		}
	}
	return len(h.going) > 0
}

// decide withdraws what is gone for good.
func (h *holds) decide(alive bool, now time.Time) {
	s := h.source
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range h.going {
		if alive {
			h.drop(name)
		} else {
			delete(h.going, name)
			h.held[name] = time.Time{}
		}
	}
	for name, until := range h.held {
		if alive && !until.IsZero() && now.After(until) {
			h.drop(name)
		}
	}
	h.show()
	s.flush()
}

// show lets the picture tell what is held. The caller flushes.
func (h *holds) show() {
	s := h.source
	complaint := &picture.Complaint{
		Object: fleet.Ref{Kind: "CustomResourceDefinition", Name: fleet.Name{Name: exportsCRD}},
		Message: fmt.Sprintf("%d ServiceExports of this cluster vanished at once, or with their definition: they stay exported until they are "+
			"there again; restore the definition and the exports, or restart the agents to let them go", len(h.held)),
	}
	_, told := s.told[picture.KeyOf(complaint)]
	switch {
	case len(h.held) > 0:
		s.tell(complaint)
		if !told {
			s.Log.Warn("exports held", "count", len(h.held))
			s.event(Event{Type: corev1.EventTypeWarning, Reason: "ExportsHeld", Message: complaint.Message})
		}
	case told:
		s.untell(picture.KeyOf(complaint))
		s.Log.Info("no exports are held any more")
	}
}

func (s *Source) event(e Event) {
	if s.Event != nil {
		s.Event(e)
	}
}

// alive says whether the definition of ServiceExports is there and stays. Where it may not be read, whether exports can be listed has to do.
func (h *holds) alive(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	crd := &metav1.PartialObjectMetadata{}
	crd.SetGroupVersionKind(crdKind)
	err := h.source.Client.Get(ctx, client.ObjectKey{Name: exportsCRD}, crd)
	if apierrors.IsForbidden(err) {
		err = h.source.Client.List(ctx, &mcsv1beta1.ServiceExportList{}, client.Limit(1))
	}
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for the definition of ServiceExports: %w", err)
	}
	return crd.DeletionTimestamp == nil, nil
}
