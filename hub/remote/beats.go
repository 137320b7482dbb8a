package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

const leasesPath = "/apis/coordination.k8s.io/v1"

// beat is what a member's Lease says of its marker.
type beat struct {
	term, sequence int64
}

func beatOf(annotations map[string]string) beat {
	term, _ := strconv.ParseInt(annotations[hub.AnnotationTerm], 10, 64)
	sequence, _ := strconv.ParseInt(annotations[hub.AnnotationSequence], 10, 64)
	return beat{term, sequence}
}

// shown returns what is told of an object: of a Member, the sequence of its marker is the newest that it or its Lease says. A Lease of
// an older term says nothing.
func (h *Hub) shown(obj hub.Object) hub.Object {
	m, ok := obj.(*v1alpha1.Member)
	if !ok {
		return obj
	}
	h.mu.Lock()
	b := h.beats[m.Namespace]
	h.mu.Unlock()
	if b.term < m.Status.Marker.Term || b.sequence <= m.Status.Marker.Sequence {
		return obj
	}
	m = m.DeepCopy()
	m.Status.Marker.Sequence = b.sequence
	return m
}

// listen lists the Leases of all members again and again, until ctx ends or the session has to.
func (s *session) listen(ctx context.Context) {
	var version string
	for first := true; ; first = false {
		at, err := s.heartbeats(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && version != "" && newer(version, at):
			if err := s.doubt(ctx); err != nil {
				s.fail(err)
				return
			}
		case err != nil && first:
			// Nobody's life depends on it: the beacons tell more, and sooner.
			s.hub.log.Warn("leases not listed", "err", err)
		}
		version = at
		if first {
			s.open(&s.hub.beats)
		}
		if !pause(ctx, s.hub.pace.list*4/3) {
			return
		}
	}
}

// heartbeats lists the Leases and tells of each Member whose sequence is newer than what was told.
func (s *session) heartbeats(ctx context.Context) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.hub.pace.answer)
	defer cancel()
	leases, version, err := s.hub.api.leases(ctx)
	if err != nil {
		return "", fmt.Errorf("list the leases of members: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hub.mu.Lock()
	var moved []hub.Object
	for _, k := range slices.Sorted(maps.Keys(s.hub.members.objects)) {
		m := s.hub.members.objects[k]
		if b, there := leases[m.GetNamespace()]; there && b != s.hub.beats[m.GetNamespace()] {
			moved = append(moved, m)
		}
	}
	maps.Copy(s.hub.beats, leases)
	s.hub.mu.Unlock()
	s.told(hub.Put, moved)
	return version, nil
}

// doubt ends the session where the hub has gone back in time while nothing broke.
func (s *session) doubt(ctx context.Context) error {
	if err := s.hub.recognise(ctx); err != nil {
		return err
	}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if s.hub.newest() == "" {
		return fmt.Errorf("the hub went back in time: %w", hub.ErrExpired)
	}
	return nil
}

// leases reads the heartbeat of each member, by its namespace.
func (a *api) leases(ctx context.Context) (all map[string]beat, version string, err error) {
	all = map[string]beat{}
	for next := ""; ; {
		r := a.rest.Get().AbsPath(leasesPath, "leases").Param("fieldSelector", "metadata.name="+hub.LeaseName).
			Param("limit", strconv.Itoa(pageSize)).SetHeader("Accept", listMetadataOnly).MaxRetries(0)
		if next != "" {
			r = r.Param("continue", next)
		} else {
			r = r.Param("resourceVersion", "0")
		}
		body, err := raw(ctx, r)
		var list metav1.PartialObjectMetadataList
		if err == nil {
			err = json.Unmarshal(body, &list)
		}
		if err != nil {
			return nil, "", translate(err)
		}
		for _, l := range list.Items {
			all[l.Namespace] = beatOf(l.Annotations)
		}
		if version, next = list.ResourceVersion, list.Continue; next == "" {
			return all, version, nil
		}
	}
}

// renew shows by the own Lease that the member lives, unless it did so just now.
func (h *Hub) renew(ctx context.Context, b beat) error {
	h.mu.Lock()
	recent := time.Since(h.writer.renewed) < h.pace.renew
	h.mu.Unlock()
	if recent {
		return nil
	}
	if err := h.api.renew(ctx, h.namespace, h.cluster, b); err != nil {
		return fmt.Errorf("renew the own lease: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writer.renewed = time.Now()
	h.beats[h.namespace] = b
	return nil
}

func (a *api) renew(ctx context.Context, namespace, cluster string, b beat) error {
	seconds, now := int32(time.Minute/time.Second), metav1.NowMicro()
	lease := coordinationv1.Lease{
		TypeMeta: metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: hub.LeaseName,
			Annotations: map[string]string{
				hub.AnnotationTerm:     strconv.FormatInt(b.term, 10),
				hub.AnnotationSequence: strconv.FormatInt(b.sequence, 10),
			},
		},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &cluster, LeaseDurationSeconds: &seconds, RenewTime: &now},
	}
	body, err := json.Marshal(lease)
	if err != nil {
		return err
	}
	_, err = raw(ctx, a.rest.Patch(types.MergePatchType).AbsPath(leasesPath, "namespaces", namespace, "leases", hub.LeaseName).
		SetHeader("Accept", metadataOnly).MaxRetries(0).Body(body))
	if err = translate(err); errors.Is(err, hub.ErrNotFound) {
		_, err = raw(ctx, a.rest.Verb(http.MethodPost).AbsPath(leasesPath, "namespaces", namespace, "leases").MaxRetries(0).Body(body))
		err = translate(err)
	}
	return err
}
