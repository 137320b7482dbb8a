package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"fairlead.dev/fairlead/hub"
)

const (
	// writeTimeout bounds one call of the hub: one that hangs must not keep newer states from being written.
	writeTimeout = 2 * time.Second
	// writers is how many records are written at a time.
	writers = 16
	// What the hub refuses is tried again soon, and less and less often.
	shortestRetry = time.Second
	longestRetry  = time.Minute
	// lookAround is how often the agent looks whether what the cluster says of itself has changed.
	lookAround = time.Second
)

// publish writes while this replica leads, until ctx ends.
func (a *Agent) publish(ctx context.Context) {
	for {
		term, ok := a.leading.await(ctx)
		if !ok {
			return
		}
		a.outgoing.lead()
		if err := a.publishTerm(term); errors.Is(err, hub.ErrFenced) {
			a.leading.follow()
			a.Log.Error("another writer took over: this agent writes no more", "err", err)
			if a.Fenced != nil {
				a.Fenced(err)
			}
		}
	}
}

// publishTerm writes the own records to the hub whenever they differ from what the hub has, and a heartbeat when they do not, until ctx ends or
// somebody else writes.
func (a *Agent) publishTerm(ctx context.Context) error {
	beat, look := time.NewTicker(a.Heartbeat), time.NewTicker(lookAround)
	defer beat.Stop()
	defer look.Stop()
	retry := time.NewTimer(longestRetry)
	retry.Stop()
	defer retry.Stop()
	t := telling{agent: a}
	pause, patience, waiting := shortestPause, shortestRetry, false
	for {
		alive := false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-beat.C:
			alive = true
		case <-look.C:
			if !t.changed() {
				continue
			}
		case <-retry.C:
			waiting, patience = false, min(2*patience, longestRetry)
			a.outgoing.reconsider()
			continue
		case <-a.outgoing.signal:
		}
		err := a.publishOnce(ctx, &t, alive)
		switch refused := a.outgoing.refusals(); {
		case refused == 0 && !waiting:
			patience = shortestRetry
		case refused > 0 && !waiting:
			waiting = true
			retry.Reset(patience)
		}
		switch {
		case err == nil:
			pause = shortestPause
			continue
		case errors.Is(err, hub.ErrFenced):
			return err
		case !errors.Is(err, hub.ErrDown) && ctx.Err() == nil:
			a.Log.Warn("records not written, trying again", "err", err)
		}
		if !rest(ctx, pause) {
			return ctx.Err()
		}
		pause = min(2*pause, longestPause)
		a.outgoing.wake()
	}
}

// publishOnce brings the hub to what the newest picture exports: additions and changes, then the marker that accounts for them and
// names what is withdrawn, then the deletions. Where another writer wrote before, the marker is claimed first as it stands, so that that one is
// fenced.
func (a *Agent) publishOnce(ctx context.Context, t *telling, alive bool) error {
	d, why := a.outgoing.due()
	a.explain(why)
	switch why {
	case ready:
	case notApproved:
		return t.introduce(ctx)
	default:
		return nil // what is missing, when it comes, wakes again
	}
	if d.takeover {
		if err := t.tell(ctx, a.outgoing.claim()); err != nil {
			return fmt.Errorf("claim the marker: %w", err)
		}
	}
	refused, err := a.writeAll(ctx, d.write)
	if err != nil {
		return err
	}
	for _, obj := range refused {
		d.books.without(obj)
	}
	if err := t.mark(ctx, d, alive); err != nil {
		return fmt.Errorf("write the marker: %w", err)
	}
	if err := a.deleteAll(ctx, d.withdraw); err != nil {
		return err
	}
	if d.more {
		a.outgoing.wake()
	}
	return nil
}

// explain logs why nothing is published, once.
func (a *Agent) explain(why standing) {
	if was := a.standing; was != why && (why == noMember || why == notApproved) {
		a.Log.Warn("nothing is published", "reason", string(why))
	}
	a.standing = why
}

// writeAll writes records, some at a time, and returns those that the hub refuses. Those do not keep the others back.
func (a *Agent) writeAll(ctx context.Context, all []outbound) (refused []hub.Object, err error) {
	verdicts := make([]error, len(all))
	err = a.each(ctx, len(all), func(ctx context.Context, i int) error {
		name := all[i].GetName()
		switch err := a.bounded(ctx, all[i].stamped(), a.Hub.Write); {
		case err == nil:
			a.outgoing.done(name, all[i].Object)
		case errors.Is(err, hub.ErrForbidden):
			verdicts[i] = err
		default:
			return fmt.Errorf("write %s: %w", name, err)
		}
		return nil
	})
	var first error
	for i, verdict := range verdicts {
		if verdict != nil {
			a.outgoing.refuse(all[i].GetName(), all[i].Object)
			refused = append(refused, all[i].Object)
			first = cmp.Or(first, verdict)
		}
	}
	if first != nil && first.Error() != a.refusal {
		a.refusal = first.Error()
		a.Log.Warn("records refused by the hub", "count", len(refused), "name", refused[0].GetName(), "err", first)
	}
	return refused, err
}

func (a *Agent) deleteAll(ctx context.Context, all []hub.Object) error {
	return a.each(ctx, len(all), func(ctx context.Context, i int) error {
		if err := a.bounded(ctx, all[i], a.Hub.Delete); err != nil {
			return fmt.Errorf("delete %s: %w", all[i].GetName(), err)
		}
		a.outgoing.done(all[i].GetName(), nil)
		return nil
	})
}

// each does something n times, some at a time, until it has failed.
func (a *Agent) each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

func (a *Agent) bounded(ctx context.Context, obj hub.Object, call func(context.Context, hub.Object) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return call(ctx, obj)
}

// stamped returns the record with the moment on it at which the agent learnt of it.
func (o outbound) stamped() hub.Object {
	if o.since.IsZero() {
		return o.Object
	}
	obj := o.DeepCopyObject().(hub.Object)
	annotations := maps.Clone(obj.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[hub.AnnotationReceived] = o.since.UTC().Format(time.RFC3339Nano)
	obj.SetAnnotations(annotations)
	return obj
}
