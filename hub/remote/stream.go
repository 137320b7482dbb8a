package remote

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/watch"

	"fairlead.dev/fairlead/hub"
)

// stream is one kind of objects, of one namespace or selected by labels: a list and the watch that goes on from there. It outlives the
// session that follows it. Its fields are guarded by Hub.mu; what says which objects it is changes only while nobody follows it.
type stream struct {
	kind      *kind
	namespace string // empty: all
	selector  string
	// lacking are selected namespaces that are to be listed before the watch goes on, because they were added.
	lacking []string

	version string // from which to watch; empty: list
	objects map[string]hub.Object
}

func newStream(k *kind, namespace, selector string) *stream {
	return &stream{kind: k, namespace: namespace, selector: selector, objects: map[string]hub.Object{}}
}

// choose changes which namespaces are selected.
func (st *stream) choose(cluster string, before, after []string) {
	st.selector = selectorOf(cluster, after)
	st.lacking = slices.DeleteFunc(slices.Clone(after), func(ns string) bool {
		return slices.Contains(before, ns) && !slices.Contains(st.lacking, ns)
	})
}

// follow keeps the stream up to date until ctx ends or the hub is gone. It calls open whenever what is known is what the hub has, but for changes
// that are still to come.
func (s *session) follow(ctx context.Context, st *stream, open func()) error {
	for {
		if err := s.fill(ctx, st); err != nil {
			return err
		}
		began := time.Now()
		err := s.watch(ctx, st, open)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, hub.ErrExpired):
			s.hub.forget(st)
		case err != nil:
			return err
		}
		// An API server ends each watch now and then. One that does nothing else is not to be asked without a pause.
		if time.Since(began) < time.Second && !pause(ctx, time.Second) {
			return ctx.Err()
		}
	}
}

// fill lists what is not known yet: all, or what was added to the selection.
func (s *session) fill(ctx context.Context, st *stream) error {
	s.hub.mu.Lock()
	version, lacking := st.version, st.lacking
	s.hub.mu.Unlock()
	switch {
	case version == "":
		return s.fillAll(ctx, st, "0")
	case len(lacking) == 0:
		return nil
	}
	// What is added must not be older than what is known, or the watch would not tell what happened in between.
	all, _, err := s.hub.api.list(ctx, st.kind, st.namespace, selectorOf(s.hub.cluster, lacking), version)
	if errors.Is(err, hub.ErrExpired) {
		return s.fillAll(ctx, st, "")
	}
	if err == nil {
		s.add(st, all)
	}
	return err
}

// fillAll lists all of a stream from a version on, as api.list has it.
func (s *session) fillAll(ctx context.Context, st *stream, version string) error {
	all, at, err := s.hub.api.list(ctx, st.kind, st.namespace, st.selector, version)
	if errors.Is(err, hub.ErrExpired) && version != "" { // a page came too late
		all, at, err = s.hub.api.list(ctx, st.kind, st.namespace, st.selector, "")
	}
	if err == nil {
		s.replace(st, all, at)
	}
	return err
}

// watch takes events until the watch ends. The end that an API server itself makes is no error.
func (s *session) watch(ctx context.Context, st *stream, open func()) error {
	s.hub.mu.Lock()
	version := st.version
	s.hub.mu.Unlock()
	body, err := s.hub.api.watch(ctx, st.kind, st.namespace, st.selector, version)
	if err != nil {
		return err
	}
	defer body.Close()
	open()
	for dec := json.NewDecoder(body); ; {
		var f frame
		switch err := dec.Decode(&f); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return translate(err)
		}
		obj, err := f.read(st.kind)
		switch {
		case err != nil && f.Type != watch.Error:
			// An object that cannot be read does not keep the others back.
			s.hub.log.Warn("object of the hub not read", "err", err)
		case err != nil:
			return err
		case f.Type == watch.Bookmark:
			s.bookmark(st, obj.GetResourceVersion())
		default:
			s.event(st, obj, f.Type == watch.Deleted)
		}
	}
}

// pause waits for about as long as told, and says whether ctx is still alive. The jitter keeps a fleet from coming back all at once.
func pause(ctx context.Context, about time.Duration) bool {
	timer := time.NewTimer(about/2 + rand.N(about/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
