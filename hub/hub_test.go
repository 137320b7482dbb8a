package hub

import (
	"errors"
	"fmt"
	"testing"

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
