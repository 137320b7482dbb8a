package agent

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// telling writes the own Member's status while one term lasts: the marker, and what the cluster says of itself.
type telling struct {
	agent *Agent
	said  *v1alpha1.MemberStatus // what was told last, without the marker; nil: nothing yet
}

// status is what the cluster says of itself now, without the marker.
func (t *telling) status() (st v1alpha1.MemberStatus) {
	if t.agent.Status != nil {
		st = t.agent.Status()
	}
	if t.agent.Beacons != nil {
		st.Beacons = t.agent.Beacons()
	}
	st.Marker = v1alpha1.Marker{}
	return st
}

func (t *telling) changed() bool {
	return t.said == nil || !equality.Semantic.DeepEqual(t.status(), *t.said)
}

// mark writes the marker if it changed or must show that the agent lives.
func (t *telling) mark(ctx context.Context, d due, alive bool) error {
	old, there := t.agent.outgoing.newest()
	next := d.books.marker()
	next.Term, next.Sequence = old.Term, old.Sequence+1
	for _, obj := range d.withdraw {
		next.Withdrawing = append(next.Withdrawing, obj.GetName())
	}
	// What was withdrawn before stays named until there is something else to tell.
	same := next.Exports == old.Exports && next.Slices == old.Slices && maps.Equal(next.Namespaces, old.Namespaces) &&
		(len(d.withdraw) == 0 || slices.Equal(next.Withdrawing, old.Withdrawing))
	if same {
		next.Withdrawing = old.Withdrawing
	}
	if same && there && !alive && !t.changed() {
		return nil
	}
	return t.tell(ctx, next)
}

// introduce tells what the cluster says of itself, while it has nothing else to say yet.
func (t *telling) introduce(ctx context.Context) error {
	if !t.changed() {
		return nil
	}
	marker, _ := t.agent.outgoing.newest()
	if err := t.tell(ctx, marker); err != nil {
		return fmt.Errorf("introduce this cluster to the hub: %w", err)
	}
	return nil
}

// tell writes a marker with all else that the status tells.
func (t *telling) tell(ctx context.Context, marker v1alpha1.Marker) error {
	a, status := t.agent, t.status()
	member := &v1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Name: a.Vantage.Name},
		Spec:       v1alpha1.MemberSpec{Cluster: a.Vantage.Name},
		Status:     *status.DeepCopy(),
	}
	member.Status.Marker = marker
	if err := a.bounded(ctx, member, a.Hub.Write); err != nil {
		return err
	}
	a.outgoing.told(marker)
	t.said = &status
	return nil
}
