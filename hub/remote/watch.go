package remote

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"fairlead.dev/fairlead/hub"
)

// session is one run of Watch: it follows all streams at once, and ends when one of them cannot be followed.
type session struct {
	hub  *Hub
	fail context.CancelCauseFunc

	followers map[*shard]func() // each ends the following of a shard, and waits until it has ended

	mu      sync.Mutex // held while something is told, and taken before Hub.mu
	tell    func(hub.Event)
	waiting map[any]struct{} // what must be known before the list is complete
	synced  bool
}

// Watch calls tell with all that is watched, then with Synced, then with every change, one at a time, until ctx ends or the hub is gone.
// It never returns nil. After any error watch again: what is known is kept.
//
// While the own Member waits for approval nothing but it is told, and no Synced.
func (h *Hub) Watch(ctx context.Context, tell func(hub.Event)) error {
	h.watching.Lock()
	defer h.watching.Unlock()
	s := &session{hub: h, tell: tell, followers: map[*shard]func(){}, waiting: map[any]struct{}{}}
	err := s.run(ctx)

	h.mu.Lock()
	h.current = false
	if s.synced {
		h.lastHeard = time.Now()
	}
	h.mu.Unlock()
	why := err.Error()
	if unauthorized(err) {
		why = "the hub refuses this cluster's credential: it was revoked, or has expired; join the cluster again"
	}
	h.turn(false, why)
	return err
}

func (s *session) run(ctx context.Context) error {
	if err := s.admitted(ctx); err != nil {
		return err
	}
	if err := s.hub.recognise(ctx); err != nil {
		return err
	}
	ctx, s.fail = context.WithCancelCause(ctx)
	defer s.fail(nil)
	var group sync.WaitGroup
	defer group.Wait()
	s.mu.Lock()
	for _, st := range append([]*stream{s.hub.members}, s.hub.own...) {
		s.start(ctx, &group, st)
	}
	s.await(&s.hub.beats)
	group.Go(func() { s.listen(ctx) })
	s.mu.Unlock()
	// Last to be ended, and the first to be waited for.
	defer func() {
		s.fail(nil)
		for _, stop := range s.followers {
			stop()
		}
	}()
	s.choose(ctx, true)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.hub.selection:
			s.choose(ctx, false)
		}
	}
}

// start follows a stream in a goroutine of its own. The caller holds s.mu.
func (s *session) start(ctx context.Context, group *sync.WaitGroup, st *stream) {
	s.await(st)
	group.Go(func() {
		if err := s.follow(ctx, st, func() { s.open(st) }); err != nil && ctx.Err() == nil {
			s.fail(err)
		}
	})
}

// choose follows the shards that the selection makes. Those that stay as they are go on untouched.
func (s *session) choose(ctx context.Context, all bool) {
	h := s.hub
	h.mu.Lock()
	selected, shards := h.selected, slices.Clone(h.shards)
	var current [][]string
	for _, sh := range shards {
		current = append(current, sh.namespaces)
	}
	h.mu.Unlock()

	next := assign(current, selected)
	for i, sh := range shards {
		if stop := s.followers[sh]; stop != nil && !slices.Equal(current[i], next[i]) {
			stop()
			delete(s.followers, sh)
		}
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	h.mu.Lock()
	changed := h.reshard(next)
	if all {
		changed = slices.Clone(h.shards)
	}
	h.mu.Unlock()
	for i, sh := range shards {
		if !slices.Equal(current[i], next[i]) {
			s.prune(sh, selected)
		}
	}
	for _, sh := range changed {
		s.followShard(ctx, sh)
	}
	s.complete()
}

// followShard follows the streams of a shard until stopped. The caller holds s.mu.
func (s *session) followShard(ctx context.Context, sh *shard) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	for _, st := range sh.streams {
		s.start(ctx, &group, st)
	}
	s.followers[sh] = func() {
		cancel()
		group.Wait()
	}
}

// prune drops what is no longer selected, and tells so even before the list: an earlier Watch may have told of it. The caller holds s.mu.
func (s *session) prune(sh *shard, selected []string) {
	for _, st := range sh.streams {
		s.hub.mu.Lock()
		dropped := st.drop(selected)
		left := len(sh.namespaces) > 0
		s.hub.mu.Unlock()
		if !left {
			delete(s.waiting, st)
		}
		for _, obj := range dropped {
			s.tell(hub.Event{Type: hub.Unwatched, Object: obj})
		}
	}
}

// await notes that the list is not complete before open is called with the same. The caller holds s.mu.
func (s *session) await(what any) { s.waiting[what] = struct{}{} }

// open notes that something that was waited for is known.
func (s *session) open(what any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, what)
	s.complete()
}

// complete tells the list when nothing is waited for any more. The caller holds s.mu.
func (s *session) complete() {
	if s.synced || len(s.waiting) > 0 {
		return
	}
	h := s.hub
	h.mu.Lock()
	h.current = true
	var all []hub.Object
	for _, st := range h.streams() {
		for _, k := range slices.Sorted(maps.Keys(st.objects)) {
			all = append(all, st.objects[k])
		}
	}
	h.mu.Unlock()
	s.synced = true
	s.told(hub.Put, all)
	s.tell(hub.Event{Type: hub.Synced})
	h.turn(true, "")
}

// told tells events of one type, once the list is complete: what happens before is part of it. The caller holds s.mu.
func (s *session) told(kind hub.EventType, objects []hub.Object) {
	if !s.synced {
		return
	}
	for _, obj := range objects {
		s.tell(hub.Event{Type: kind, Object: s.hub.shown(obj)})
	}
}

func (s *session) event(st *stream, obj hub.Object, deleted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hub.mu.Lock()
	news := st.take(obj, deleted)
	s.hub.mu.Unlock()
	switch {
	case news && deleted:
		s.told(hub.Deleted, []hub.Object{obj})
	case news:
		s.told(hub.Put, []hub.Object{obj})
	}
}

func (s *session) bookmark(st *stream, version string) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	st.version = version
}

func (s *session) add(st *stream, all []hub.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hub.mu.Lock()
	news := st.merge(all)
	s.hub.mu.Unlock()
	s.told(hub.Put, news)
}

func (s *session) replace(st *stream, all []hub.Object, version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hub.mu.Lock()
	put, deleted := st.relist(all, version)
	s.hub.mu.Unlock()
	s.told(hub.Put, put)
	s.told(hub.Deleted, deleted)
}
