package hubtest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

func watchTellsEachChange(t *testing.T, w world) {
	w.join(t, "west", "east")
	west := w.Member(t, w.cluster("west"), 1)
	must(t, west.Write(t.Context(), w.record("west", "cart")))
	seen := Watch(t, w.Member(t, w.cluster("east"), 1), w.cluster("west"))
	seen.Expect(t, "put member of west", "put service cart of west", "synced")

	changed := w.record("west", "cart")
	changed.Spec.Headless = true
	must(t, west.Write(t.Context(), changed))
	seen.Expect(t, "put service cart of west")
	must(t, west.Write(t.Context(), w.record("west", "basket")))
	seen.Expect(t, "put service basket of west")
	must(t, west.Write(t.Context(), Endpoints(w.cluster("west"), "cart", "one")))
	seen.Expect(t, "put endpoints cart-0 of west")
	must(t, west.Delete(t.Context(), w.record("west", "cart")))
	seen.Expect(t, "deleted service cart of west")
	if err := west.Delete(t.Context(), w.record("west", "cart")); err != nil {
		t.Fatalf("deleting what is not there: %v", err)
	}
	must(t, west.Write(t.Context(), Marked(w.cluster("west"), v1alpha1.Marker{Sequence: 1, Exports: 1})))
	seen.Expect(t, "put member of west")
	seen.Quiet(t)
}

func sameIsNotWritten(t *testing.T, w world) {
	w.join(t, "west", "east")
	west := w.Member(t, w.cluster("west"), 1)
	must(t, west.Write(t.Context(), w.record("west", "cart")))
	seen := Watch(t, w.Member(t, w.cluster("east"), 1), w.cluster("west"))
	seen.Expect(t, "put member of west", "put service cart of west", "synced")
	version := w.Read(t, w.record("west", "cart")).GetResourceVersion()

	stamped := w.record("west", "cart")
	stamped.Annotations = map[string]string{hub.AnnotationReceived: "2026-01-02T03:04:05Z"}
	must(t, west.Write(t.Context(), w.record("west", "cart")))
	must(t, west.Write(t.Context(), stamped))
	seen.Quiet(t)
	if now := w.Read(t, w.record("west", "cart")).GetResourceVersion(); now != version {
		t.Errorf("version is %s, was %s", now, version)
	}
}

func writersKeepTheirObjects(t *testing.T, w world) {
	w.join(t, "west")
	mine := w.record("west", "cart")
	mine.Spec.ExportedLabels = map[string]string{"tier": "gold"}
	must(t, w.Member(t, w.cluster("west"), 1).Write(t.Context(), mine))
	mine.Spec.ExportedLabels["tier"] = "changed after the write"
	if mine.Namespace != "" || mine.ResourceVersion != "" || len(mine.Annotations) > 0 {
		t.Errorf("the caller's object was changed by Write: %+v", mine.ObjectMeta)
	}
	got := w.Read(t, mine).(*v1alpha1.ServiceRecord)
	if got.Spec.ExportedLabels["tier"] != "gold" {
		t.Errorf("label is %q", got.Spec.ExportedLabels["tier"])
	}
	if term := got.Annotations[hub.AnnotationTerm]; term != "1" {
		t.Errorf("term is %q, want 1", term)
	}
}

func writersAreFenced(t *testing.T, w world) {
	w.join(t, "west")
	cluster := w.cluster("west")
	first, second := w.Member(t, cluster, 1), w.Member(t, cluster, 2)
	must(t, first.Write(t.Context(), w.record("west", "cart")))
	must(t, first.Write(t.Context(), Marked(cluster, v1alpha1.Marker{Sequence: 1, Exports: 1})))
	must(t, second.Write(t.Context(), Marked(cluster, v1alpha1.Marker{Sequence: 2, Exports: 1}))) // the new term takes over
	if got := w.Read(t, Member(cluster)).(*v1alpha1.Member).Status.Marker; got.Term != 2 || got.Sequence != 2 {
		t.Errorf("marker is %+v, want term 2 and sequence 2", got)
	}
	changed := w.record("west", "cart")
	changed.Spec.Headless = true
	wantErr(t, "write of an older term", first.Write(t.Context(), changed), hub.ErrFenced)
	wantErr(t, "write of something new in an older term", first.Write(t.Context(), w.record("west", "new")), hub.ErrFenced)
	wantErr(t, "delete of an older term", first.Delete(t.Context(), w.record("west", "cart")), hub.ErrFenced)
	wantErr(t, "marker of an older term", first.Write(t.Context(), Marked(cluster, v1alpha1.Marker{Sequence: 3})), hub.ErrFenced)
	must(t, second.Write(t.Context(), changed))
	if got := w.Read(t, changed).GetAnnotations()[hub.AnnotationTerm]; got != "2" {
		t.Errorf("term is %q, want 2", got)
	}
}

func writersKeepToTheirNamespace(t *testing.T, w world) {
	w.join(t, "west", "east")
	west := w.Member(t, w.cluster("west"), 1)
	wantErr(t, "write for another cluster", west.Write(t.Context(), w.record("east", "cart")), hub.ErrForbidden)
	wantErr(t, "delete for another cluster", west.Delete(t.Context(), w.record("east", "cart")), hub.ErrForbidden)
	wantErr(t, "marker for another cluster", west.Write(t.Context(), Marked(w.cluster("east"), v1alpha1.Marker{Sequence: 1})), hub.ErrForbidden)
}

func nobodyWritesUnapproved(t *testing.T, w world) {
	w.join(t, "east")
	// Its member may stand on the hub's books in some way; that there is no Member object is what counts.
	south := w.Member(t, w.cluster("south"), 1)
	wantErr(t, "write of a cluster without a Member", south.Write(t.Context(), w.record("south", "cart")), hub.ErrNotFound)
	wantErr(t, "marker of a cluster without a Member", south.Write(t.Context(), Marked(w.cluster("south"), v1alpha1.Marker{Sequence: 1})), hub.ErrNotFound)
}

func halvesOfAMember(t *testing.T, w world) {
	w.join(t, "west")
	cluster := w.cluster("west")
	marked := Marked(cluster, v1alpha1.Marker{Sequence: 7, Exports: 3, Namespaces: map[string]v1alpha1.Account{"shop": {Exports: 3, Digest: "a1"}}})
	marked.Spec.Drain, marked.Spec.Region = true, "mars"
	marked.Status.Beacons = []string{"10.0.0.1:15021"}
	west := w.Member(t, cluster, 4)
	must(t, west.Write(t.Context(), marked))
	drained := Member(cluster)
	drained.Spec.Drain = true
	w.Approve(t, drained)
	got := w.Read(t, drained).(*v1alpha1.Member)
	if got.Spec.Region != "us" || !got.Spec.Drain {
		t.Errorf("spec is %+v, want what the operator wrote", got.Spec)
	}
	if m := got.Status.Marker; m.Term != 4 || m.Sequence != 7 || m.Exports != 3 || m.Namespaces["shop"].Digest != "a1" {
		t.Errorf("marker is %+v", m)
	}
	marked.Status.Marker = v1alpha1.Marker{Sequence: 8}
	must(t, west.Write(t.Context(), marked)) // what is empty now is taken away
	got = w.Read(t, drained).(*v1alpha1.Member)
	if m := got.Status.Marker; m.Exports != 0 || m.Namespaces != nil || len(got.Status.Beacons) != 1 || !got.Spec.Drain {
		t.Errorf("member is %+v %+v", got.Spec, got.Status)
	}
}

func downAndUp(t *testing.T, w world) {
	w.join(t, "west")
	cluster := w.cluster("west")
	west := w.Member(t, cluster, 1)
	must(t, west.Write(t.Context(), w.record("west", "cart")))
	seen := Watch(t, west, cluster)
	seen.Expect(t, "put member of west", "put service cart of west", "synced")
	w.Down(t)
	wantErr(t, "watch", <-seen.Ended, hub.ErrDown)
	wantErr(t, "write while down", west.Write(t.Context(), w.record("west", "new")), hub.ErrDown)
	wantErr(t, "delete while down", west.Delete(t.Context(), w.record("west", "cart")), hub.ErrDown)
	wantErr(t, "watch while down", west.Watch(t.Context(), func(hub.Event) {}), hub.ErrDown)
	w.Up(t)
	again := Watch(t, west, cluster)
	again.Expect(t, "put member of west", "put service cart of west", "synced")
	must(t, west.Write(t.Context(), w.record("west", "new")))
}

func manyWriteAtOnce(t *testing.T, w world) {
	w.join(t, "west", "east")
	west := w.Member(t, w.cluster("west"), 1)
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			if err := west.Write(t.Context(), w.record("west", fmt.Sprintf("s%d", i))); err != nil {
				t.Error(err)
			}
			if i >= 2 {
				return
			}
			// The same record by two at once: one of them wins, and the other tries again.
			both := w.record("west", "both")
			both.Spec.Ports[0].Port = int32(i + 1)
			if err := west.Write(t.Context(), both); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	want := []string{"put member of west", "put service both of west"}
	for i := range 50 {
		want = append(want, fmt.Sprintf("put service s%d of west", i))
	}
	seen := Watch(t, w.Member(t, w.cluster("east"), 1), w.cluster("west"))
	seen.Expect(t, append(sorted(want), "synced")...)
}

func deletedAndWritten(t *testing.T, w world) {
	w.join(t, "west", "east")
	west := w.Member(t, w.cluster("west"), 1)
	seen := Watch(t, w.Member(t, w.cluster("east"), 1), w.cluster("west"))
	seen.Expect(t, "put member of west", "synced")
	for range 3 {
		must(t, west.Write(t.Context(), w.record("west", "cart")))
		must(t, west.Delete(t.Context(), w.record("west", "cart")))
	}
	for range 3 {
		seen.Expect(t, "put service cart of west", "deleted service cart of west")
	}
	seen.Quiet(t)
}

func sorted(lines []string) []string {
	slices.Sort(lines)
	return lines
}
