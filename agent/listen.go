package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/picture"
)

// The pauses between two attempts to reach the hub.
const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 700 * time.Millisecond
)

// listen watches the hub until ctx ends, and watches again whenever a watch breaks.
func (a *Agent) listen(ctx context.Context) {
	in := incoming{agent: a, known: map[picture.Key]struct{}{}}
	pause := shortestPause
	for ctx.Err() == nil {
		in.begin()
		err := a.Hub.Watch(ctx, in.take)
		if in.synced {
			pause = shortestPause
		}
		if a.hubUp.Swap(false) && ctx.Err() == nil && !errors.Is(err, hub.ErrExpired) {
			a.Log.Warn("hub lost", "err", err)
		}
		a.outgoing.unsync()
		if !rest(ctx, pause) {
			return
		}
		pause = min(2*pause, longestPause)
	}
}

// incoming turns the events of one watch after another into changes of facts. What a new list lacks becomes a deletion: whether that
// is obeyed is for the centre to decide.
type incoming struct {
	agent  *Agent
	known  map[picture.Key]struct{} // facts that came from the hub
	synced bool
	listed map[picture.Key]struct{} // while the list comes in
	batch  []picture.Change
	mine   map[string]hub.Object // own records, while the list comes in
	member bool                  // the own Member was in the list
}

func (in *incoming) begin() {
	in.synced = false
	in.listed = map[picture.Key]struct{}{}
	in.batch = nil
	in.mine = map[string]hub.Object{}
	in.member = false
}

// take is called with each event of a watch.
func (in *incoming) take(e hub.Event) {
	if e.Type == hub.Synced {
		in.sync()
		return
	}
	cluster := e.Object.SourceCluster()
	if e.Object.GetNamespace() != hub.Namespace(cluster) {
		in.agent.Log.Warn("record of another cluster refused", "cluster", cluster, "namespace", e.Object.GetNamespace(), "name", e.Object.GetName())
		return
	}
	if cluster == in.agent.Vantage.Name {
		in.own(e)
		return
	}
	change := picture.Change{Key: picture.KeyOf(e.Object)}
	delete(in.known, change.Key)
	switch e.Type {
	case hub.Unwatched:
		change.Fact = picture.Unwatched{}
	case hub.Put:
		change.Fact = e.Object
		in.known[change.Key] = struct{}{}
		if m, ok := e.Object.(*v1alpha1.Member); ok {
			in.agent.observer.marker(m, time.Now())
		}
	}
	if in.synced {
		in.agent.inbox.put([]picture.Change{change})
		return
	}
	in.listed[change.Key] = struct{}{}
	in.batch = append(in.batch, change)
}

// own takes an event of the own namespace: it tells what is written, never what is so.
func (in *incoming) own(e hub.Event) {
	if m, ok := e.Object.(*v1alpha1.Member); ok {
		in.member = in.member || e.Type == hub.Put
		if e.Type == hub.Put {
			in.agent.self.seen(m)
			in.agent.outgoing.seen(m)
		} else {
			in.agent.outgoing.unseen()
		}
		return
	}
	switch {
	case !in.synced:
		in.mine[e.Object.GetName()] = e.Object
	case e.Type == hub.Put:
		in.agent.outgoing.put(e.Object)
	default:
		in.agent.outgoing.deleted(e.Object.GetName())
	}
}

// sync ends the list.
func (in *incoming) sync() {
	for k := range in.known {
		if _, listed := in.listed[k]; !listed {
			in.batch = append(in.batch, picture.Change{Key: k})
			delete(in.known, k)
		}
	}
	in.agent.inbox.put(in.batch)
	if !in.member {
		in.agent.outgoing.unseen()
	}
	in.agent.outgoing.sync(in.mine)
	in.batch, in.listed, in.mine, in.synced = nil, nil, nil, true
	if !in.agent.hubUp.Swap(true) {
		in.agent.Log.Info("hub found")
	}
}

// rest waits for about as long as told, and says whether ctx is still alive. The jitter keeps a fleet from coming back all at once.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause/2 + rand.N(pause))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
