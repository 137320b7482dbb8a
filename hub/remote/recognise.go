package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// admitted returns once the own Member is approved, or is not there. While it waits, it tells that Member and nothing else: all that a member
// may read before it is approved.
func (s *session) admitted(ctx context.Context) error {
	for version := ""; ; {
		m, err := s.hub.self(ctx)
		if err != nil {
			return err
		}
		if m == nil || !m.Spec.Pending {
			return nil
		}
		if m.ResourceVersion != version {
			version = m.ResourceVersion
			s.tell(hub.Event{Type: hub.Put, Object: m})
		}
		s.hub.turn(false, fmt.Sprintf("cluster %s waits for its approval on the hub: fairlead approve %s", s.hub.cluster, s.hub.cluster))
		if !pause(ctx, s.hub.pace.pending) {
			return ctx.Err()
		}
	}
}

// self reads the own Member as the hub has it now; nil: there is none.
func (h *Hub) self(ctx context.Context) (*v1alpha1.Member, error) {
	ctx, cancel := context.WithTimeout(ctx, h.pace.answer)
	defer cancel()
	obj, err := h.api.get(ctx, members, h.namespace, h.cluster)
	switch {
	case errors.Is(err, hub.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the own Member: %w", err)
	}
	return obj.(*v1alpha1.Member), nil
}

// recognise finds out whether the hub is the one that is known, so that watches can go on where they were. It is not after a long outage, and not
// where its versions are behind what was seen: then it was restored from a backup, and a watch from a version of its future would wait for it
// in silence. Nor is it where the own Member is another one: then it was made anew.
func (h *Hub) recognise(ctx context.Context) error {
	m, err := h.self(ctx)
	if err != nil {
		return err
	}
	bound, cancel := context.WithTimeout(ctx, h.pace.answer)
	defer cancel()
	at, err := h.api.revision(bound)
	if err != nil {
		return fmt.Errorf("ask the hub for its version: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	why := h.stranger(m, at)
	h.uid = ""
	if m != nil {
		h.uid = string(m.UID)
	}
	if why == "" {
		return nil
	}
	for _, st := range h.streams() {
		st.version = ""
	}
	h.log.Info("hub listed anew", "reason", why)
	return nil
}

// stranger says why the hub is not the one that is known; empty: it is, or none is known yet. The caller holds the lock.
func (h *Hub) stranger(m *v1alpha1.Member, at string) string {
	switch {
	case h.newest() == "":
		return ""
	case !h.lastHeard.IsZero() && time.Since(h.lastHeard) > h.pace.resume:
		return "it was away for long"
	case newer(h.newest(), at):
		return "its version is behind what was seen: it was restored from a backup"
	case m == nil && h.uid == "":
		return ""
	case m == nil || string(m.UID) != h.uid:
		return "the own Member is not the one that was known"
	}
	if old := h.members.objects[key(m)]; old != nil && newer(old.GetResourceVersion(), m.ResourceVersion) {
		return "the own Member is older than it was: the hub was restored from a backup"
	}
	return ""
}

// newest returns the newest version that any stream has seen; empty: none.
func (h *Hub) newest() (version string) {
	for _, st := range h.streams() {
		if st.version != "" && (version == "" || newer(st.version, version)) {
			version = st.version
		}
	}
	return version
}
