package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/picture"
)

// writeTimeout bounds one call of the hub: one that hangs must not keep newer states from being written.
const writeTimeout = 2 * time.Second

// outgoing is what the agent knows of its own records on the hub.
type outgoing struct {
	signal   chan struct{}
	complete atomic.Bool // the own cluster's objects are all known

	mu     sync.Mutex
	synced bool                  // the hub's list is known
	hub    map[string]hub.Object // own records as the hub has them, by object name
	wrote  map[string]hub.Object // what was last written under a name: the picture's own value
	marker v1alpha1.Marker       // the newest that was written or found
	found  int64                 // sequence of the marker that the hub has, as far as known; 0: none
}

func newOutgoing() *outgoing {
	return &outgoing{signal: make(chan struct{}, 1), hub: map[string]hub.Object{}, wrote: map[string]hub.Object{}}
}

func (o *outgoing) wake() { signal(o.signal) }

// sync takes a new list of the own records. Nothing is taken for written any more: it is compared again.
func (o *outgoing) sync(mine map[string]hub.Object) {
	o.mu.Lock()
	o.hub, o.wrote, o.synced = mine, map[string]hub.Object{}, true
	o.mu.Unlock()
	o.wake()
}

func (o *outgoing) unsync() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.synced, o.found = false, 0
}

// seen takes the own Member. Its marker goes on from where another writer left it.
func (o *outgoing) seen(m *v1alpha1.Member) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.found = max(o.found, m.Status.Marker.Sequence)
	if m.Status.Marker.Sequence > o.marker.Sequence {
		o.marker = m.Status.Marker
	}
}

// put notes a record as the hub has it. One that this agent did not write is looked at.
func (o *outgoing) put(obj hub.Object) {
	o.mu.Lock()
	o.hub[obj.GetName()] = obj
	_, ours := o.wrote[obj.GetName()]
	o.mu.Unlock()
	if !ours {
		o.wake()
	}
}

// deleted notes that a record is gone. If the agent did not ask for that, it writes it anew.
func (o *outgoing) deleted(name string) {
	o.mu.Lock()
	delete(o.hub, name)
	delete(o.wrote, name)
	o.mu.Unlock()
	o.wake()
}

func (o *outgoing) said() Said {
	o.mu.Lock()
	defer o.mu.Unlock()
	return Said{Term: o.marker.Term, Sequence: o.marker.Sequence}
}

// publish writes the own records to the hub whenever they differ from what the hub has, and a heartbeat when they do not.
func (a *Agent) publish(ctx context.Context) {
	beat := time.NewTicker(a.Heartbeat)
	defer beat.Stop()
	pause := shortestPause
	for {
		alive := false
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			alive = true
		case <-a.outgoing.signal:
		}
		err := a.publishOnce(ctx, alive)
		switch {
		case err == nil:
			pause = shortestPause
			continue
		case errors.Is(err, hub.ErrFenced):
			a.Log.Error("another writer took over: this agent writes no more", "err", err)
			return
		case !errors.Is(err, hub.ErrDown) && ctx.Err() == nil:
			a.Log.Warn("records not written, trying again", "err", err)
		}
		if !rest(ctx, pause) {
			return
		}
		pause = min(2*pause, longestPause)
		a.outgoing.wake()
	}
}

// publishOnce brings the hub to what the newest picture exports: additions and changes, then the marker that accounts for them and
// names what is withdrawn, then the deletions.
func (a *Agent) publishOnce(ctx context.Context, alive bool) error {
	pic := a.Picture()
	if pic == nil || !a.outgoing.complete.Load() {
		return nil
	}
	wanted := exportsOf(pic)
	write, withdraw, synced := a.outgoing.compare(wanted)
	if !synced {
		return nil // the list, when it comes, wakes again
	}
	for _, obj := range write {
		if err := a.write(ctx, obj); err != nil {
			return fmt.Errorf("write %s: %w", obj.GetName(), err)
		}
	}
	if err := a.mark(ctx, pic.ExportTotals(), withdraw, alive); err != nil {
		return fmt.Errorf("write the marker: %w", err)
	}
	for _, obj := range withdraw {
		if err := a.delete(ctx, obj); err != nil {
			return fmt.Errorf("delete %s: %w", obj.GetName(), err)
		}
	}
	return nil
}

// exportsOf returns the records of a picture by object name.
func exportsOf(pic *picture.Picture) map[string]hub.Object {
	wanted := map[string]hub.Object{}
	for ex := range pic.Exports() {
		wanted[ex.Record.Name] = ex.Record
		for _, er := range ex.Endpoints {
			wanted[er.Name] = er
		}
	}
	return wanted
}

// compare returns what is to be written and what is to be deleted, in the order of names; synced says whether the hub's state is known.
// Pictures share what did not change, so a record that is the very one that was written needs no look.
func (o *outgoing) compare(wanted map[string]hub.Object) (write, withdraw []hub.Object, synced bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if o.wrote[name] != wanted[name] {
			write = append(write, wanted[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.hub)) {
		if _, still := wanted[name]; !still {
			withdraw = append(withdraw, o.hub[name])
		}
	}
	return write, withdraw, o.synced
}

// mark writes the marker if it changed or must show that the agent lives.
func (a *Agent) mark(ctx context.Context, totals picture.Totals, withdraw []hub.Object, alive bool) error {
	a.outgoing.mu.Lock()
	old, there := a.outgoing.marker, a.outgoing.found > 0 && a.outgoing.found >= a.outgoing.marker.Sequence
	a.outgoing.mu.Unlock()
	next := v1alpha1.Marker{Term: old.Term, Sequence: old.Sequence, Exports: int32(totals.Exports), Slices: int32(totals.Slices)}
	for _, obj := range withdraw {
		next.Withdrawing = append(next.Withdrawing, obj.GetName())
	}
	// What was withdrawn before stays named until there is something else to tell.
	told := next.Exports == old.Exports && next.Slices == old.Slices &&
		(len(withdraw) == 0 || slices.Equal(next.Withdrawing, old.Withdrawing))
	if told && there && !alive {
		return nil
	}
	next.Sequence++
	member := &v1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Name: a.Vantage.Name},
		Spec:       v1alpha1.MemberSpec{Cluster: a.Vantage.Name},
		Status:     v1alpha1.MemberStatus{Marker: next},
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := a.Hub.Write(ctx, member); err != nil {
		return err
	}
	a.outgoing.mu.Lock()
	defer a.outgoing.mu.Unlock()
	if next.Sequence > a.outgoing.marker.Sequence {
		a.outgoing.marker, a.outgoing.found = next, next.Sequence
	}
	return nil
}

func (a *Agent) write(ctx context.Context, obj hub.Object) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := a.Hub.Write(ctx, obj); err != nil {
		return err
	}
	a.outgoing.mu.Lock()
	defer a.outgoing.mu.Unlock()
	a.outgoing.wrote[obj.GetName()], a.outgoing.hub[obj.GetName()] = obj, obj
	return nil
}

func (a *Agent) delete(ctx context.Context, obj hub.Object) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := a.Hub.Delete(ctx, obj); err != nil {
		return err
	}
	a.outgoing.mu.Lock()
	defer a.outgoing.mu.Unlock()
	delete(a.outgoing.hub, obj.GetName())
	delete(a.outgoing.wrote, obj.GetName())
	return nil
}
