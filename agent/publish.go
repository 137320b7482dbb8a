package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/picture"
)

// writeTimeout bounds one call of the hub: one that hangs must not keep newer states from being written.
const writeTimeout = 2 * time.Second

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
	write, withdraw, totals, ready := a.outgoing.due()
	if !ready {
		return nil // what is missing, when it comes, wakes again
	}
	for _, obj := range write {
		if err := a.bounded(ctx, obj, a.Hub.Write); err != nil {
			return fmt.Errorf("write %s: %w", obj.GetName(), err)
		}
		a.outgoing.done(obj.GetName(), obj)
	}
	if err := a.mark(ctx, totals, withdraw, alive); err != nil {
		return fmt.Errorf("write the marker: %w", err)
	}
	for _, obj := range withdraw {
		if err := a.bounded(ctx, obj, a.Hub.Delete); err != nil {
			return fmt.Errorf("delete %s: %w", obj.GetName(), err)
		}
		a.outgoing.done(obj.GetName(), nil)
	}
	return nil
}

func (a *Agent) bounded(ctx context.Context, obj hub.Object, call func(context.Context, hub.Object) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return call(ctx, obj)
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
	if err := a.bounded(ctx, member, a.Hub.Write); err != nil {
		return err
	}
	a.outgoing.mu.Lock()
	defer a.outgoing.mu.Unlock()
	if next.Sequence > a.outgoing.marker.Sequence {
		a.outgoing.marker, a.outgoing.found = next, next.Sequence
	}
	return nil
}
