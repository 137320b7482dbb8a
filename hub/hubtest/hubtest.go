// Package hubtest holds every hub to the same contract: that of package hub, on which agents rely. Run takes a new clusterset and tries all of it;
// the hub in memory and the one that is a Kubernetes API pass the same tests.
package hubtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// Access is one party's access to a hub: agent.Hub.
type Access interface {
	Write(ctx context.Context, obj hub.Object) error
	Delete(ctx context.Context, obj hub.Object) error
	Watch(ctx context.Context, tell func(hub.Event)) error
}

// Fleet is a hub without members. Clusters of tests have names of their own, so that many tests may share a real hub.
type Fleet interface {
	// Approve makes the hub's Member be like this one, as the fleet's operator does.
	Approve(t *testing.T, m *v1alpha1.Member)
	// Member returns the access of a member's writer, which watches namespace shop.
	Member(t *testing.T, cluster string, term int64) Access
	// Read returns what is on the hub, or nil.
	Read(t *testing.T, obj hub.Object) hub.Object
	// Down and Up take the hub away and bring it back.
	Down(t *testing.T)
	Up(t *testing.T)
}

// Run tries the contract, each part with a new fleet.
func Run(t *testing.T, fleet func(t *testing.T) Fleet) {
	for _, part := range []struct {
		name string
		try  func(t *testing.T, f world)
	}{
		{"a watch lists and then tells each change", watchTellsEachChange},
		{"what is the same is not written", sameIsNotWritten},
		{"nobody shares pointers with a writer", writersKeepTheirObjects},
		{"writers are fenced", writersAreFenced},
		{"writers keep to their namespace", writersKeepToTheirNamespace},
		{"nobody writes without a member", nobodyWritesUnapproved},
		{"each writer of a member keeps to its half", halvesOfAMember},
		{"a hub that is down ends watches and calls, and keeps objects", downAndUp},
		{"many write at once", manyWriteAtOnce},
		{"a deleted record is written anew", deletedAndWritten},
	} {
		t.Run(part.name, func(t *testing.T) { part.try(t, world{fleet(t), strconv.FormatInt(time.Now().UnixNano(), 36)}) })
	}
}

// world is a fleet whose clusters have names that no other test uses.
type world struct {
	Fleet
	suffix string
}

// cluster returns the name of a cluster in this test.
func (w world) cluster(name string) string { return name + "-" + w.suffix }

func (w world) join(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		w.Approve(t, Member(w.cluster(name)))
	}
}

func (w world) record(cluster, name string) *v1alpha1.ServiceRecord {
	return Record(w.cluster(cluster), name)
}

// Member returns a Member as an operator approves it.
func Member(cluster string) *v1alpha1.Member {
	return &v1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Name: cluster, Namespace: hub.Namespace(cluster)},
		Spec:       v1alpha1.MemberSpec{Cluster: cluster, Region: "us"},
	}
}

// Record returns a record of a service shop/name.
func Record(cluster, name string) *v1alpha1.ServiceRecord {
	return &v1alpha1.ServiceRecord{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels(cluster, name)},
		Spec: v1alpha1.ServiceRecordSpec{
			Cluster: cluster, Namespace: "shop", Name: name, ExportedAt: metav1.NewTime(time.Unix(1600000000, 0)),
			Ports: []v1alpha1.ServicePort{{Name: "http", Protocol: "TCP", Port: 80}},
		},
	}
}

// Endpoints returns a record of the endpoints of a service shop/name, with some payload.
func Endpoints(cluster, name, payload string) *v1alpha1.EndpointRecord {
	return &v1alpha1.EndpointRecord{
		ObjectMeta: metav1.ObjectMeta{Name: name + "-0", Labels: labels(cluster, name)},
		Spec: v1alpha1.EndpointRecordSpec{
			Cluster: cluster, Namespace: "shop", Service: name, Slice: name + "-0", Packed: []byte(payload),
		},
	}
}

func labels(cluster, service string) map[string]string {
	return map[string]string{v1alpha1.LabelCluster: cluster, v1alpha1.LabelNamespace: "shop", v1alpha1.LabelService: service}
}

// Marked returns the Member with which a writer tells its marker.
func Marked(cluster string, marker v1alpha1.Marker) *v1alpha1.Member {
	m := &v1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: cluster}, Spec: v1alpha1.MemberSpec{Cluster: cluster}}
	m.Status.Marker = marker
	return m
}

// Watched collects the events of a watch about some clusters as lines.
type Watched struct {
	Ended chan error
	stop  context.CancelFunc

	mu    sync.Mutex
	lines []string
}

// Watch watches until the test ends. Events about other clusters are left out.
func Watch(t *testing.T, a Access, clusters ...string) *Watched {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &Watched{Ended: make(chan error, 1), stop: cancel}
	var group sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	group.Go(func() {
		w.Ended <- a.Watch(ctx, func(e hub.Event) {
			line := string(e.Type)
			if e.Object != nil {
				i := slices.Index(clusters, e.Object.SourceCluster())
				if i < 0 {
					return
				}
				name, _, _ := strings.Cut(clusters[i], "-")
				line = fmt.Sprintf("%s %s of %s", e.Type, describe(e.Object), name)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lines = append(w.lines, line)
		})
	})
	return w
}

func describe(obj hub.Object) string {
	switch obj.(type) {
	case *v1alpha1.ServiceRecord:
		return "service " + obj.GetName()
	case *v1alpha1.EndpointRecord:
		return "endpoints " + obj.GetName()
	}
	return "member"
}

// Stop ends the watch.
func (w *Watched) Stop() {
	w.stop()
	<-w.Ended
}

// take returns the lines so far and forgets them.
func (w *Watched) take(n int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	n = min(n, len(w.lines))
	taken := w.lines[:n]
	w.lines = w.lines[n:]
	return taken
}

// Expect waits for just these events, in this order. Those of a list may come in any order: Expect sorts what precedes synced.
func (w *Watched) Expect(t *testing.T, want ...string) {
	t.Helper()
	got := w.await(len(want))
	if i := slices.Index(got, "synced"); i >= 0 {
		slices.Sort(got[:i])
	}
	w.compare(t, got, want)
}

// ExpectAll waits for just these events, in any order.
func (w *Watched) ExpectAll(t *testing.T, want ...string) {
	t.Helper()
	w.compare(t, slices.Sorted(slices.Values(w.await(len(want)))), slices.Sorted(slices.Values(want)))
}

// await waits for so many lines.
func (w *Watched) await(n int) (got []string) {
	for end := time.Now().Add(20 * time.Second); len(got) < n && time.Now().Before(end); {
		if more := w.take(n - len(got)); len(more) > 0 {
			got = append(got, more...)
			continue
		}
		time.Sleep(time.Millisecond)
	}
	return got
}

func (w *Watched) compare(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		select {
		case err := <-w.Ended:
			t.Errorf("the watch ended: %v", err)
		default:
		}
		t.Fatalf("events\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// Quiet says that nothing more is told for a moment.
func (w *Watched) Quiet(t *testing.T) {
	t.Helper()
	time.Sleep(100 * time.Millisecond)
	if more := w.take(10); len(more) > 0 {
		t.Fatalf("events %q, want none", more)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}
