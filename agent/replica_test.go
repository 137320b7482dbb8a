package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/picture"
)

// standby is a replica of west that writes nothing yet.
func (w *world) standby(h Hub, change func(*Options)) *Agent {
	o := Options{
		Vantage: picture.Vantage{Cluster: fleet.Cluster{Name: "west"}, Health: health.DefaultPolicy()},
		Hub:     h, Dial: w.dial, Standby: true, Heartbeat: w.beat,
	}
	if change != nil {
		change(&o)
	}
	a := New(o)
	w.wait.Go(func() { a.Run(w.ctx) })
	return a
}

func (w *world) approve(m *v1alpha1.Member) {
	w.t.Helper()
	if err := w.hub.Operator().Write(w.ctx, m); err != nil {
		w.t.Fatal(err)
	}
}

func westMember() *v1alpha1.Member {
	return &v1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: "west"}, Spec: v1alpha1.MemberSpec{Cluster: "west"}}
}

// onHub returns what is on the hub: the names of west's records, and its Member.
func (w *world) onHub() (names []string, member *v1alpha1.Member) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	_ = w.hub.Operator().Watch(ctx, func(e hub.Event) {
		switch obj := e.Object.(type) {
		case nil:
			cancel()
		case *v1alpha1.Member:
			member = obj
		default:
			names = append(names, obj.GetName())
		}
	})
	return names, member
}

func TestAStandbyWritesNothingUntilItLeads(t *testing.T) {
	w := newWorld(t)
	w.approve(westMember())
	first, second := &scribe{Hub: w.hub.Member("west", 1)}, &scribe{Hub: w.hub.Member("west", 2)}
	fenced := make(chan error, 1)
	a := w.standby(first, func(o *Options) { o.Fenced = func(err error) { fenced <- err } })
	b := w.standby(second, nil)
	a.Apply(facts("127.9.0.1", "cart"))
	b.Apply(facts("127.9.0.1", "cart"))
	eventually(t, "both see the hub", func() bool { return a.HubUp() && b.HubUp() })
	time.Sleep(50 * time.Millisecond)
	if got := first.kinds() + second.kinds(); got != "" {
		t.Fatalf("a standby wrote: %s", got)
	}
	a.Lead()
	eventually(t, "the leader writes", func() bool { return first.kinds() == "write, mark" })
	eventually(t, "the other one sees the marker", func() bool { return b.Said().Sequence > 0 })
	b.Lead()
	eventually(t, "the next leader claims the marker, and compares", func() bool { return second.kinds() == "mark, write" })
	_, m := w.onHub()
	if m.Status.Marker.Term != 2 || m.Status.Marker.Exports != 1 {
		t.Errorf("marker is %+v", m.Status.Marker)
	}
	a.Apply(facts("127.9.0.2", "cart"))
	if err := <-fenced; !errors.Is(err, hub.ErrFenced) {
		t.Errorf("fenced with %v", err)
	}
	b.Follow()
	lines := second.kinds()
	b.Apply(facts("127.9.0.3", "cart"))
	time.Sleep(50 * time.Millisecond)
	if got := second.kinds(); got != lines {
		t.Errorf("a replica that follows wrote: %s", strings.TrimPrefix(got, lines))
	}
	b.Lead()
	eventually(t, "it writes again", func() bool { return second.kinds() != lines })
}

func TestAPendingMemberIntroducesItselfAndPublishesWhenApproved(t *testing.T) {
	w := newWorld(t)
	pending := westMember()
	pending.Spec.Pending = true
	w.approve(pending)
	a := w.standby(w.hub.Member("west", 1), func(o *Options) {
		o.Status = func() v1alpha1.MemberStatus { return v1alpha1.MemberStatus{Kubernetes: "v1.36.3"} }
	})
	a.Apply(facts("127.9.0.1", "cart"))
	a.Lead()
	eventually(t, "it introduces itself", func() bool {
		_, m := w.onHub()
		return m.Status.Kubernetes == "v1.36.3"
	})
	if names, m := w.onHub(); len(names) > 0 || m.Status.Marker.Sequence > 0 {
		t.Fatalf("a pending member published %q, marker %+v", names, m.Status.Marker)
	}
	w.approve(westMember())
	eventually(t, "it publishes when approved", func() bool {
		names, m := w.onHub()
		return len(names) == 2 && m.Status.Marker.Exports == 1
	})
}

func TestWhatTheClusterSaysOfItselfIsWrittenWhenItChanges(t *testing.T) {
	w := newWorld(t)
	w.approve(westMember())
	var beacon atomic.Value
	beacon.Store("10.0.0.1:15021")
	a := w.standby(w.hub.Member("west", 1), func(o *Options) {
		o.Beacons = func() []string { return []string{beacon.Load().(string)} }
		o.Status = func() v1alpha1.MemberStatus {
			return v1alpha1.MemberStatus{Agent: "v0.1.0", Marker: v1alpha1.Marker{Exports: 99}}
		}
	})
	a.Apply(facts("127.9.0.1", "cart"))
	a.Lead()
	says := func(want string) func() bool {
		return func() bool {
			_, m := w.onHub()
			return slices.Equal(m.Status.Beacons, []string{want}) && m.Status.Agent == "v0.1.0" && m.Status.Marker.Exports == 1
		}
	}
	eventually(t, "the beacon is told", says("10.0.0.1:15021"))
	beacon.Store("10.0.0.2:15021")
	eventually(t, "the new one is told", says("10.0.0.2:15021"))
}

func TestTheMarkerAccountsForEachNamespace(t *testing.T) {
	w := newWorld(t)
	w.approve(westMember())
	a := w.standby(w.hub.Member("west", 1), nil)
	a.Apply(facts("127.9.0.1", "cart", "basket"))
	a.Lead()
	eventually(t, "two exports are marked", func() bool {
		_, m := w.onHub()
		return m.Status.Marker.Exports == 2
	})
	names, m := w.onHub()
	var digest v1alpha1.RecordDigest
	for _, name := range names {
		digest = digest.Flip(name)
	}
	want := v1alpha1.Account{Exports: 2, Slices: 2, Digest: digest.String()}
	if got := m.Status.Marker.Namespaces; len(got) != 1 || got["shop"] != want {
		t.Errorf("namespaces are %+v, want shop: %+v", got, want)
	}
}

// strict is a hub that refuses some records.
type strict struct {
	Hub
	mu      sync.Mutex
	refuses string // names that begin like this
	tries   int
}

func (s *strict) Write(ctx context.Context, obj hub.Object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuses != "" && strings.HasPrefix(obj.GetName(), s.refuses) {
		s.tries++
		return fmt.Errorf("no: %w", hub.ErrForbidden)
	}
	return s.Hub.Write(ctx, obj)
}

func TestARefusedRecordKeepsNothingElseBackAndIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.approve(westMember())
	s := &strict{Hub: w.hub.Member("west", 1), refuses: "shop-cart"}
	a := w.standby(s, nil)
	a.Apply(facts("127.9.0.1", "cart", "basket"))
	a.Lead()
	counts := func(exports, slices int32) func() bool {
		return func() bool {
			names, m := w.onHub()
			return len(names) == int(exports+slices) && m.Status.Marker.Exports == exports && m.Status.Marker.Slices == slices
		}
	}
	eventually(t, "the other one is written and accounted for", counts(1, 1))
	time.Sleep(50 * time.Millisecond)
	s.mu.Lock()
	if s.tries != 2 {
		t.Errorf("%d tries at once, want one for each of two records", s.tries)
	}
	s.refuses = ""
	s.mu.Unlock()
	eventually(t, "what was refused is tried again", counts(2, 2))
}

func TestALostHubIsFilledAgainWhenTheMemberIsBack(t *testing.T) {
	w := newWorld(t)
	west, east := w.join("west", nil), w.join("east", nil)
	west.Apply(facts("127.9.0.1", "cart"))
	east.Apply(facts(""))
	eventually(t, "east imports west's cart", func() bool { return exporters(east) == "west" })

	h := &swapped{}
	h.hub.Store(w.hub)
	other := newWorld(t)
	other.hub = w.hub
	a := other.standby(h, nil)
	a.Apply(facts("127.9.0.1", "cart"))
	a.Lead()
	eventually(t, "it leads", func() bool { _, m := w.onHub(); return m.Status.Marker.Term == 9 })

	anew := hub.NewMemory()
	h.hub.Store(anew)
	w.hub.Down()
	other.hub = anew
	eventually(t, "the empty hub is found", a.HubUp)
	time.Sleep(50 * time.Millisecond)
	if names, m := other.onHub(); len(names) > 0 || m != nil {
		t.Fatalf("%q was written without a Member", names)
	}
	other.approve(westMember())
	eventually(t, "all is written again", func() bool {
		names, m := other.onHub()
		return len(names) == 2 && m.Status.Marker.Exports == 1
	})
	if exporters(east) != "west" {
		t.Error("an importer lost what it knew")
	}
}

// swapped is west's access to a hub that may become another one.
type swapped struct{ hub atomic.Pointer[hub.Memory] }

func (s *swapped) now() *hub.Client { return s.hub.Load().Member("west", 9) }

func (s *swapped) Write(ctx context.Context, obj hub.Object) error  { return s.now().Write(ctx, obj) }
func (s *swapped) Delete(ctx context.Context, obj hub.Object) error { return s.now().Delete(ctx, obj) }
func (s *swapped) Watch(ctx context.Context, tell func(hub.Event)) error {
	return s.now().Watch(ctx, tell)
}

func TestARecordThatSomebodyChangedIsPutRight(t *testing.T) {
	w := newWorld(t)
	w.approve(westMember())
	a := w.standby(w.hub.Member("west", 1), nil)
	a.Apply(facts("127.9.0.1", "cart"))
	a.Lead()
	eventually(t, "it is written", func() bool { names, _ := w.onHub(); return len(names) == 2 })
	headless := func() (is bool) {
		ctx, cancel := context.WithCancel(w.ctx)
		defer cancel()
		_ = w.hub.Operator().Watch(ctx, func(e hub.Event) {
			if r, ok := e.Object.(*v1alpha1.ServiceRecord); ok {
				is = r.Spec.Headless
			}
			if e.Type == hub.Synced {
				cancel()
			}
		})
		return is
	}
	changed := a.Picture().Export(cart).Record.DeepCopy()
	changed.Spec.Headless = true
	if err := w.hub.Operator().Write(w.ctx, changed); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is put right", func() bool { return !headless() })
}

func TestRecordsTellWhenTheyWereLearnt(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	r := &v1alpha1.ServiceRecord{ObjectMeta: metav1.ObjectMeta{Name: "cart"}}
	if got := (outbound{r, since}).stamped().GetAnnotations()[hub.AnnotationReceived]; got != "2026-01-02T03:04:05.000000006Z" {
		t.Errorf("received is %q", got)
	}
	if got := (outbound{Object: r}).stamped(); got != hub.Object(r) || r.Annotations != nil {
		t.Errorf("stamped is %+v", got)
	}
}

func TestManyWithdrawalsAreToldInParts(t *testing.T) {
	o := newOutgoing()
	o.synced, o.complete, o.member = true, true, westMember()
	for i := range maxWithdrawn + 5 {
		name := fmt.Sprintf("r%05d", i)
		o.hub[name] = &v1alpha1.ServiceRecord{ObjectMeta: metav1.ObjectMeta{Name: name}}
		o.look(name)
	}
	d, why := o.due()
	if why != ready || len(d.withdraw) != maxWithdrawn || !d.more {
		t.Fatalf("%d are withdrawn, more: %t (%s)", len(d.withdraw), d.more, why)
	}
	for _, obj := range d.withdraw {
		o.done(obj.GetName(), nil)
	}
	if d, _ = o.due(); len(d.withdraw) != 5 || d.more {
		t.Errorf("%d are withdrawn then, more: %t", len(d.withdraw), d.more)
	}
}
