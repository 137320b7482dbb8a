package hub

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
)

func member(cluster string) *v1alpha1.Member {
	return &v1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Name: cluster},
		Spec:       v1alpha1.MemberSpec{Cluster: cluster, Region: "us"},
	}
}

func record(cluster, name string) *v1alpha1.ServiceRecord {
	return &v1alpha1.ServiceRecord{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.ServiceRecordSpec{Cluster: cluster, Namespace: "shop", Name: name},
	}
}

func approve(t *testing.T, m *Memory, clusters ...string) {
	t.Helper()
	for _, c := range clusters {
		if err := m.Operator().Write(t.Context(), member(c)); err != nil {
			t.Fatal(err)
		}
	}
}

// watched collects the events of a watch as lines.
type watched struct {
	lines chan string
	ended chan error
}

func watch(t *testing.T, c *Client) watched {
	t.Helper()
	w := watched{make(chan string, 100), make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() {
		w.ended <- c.Watch(ctx, func(e Event) {
			line := string(e.Type)
			if e.Object != nil {
				line = fmt.Sprintf("%s %s %s", e.Type, kindOf(e.Object), e.Object.GetName())
			}
			w.lines <- line
		})
	}()
	return w
}

func (w watched) expect(t *testing.T, want ...string) {
	t.Helper()
	for _, line := range want {
		select {
		case got := <-w.lines:
			if got != line {
				t.Fatalf("event %q, want %q", got, line)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no event, want %q", line)
		}
	}
}

func TestWatchListsThenTellsEachChange(t *testing.T) {
	m := NewMemory()
	approve(t, m, "west")
	west := m.Member("west", 1)
	if err := west.Write(t.Context(), record("west", "cart")); err != nil {
		t.Fatal(err)
	}
	w := watch(t, m.Member("east", 1))
	w.expect(t, "put Member west", "put ServiceRecord cart", "synced")

	if err := west.Write(t.Context(), record("west", "cart")); err != nil {
		t.Fatal(err) // the same again: nobody hears of it
	}
	if err := west.Delete(t.Context(), record("west", "cart")); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "deleted ServiceRecord cart")
	if err := west.Delete(t.Context(), record("west", "cart")); err != nil {
		t.Fatalf("deleting what is not there: %v", err)
	}
}

func TestDownEndsWatchesAndCallsAndKeepsObjects(t *testing.T) {
	m := NewMemory()
	approve(t, m, "west")
	w := watch(t, m.Operator())
	w.expect(t, "put Member west", "synced")
	m.Down()
	if err := <-w.ended; !errors.Is(err, ErrDown) {
		t.Errorf("watch ended with %v, want ErrDown", err)
	}
	if err := m.Operator().Write(t.Context(), member("east")); !errors.Is(err, ErrDown) {
		t.Errorf("write while down: %v, want ErrDown", err)
	}
	if err := m.Operator().Watch(t.Context(), func(Event) {}); !errors.Is(err, ErrDown) {
		t.Errorf("watch while down: %v, want ErrDown", err)
	}
	m.Up()
	watch(t, m.Operator()).expect(t, "put Member west", "synced")
}

func TestNobodySharesPointers(t *testing.T) {
	m := NewMemory()
	approve(t, m, "west")
	mine := record("west", "cart")
	mine.Spec.ExportedLabels = map[string]string{"tier": "gold"}
	if err := m.Member("west", 1).Write(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	mine.Spec.ExportedLabels["tier"] = "changed after the write"
	if mine.Namespace != "" || mine.ResourceVersion != "" {
		t.Error("the caller's object was changed by Write")
	}
	for range 2 {
		got := read(t, m, "west", "cart")
		if got.Spec.ExportedLabels["tier"] != "gold" {
			t.Fatalf("label is %q", got.Spec.ExportedLabels["tier"])
		}
		got.Spec.ExportedLabels["tier"] = "changed by a reader"
	}
}

func read(t *testing.T, m *Memory, cluster, name string) *v1alpha1.ServiceRecord {
	t.Helper()
	obj, err := m.get(id{Namespace(cluster), "ServiceRecord", name})
	if err != nil {
		t.Fatal(err)
	}
	return obj.(*v1alpha1.ServiceRecord)
}

func TestWritersAreFencedAndKeptToTheirNamespace(t *testing.T) {
	m := NewMemory()
	approve(t, m, "west", "east")
	first, second := m.Member("west", 1), m.Member("west", 2)
	if err := first.Write(t.Context(), record("west", "cart")); err != nil {
		t.Fatal(err)
	}
	if err := second.Write(t.Context(), record("west", "cart")); err != nil {
		t.Fatal(err)
	}
	if err := second.Write(t.Context(), member("west")); err != nil { // its marker: the new term takes over
		t.Fatal(err)
	}
	if got := read(t, m, "west", "cart").Annotations[AnnotationTerm]; got != "2" {
		t.Errorf("term is %q, want 2", got)
	}
	if err := first.Write(t.Context(), record("west", "cart")); !errors.Is(err, ErrFenced) {
		t.Errorf("write of an older term: %v, want ErrFenced", err)
	}
	if err := first.Write(t.Context(), record("west", "new")); !errors.Is(err, ErrFenced) {
		t.Errorf("write of something new in an older term: %v, want ErrFenced", err)
	}
	if err := first.Delete(t.Context(), record("west", "cart")); !errors.Is(err, ErrFenced) {
		t.Errorf("delete of an older term: %v, want ErrFenced", err)
	}
	if err := second.Write(t.Context(), record("east", "cart")); !errors.Is(err, ErrForbidden) {
		t.Errorf("write for another cluster: %v, want ErrForbidden", err)
	}
	if err := second.Delete(t.Context(), record("east", "cart")); !errors.Is(err, ErrForbidden) {
		t.Errorf("delete for another cluster: %v, want ErrForbidden", err)
	}
	if err := m.Member("south", 1).Write(t.Context(), record("south", "cart")); !errors.Is(err, ErrNotFound) {
		t.Errorf("write of a member that was not approved: %v, want ErrNotFound", err)
	}
}

func TestEachWriterOfAMemberKeepsToItsHalf(t *testing.T) {
	m := NewMemory()
	approve(t, m, "west")
	marker := member("west")
	marker.Spec.Drain, marker.Spec.Region = true, "mars"
	marker.Status.Marker = v1alpha1.Marker{Sequence: 7, Exports: 3}
	if err := m.Member("west", 4).Write(t.Context(), marker); err != nil {
		t.Fatal(err)
	}
	drained := member("west")
	drained.Spec.Drain = true
	if err := m.Operator().Write(t.Context(), drained); err != nil {
		t.Fatal(err)
	}
	obj, err := m.get(id{Namespace("west"), "Member", "west"})
	if err != nil {
		t.Fatal(err)
	}
	got := obj.(*v1alpha1.Member)
	if got.Spec.Region != "us" || !got.Spec.Drain {
		t.Errorf("spec is %+v, want what the operator wrote", got.Spec)
	}
	if want := (v1alpha1.Marker{Term: 4, Sequence: 7, Exports: 3}); got.Status.Marker.Sequence != want.Sequence || got.Status.Marker.Term != want.Term {
		t.Errorf("marker is %+v, want %+v", got.Status.Marker, want)
	}
}

func TestWritesAreConditional(t *testing.T) {
	m := NewMemory()
	approve(t, m, "west")
	old, err := m.get(id{Namespace("west"), "Member", "west"})
	if err != nil {
		t.Fatal(err)
	}
	changed := member("west")
	changed.Spec.Drain = true
	if err := m.Operator().Write(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	if err := m.put(old); !errors.Is(err, ErrConflict) {
		t.Errorf("write on top of an old version: %v, want ErrConflict", err)
	}
	if err := m.remove(idOf(old), old.GetResourceVersion()); !errors.Is(err, ErrConflict) {
		t.Errorf("delete of an old version: %v, want ErrConflict", err)
	}
}

func TestALaggingWatcherIsSentAway(t *testing.T) {
	m := NewMemory()
	approve(t, m, "west")
	hold, ended := make(chan struct{}), make(chan error, 1)
	started := make(chan struct{})
	go func() {
		ended <- m.Operator().Watch(t.Context(), func(e Event) {
			if e.Type == Synced {
				close(started)
				<-hold
			}
		})
	}()
	<-started
	west := m.Member("west", 1)
	for i := range backlog + 2 {
		if err := west.Write(t.Context(), record("west", fmt.Sprintf("s%d", i))); err != nil {
			t.Fatal(err)
		}
	}
	close(hold)
	if err := <-ended; !errors.Is(err, ErrExpired) {
		t.Errorf("watch ended with %v, want ErrExpired", err)
	}
}

func TestNamespaceIsAValidName(t *testing.T) {
	seen := map[string]string{}
	for _, c := range []string{"west", "east", "west.eu", "a-very-long-cluster-name-that-fills-a-whole-label-of-sixty-three"} {
		ns := Namespace(c)
		if len(ns) > 63 || seen[ns] != "" {
			t.Errorf("namespace of %s is %s", c, ns)
		}
		seen[ns] = c
	}
}
