package remote

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/hub/hubtest"
)

// live makes a hub see what there is.
func live(t *testing.T, h *Hub) {
	t.Helper()
	hubtest.Watch(t, h)
	await(t, "it sees", h.sees)
}

func TestWhileItWatchesAChangeIsOneRequest(t *testing.T) {
	s := newScene(t)
	live(t, s.west)
	s.write(t, hubtest.Endpoints("west", "cart", "one"))
	s.api.asked()
	s.write(t, hubtest.Endpoints("west", "cart", "one"))
	if asked := s.api.asked(); len(asked) > 0 {
		t.Errorf("asked for %q because of what is the same", asked)
	}
	s.write(t, hubtest.Endpoints("west", "cart", "two"))
	if asked := s.api.asked(); !slices.Equal(asked, []string{"PATCH endpointrecords"}) {
		t.Errorf("asked for %q because of one change", asked)
	}
	if err := s.west.Delete(t.Context(), hubtest.Endpoints("west", "cart", "")); err != nil {
		t.Fatal(err)
	}
	if asked := s.api.asked(); !slices.Equal(asked, []string{"DELETE endpointrecords"}) {
		t.Errorf("asked for %q because of one deletion", asked)
	}
}

func TestAPatchHoldsWhatChangesAndTheVersion(t *testing.T) {
	before := hubtest.Endpoints("west", "cart", "one")
	before.ResourceVersion = "7"
	after := hubtest.Endpoints("west", "cart", "two")
	keep(before, after)
	hub.Stamp(after, 3)
	got, err := difference(before, after)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"metadata":{"annotations":{"fairlead.dev/term":"3"},"managedFields":[{}],"resourceVersion":"7"},"spec":{"packed":"dHdv"}}`
	if string(got) != want {
		t.Errorf("patch is %s, want %s", got, want)
	}
}

func TestAnIdleMemberWritesItsLeaseOnly(t *testing.T) {
	s := newScene(t)
	s.east.pace.list = 5 * time.Millisecond
	s.west.pace.renew = 0
	live(t, s.west)
	marker := v1alpha1.Marker{Sequence: 1, Exports: 1}
	s.write(t, hubtest.Marked("west", marker))
	s.api.asked()
	marker.Sequence = 2
	s.write(t, hubtest.Marked("west", marker))
	if asked := s.api.asked(); !slices.Equal(asked, []string{"PATCH leases", "POST leases"}) {
		t.Errorf("asked for %q because of a heartbeat", asked)
	}
	seen := make(chan int64, 100)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_ = s.east.Watch(ctx, func(e hub.Event) {
			if m, ok := e.Object.(*v1alpha1.Member); ok && m.Spec.Cluster == "west" {
				seen <- m.Status.Marker.Sequence
			}
		})
	}()
	if got := <-seen; got != 2 {
		t.Errorf("sequence is %d, want that of the lease", got)
	}
	marker.Sequence = 3
	s.write(t, hubtest.Marked("west", marker))
	if got := <-seen; got != 3 {
		t.Errorf("sequence is %d, want that of the renewed lease", got)
	}
	marker.Sequence, marker.Exports = 4, 2
	s.api.asked()
	s.write(t, hubtest.Marked("west", marker))
	if got := <-seen; got != 4 {
		t.Errorf("sequence is %d, want that of the Member", got)
	}
}

func TestALeaseIsRenewedNowAndThen(t *testing.T) {
	s := newScene(t)
	live(t, s.west)
	for sequence := range int64(5) {
		s.write(t, hubtest.Marked("west", v1alpha1.Marker{Sequence: sequence + 1}))
	}
	renewed := slices.DeleteFunc(s.api.asked(), func(r string) bool { return !strings.Contains(r, "PATCH leases") })
	if len(renewed) != 1 {
		t.Errorf("%d renewals at once, want 1", len(renewed))
	}
}

func TestALeaseOfAnOlderTermSaysNothing(t *testing.T) {
	h := &Hub{beats: map[string]beat{"ns": {term: 2, sequence: 9}}}
	m := &v1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: "ns"}}
	m.Status.Marker = v1alpha1.Marker{Term: 3, Sequence: 5}
	if got := h.shown(m).(*v1alpha1.Member).Status.Marker.Sequence; got != 5 {
		t.Errorf("sequence is %d", got)
	}
	m.Status.Marker.Term = 2
	if got := h.shown(m).(*v1alpha1.Member).Status.Marker.Sequence; got != 9 || m.Status.Marker.Sequence != 5 {
		t.Errorf("sequence is %d, that of the Member %d", got, m.Status.Marker.Sequence)
	}
}

func TestATermGoesOnFromTheHubs(t *testing.T) {
	s := newScene(t)
	s.write(t, hubtest.Marked("west", v1alpha1.Marker{Sequence: 1}))
	s.west.Lead(7)
	s.write(t, hubtest.Marked("west", v1alpha1.Marker{Sequence: 2}))

	restored := s.member(t, "west", 2) // whose cluster forgot that it was at 7
	restored.writeNow(t, hubtest.Marked("west", v1alpha1.Marker{Sequence: 3}))
	if got := s.Read(t, hubtest.Member("west")).(*v1alpha1.Member).Status.Marker.Term; got != 8 {
		t.Errorf("term is %d, want 8", got)
	}
	if err := s.west.Write(t.Context(), hubtest.Record("west", "more")); !errors.Is(err, hub.ErrFenced) {
		t.Errorf("write of the replica that led before: %v, want ErrFenced", err)
	}
	s.west.Lead(0)
	if err := s.west.Write(t.Context(), hubtest.Record("west", "more")); !errors.Is(err, hub.ErrFenced) {
		t.Errorf("write of a replica that does not lead: %v, want ErrFenced", err)
	}
}

func TestWhatTheAPISaysIsToldInTheHubsWords(t *testing.T) {
	for _, c := range []struct {
		code int
		want error
	}{
		{401, hub.ErrDown}, {403, hub.ErrForbidden}, {404, hub.ErrDown}, {409, hub.ErrConflict}, {422, hub.ErrForbidden},
		{429, hub.ErrDown}, {500, hub.ErrDown}, {503, hub.ErrDown}, {504, hub.ErrDown},
	} {
		s := newScene(t)
		live(t, s.west)
		s.api.alone(func() {
			s.api.fail = func(req *http.Request) int {
				if req.Method == http.MethodPost {
					return c.code
				}
				return 0
			}
		})
		err := s.west.Write(t.Context(), hubtest.Record("west", "more"))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "told to fail") && c.code != 409 {
			t.Errorf("answer %d became %v, want %v", c.code, err, c.want)
		}
	}
	if err := translate(apierrors.NewResourceExpired("too old")); !errors.Is(err, hub.ErrExpired) {
		t.Errorf("expired became %v", err)
	}
	if err := translate(context.DeadlineExceeded); !errors.Is(err, hub.ErrDown) {
		t.Errorf("a deadline became %v", err)
	}
}

func TestACallOfADeadHubEndsInTime(t *testing.T) {
	s := newScene(t)
	live(t, s.west)
	s.line.mute()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := s.west.Write(ctx, hubtest.Record("west", "more")); !errors.Is(err, hub.ErrDown) {
		t.Errorf("write: %v, want ErrDown", err)
	}
}
