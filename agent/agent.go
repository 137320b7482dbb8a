// Package agent runs the centre of one cluster: it gathers facts, steps the centre when one of them matters, and hands every new
// picture on.
//
// In go the objects of the own cluster (Apply), the records of the others (from a Hub), and what the agent's own probers see of the
// others' beacons. Out go pictures to the Outputs, and the own records with their marker to the Hub. The Hub may be away: what is known
// stays known, the data path goes on, and what is to be written is written when it is back, because writing is level-triggered.
//
// Several replicas may run for one cluster. Each runs the whole centre and probes for itself; one of them leads and writes (Lead, Follow). They tell each
// other what their probes see (Peers), so that a cluster is lost only if nobody reaches it.
//
// One goroutine owns the centre and is the only one that calls Outputs. It wakes for four things: changed local objects, events of the
// hub, a probe result that can change a verdict, and the moment that the centre itself named. An idle fleet steps nothing.
//
// Start with New and Run. The hub's events come in through listen.go, records go out through publish.go, the probers are in probe.go,
// what they answer is in beacon.go, and what replicas tell each other in peers.go.
package agent

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/picture"
)

// Hub is where records meet. Its errors are those of package hub.
type Hub interface {
	// Write makes the object on the hub be like this one. Of a Member it writes the status only.
	Write(ctx context.Context, obj hub.Object) error
	// Delete removes the object; one that is not there is no error.
	Delete(ctx context.Context, obj hub.Object) error
	// Watch calls tell with a list, Synced, and every change, one at a time, until ctx ends or the watch breaks. It never returns nil.
	Watch(ctx context.Context, tell func(hub.Event)) error
}

// Output takes each new picture with the keys of the values that changed in it. It is called by one goroutine, in order, and must not
// block.
type Output func(pic *picture.Picture, changed []picture.Key)

// Options is what an Agent needs.
type Options struct {
	Vantage picture.Vantage
	Prior   picture.Prior
	Hub     Hub
	// Self is the cluster's description of itself, for as long as the hub has none.
	Self    *v1alpha1.Member
	Outputs []Output
	// Dial connects to beacons and sampled endpoints.
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Probe ProbePolicy
	// Heartbeat is how often the marker changes even if nothing else does; 15 s where zero.
	Heartbeat time.Duration
	// Standby says that this replica writes nothing until Lead is called.
	Standby bool
	// Fenced, where it is given, is called when this replica finds out that another one writes: it has stopped then, and does not lead until Lead is
	// called again.
	Fenced func(err error)
	// Beacons, where it is given, returns the addresses of the beacons that run now, and Status all else that the cluster says of itself. Both are
	// asked often, and must not block. Of the Status, the marker does not count.
	Beacons func() []string
	Status  func() v1alpha1.MemberStatus
	Log     *slog.Logger
}

// Agent runs one cluster's centre. Its methods are safe for concurrent use.
type Agent struct {
	Options
	id       string // tells this replica from its peers
	inbox    *inbox
	observer *observer
	probers  *probers
	self     *self
	outgoing *outgoing
	leading  *leading
	standing standing // of what is published, and below why something is not: both belong to the goroutine that publishes
	refusal  string
	picture  atomic.Pointer[picture.Picture]
	applied  atomic.Bool // the own cluster's objects have come
	hubUp    atomic.Bool
}

// New returns an Agent that has not begun to run.
func New(o Options) *Agent {
	o.Heartbeat = cmp.Or(o.Heartbeat, 15*time.Second)
	o.Probe = o.Probe.orDefault()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &Agent{Options: o, id: rand.Text(), inbox: newInbox(), outgoing: newOutgoing(), leading: newLeading()}
	a.observer = newObserver(o.Vantage.Health.Misses, a.inbox.put)
	a.self = newSelf(o.Self, a.inbox.put)
	a.probers = newProbers(o, a.observer, a.Picture)
	if !o.Standby {
		a.Lead()
	}
	return a
}

// Run runs the agent until ctx ends. It returns when all of it has ended.
func (a *Agent) Run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { a.listen(ctx) })
	group.Go(func() { a.publish(ctx) })
	a.steer(ctx)
	a.probers.stop()
	group.Wait()
}

// Apply takes changes of the own cluster's objects. The first call must bring all of them: until then, nothing is published, lest an
// agent that knows nothing yet withdraws everything.
func (a *Agent) Apply(changes []picture.Change) {
	a.inbox.put(changes)
	a.applied.Store(true)
	signal(a.inbox.ready)
}

// Picture returns the newest picture; nil before the first.
func (a *Agent) Picture() *picture.Picture { return a.picture.Load() }

// HubUp says whether the hub was there when it was last asked for.
func (a *Agent) HubUp() bool { return a.hubUp.Load() }

// Drain takes the operator's word for the own cluster without waiting for the hub to carry it: the picture and the beacons say at once
// that it drains, or no longer does. The word stands until the hub says the same.
func (a *Agent) Drain(on bool) { a.self.drain(on) }

// Lead makes this replica the one that writes: it compares all that is its own with what is on the hub, and takes over the marker.
func (a *Agent) Lead() { a.leading.lead() }

// Follow makes this replica stop writing. What is on its way to the hub may still arrive there.
func (a *Agent) Follow() { a.leading.follow() }

// Release takes the operator's word that a mass withdrawal by another cluster, which is held for a while, is meant.
func (a *Agent) Release(cluster string) { a.observer.release(cluster) }

// Said is what the agent's beacons tell.
func (a *Agent) Said() Said {
	said := a.outgoing.said()
	said.Cluster, said.Draining = a.Vantage.Name, a.self.draining()
	return said
}

// steer owns the centre.
func (a *Agent) steer(ctx context.Context) {
	centre := picture.NewCentre(a.Vantage, a.Prior)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.inbox.ready:
		case <-timer.C:
		}
		timer.Stop()
		if wake := a.step(ctx, centre); !wake.IsZero() {
			timer.Reset(time.Until(wake))
		}
	}
}

func (a *Agent) step(ctx context.Context, centre *picture.Centre) time.Time {
	complete := a.applied.Load()
	changes, since := a.inbox.take()
	pic, changed, wake := centre.Step(changes, time.Now())
	before := a.picture.Swap(pic)
	a.outgoing.follow(pic, changed, since, complete)
	if len(changed) == 0 && before != nil {
		return wake
	}
	for _, out := range a.Outputs {
		out(pic, changed)
	}
	members := before == nil
	for _, k := range changed {
		if k.Kind == picture.KindMember {
			members = true
			a.logVerdict(before, pic, k.Path)
		}
	}
	if members {
		a.probers.follow(ctx, pic)
	}
	return wake
}

// logVerdict tells a changed verdict; other changes of a member are silent.
func (a *Agent) logVerdict(before, pic *picture.Picture, cluster string) {
	var was *picture.Member
	if before != nil {
		was = before.Member(cluster)
	}
	is := pic.Member(cluster)
	switch {
	case is == nil:
		a.Log.Info("cluster left", "cluster", cluster)
	case was == nil || was.Verdict != is.Verdict:
		a.Log.Info("verdict", "cluster", cluster, "verdict", is.Verdict.String(), "reason", strings.TrimSpace(is.Reason))
	}
}
