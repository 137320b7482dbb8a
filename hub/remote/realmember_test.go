package remote

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/hub/hubtest"
)

// own returns the name of a cluster that no other test uses.
func own(name string) string { return fmt.Sprintf("%s-%x", name, time.Now().UnixNano()) }

func TestARealCredentialIsRotatedAndRevoked(t *testing.T) {
	f := realFleet(t)
	cluster := own("west")
	f.Approve(t, hubtest.Member(cluster))
	config := f.enrol(t, cluster)
	config.Host = f.config.Host
	var s saved
	c, err := NewCredentials(CredentialsOptions{Config: config, Cluster: cluster, Save: s.save})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.count() != 1 || c.now() == config.BearerToken {
		t.Fatalf("%d tokens saved", s.count())
	}
	h, err := New(Options{Config: config, Cluster: cluster, Credentials: c})
	if err != nil {
		t.Fatal(err)
	}
	seen := hubtest.Watch(t, h, cluster)
	seen.Expect(t, "put member of west", "synced")

	admin := administrator(t, f.config)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: hub.Namespace(cluster), Name: hub.ServiceAccount}}
	if err := admin.Delete(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	h.Lead(1)
	await(t, "a revoked credential is refused", func() bool {
		return unauthorized(h.Write(t.Context(), hubtest.Marked(cluster, v1alpha1.Marker{Sequence: time.Now().UnixNano()})))
	})
}

func TestARealHubCarriesHeartbeatsByLeases(t *testing.T) {
	f := realFleet(t)
	west, east := own("west"), own("east")
	f.Approve(t, hubtest.Member(west))
	f.Approve(t, hubtest.Member(east))
	w, e := f.member(t, west, 1), f.member(t, east, 1)
	w.pace.renew, e.pace.list = 0, 50*time.Millisecond
	live(t, w)
	w.writeNow(t, hubtest.Marked(west, v1alpha1.Marker{Sequence: 1}))
	version := f.Read(t, hubtest.Member(west)).GetResourceVersion()
	seen := hubtest.Watch(t, e, west)
	seen.Expect(t, "put member of west", "synced")
	for sequence := range int64(3) {
		w.writeNow(t, hubtest.Marked(west, v1alpha1.Marker{Sequence: sequence + 2}))
		seen.Expect(t, "put member of west")
	}
	if now := f.Read(t, hubtest.Member(west)).GetResourceVersion(); now != version {
		t.Error("a heartbeat changed the Member")
	}
}

// TestHowSoonAChangeIsHeard tells how long it takes from a write to the event that other members hear.
func TestHowSoonAChangeIsHeard(t *testing.T) {
	f := realFleet(t)
	west, east := own("west"), own("east")
	f.Approve(t, hubtest.Member(west))
	f.Approve(t, hubtest.Member(east))
	w, e := f.member(t, west, 1), f.member(t, east, 1)
	live(t, w)
	const n = 200
	heard := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_ = e.Watch(ctx, func(ev hub.Event) {
			if r, ok := ev.Object.(*v1alpha1.EndpointRecord); ok && r.Spec.Cluster == west || ev.Type == hub.Synced {
				heard <- struct{}{}
			}
		})
	}()
	<-heard
	var wrote, told time.Duration
	for i := range n {
		began := time.Now()
		w.writeNow(t, hubtest.Endpoints(west, "cart", fmt.Sprint(i)))
		wrote += time.Since(began)
		<-heard
		told += time.Since(began)
	}
	t.Logf("a write takes %s, and is heard after %s", wrote/n, told/n)
}

// TestHowFastManyRecordsAreWritten tells what the first export of many services takes, 16 at a time.
func TestHowFastManyRecordsAreWritten(t *testing.T) {
	f := realFleet(t)
	west := own("west")
	f.Approve(t, hubtest.Member(west))
	w := f.member(t, west, 1)
	live(t, w)
	const n = 500
	var group sync.WaitGroup
	room := make(chan struct{}, 16)
	began := time.Now()
	for i := range n {
		room <- struct{}{}
		group.Go(func() {
			defer func() { <-room }()
			if err := w.Write(t.Context(), hubtest.Record(west, fmt.Sprintf("s%d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	t.Logf("%d records in %s", n, time.Since(began))
	began = time.Now()
	live(t, f.member(t, west, 1))
	t.Logf("listed in %s", time.Since(began))
}
