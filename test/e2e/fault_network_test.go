package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"fairlead.dev/fairlead/test/lab"
)

// TestABlackHoledMemberIsLeft cuts a member off from everybody else. New connections elsewhere leave it; the cluster itself, which sees
// nobody any more, suspects itself and keeps what it has.
func TestABlackHoledMemberIsLeft(t *testing.T) {
	s := tell(t)
	for _, p := range []*place{s.west, s.north} {
		p.runs("cart", 2)
		p.exports("cart")
	}
	for i := range *wide - 1 {
		name := fmt.Sprintf("stock-%d", i)
		for _, p := range []*place{s.west, s.north} { // what nobody else serves would be kept, as the last resort
			p.makes(lab.Service(s.namespace, name), lab.Slice(s.namespace, name, name+"-1", p.addresses(1)...), lab.Export(s.namespace, name))
		}
	}
	s.east.sees("cart", "ClusterSetIP http:80/TCP from north 2/2, west 2/2")
	s.east.sees(fmt.Sprintf("stock-%d", *wide-2), "ClusterSetIP http:80/TCP from north 1/1, west 1/1")
	east, north := s.east.Watches(t.Context(), s.namespace), s.north.Watches(t.Context(), s.namespace)
	defer east.Stop()
	defer north.Stop()
	s.eventually("the witness has seen all", func(context.Context) error { return counts(east, "north", *wide+1, *wide+1) })
	calls := s.east.Calls(t.Context(), s.east.address("cart")+":80")
	time.Sleep(time.Second)

	began := time.Now()
	mend := s.breaks([]string{"cut", "north"}, []string{"restore", "north"})
	cut := time.Now() // the verb itself takes a while; the cut is between these two
	s.eventually("all of north is withdrawn in east", func(context.Context) error { return counts(east, "north", 0, *wide+1) })
	withdrawn := east.Since(began)
	time.Sleep(2 * time.Second)
	back := time.Now()
	mend()
	s.eventually("all of north is ready again in east", func(context.Context) error { return counts(east, "north", *wide+1, *wide+1) })
	t.Logf("%d services: first endpoint withdrawn %s, last %s after the cut; all back %s after it was mended", *wide,
		span(began, withdrawn[0].At), span(began, withdrawn[len(withdrawn)-1].At), span(back, time.Now()))

	answered := calls.Stop()
	left := began
	for _, c := range answered.Failed() {
		if c.Began.After(left) && c.Began.Before(back) {
			left = c.Began
		}
	}
	t.Logf("calls from east: %s", answered)
	t.Logf("the last call that went into the hole began %s after the cut (the cut itself took %s)", span(began, left), span(began, cut))
	if took := left.Sub(cut); took > 5*time.Second {
		t.Errorf("new connections went into the hole for %s", took)
	}
	s.keeps("the cluster that was cut off suspects itself", north, began)
}

// counts says nothing where so many endpoints from a cluster are ready of so many.
func counts(w *lab.Witness, source string, ready, all int) error {
	if r, a := w.Count(source); r != ready || a != all {
		return fmt.Errorf("%d of %d are ready", r, a)
	}
	return nil
}

func span(from, to time.Time) time.Duration { return to.Sub(from).Round(10 * time.Millisecond) }

// TestDrainTakesNewConnectionsOffAndResetsNone has a connection open to each cluster while one is drained.
func TestDrainTakesNewConnectionsOffAndResetsNone(t *testing.T) {
	s := tell(t)
	for _, p := range []*place{s.west, s.north} {
		p.runs("cart", 1)
		p.exports("cart")
	}
	address := s.east.address("cart") + ":80"
	s.east.reaches("cart", 80, "north", "west")
	open := s.east.keepsOpen(address, 12)
	calls := s.east.Calls(t.Context(), address)

	s.fairlead("version") // builds it, which takes a while
	began := time.Now()
	s.fairlead("drain", "north", "--context", "west")
	s.Cleanup(func() { _, _ = s.triesIn(context.Background(), "restore", "north", "--context", "west") })
	took := s.east.reaches("cart", 80, "west")
	answered := calls.Stop()
	t.Logf("no new connection reaches north %s after the word (with the checks, %s)", lastFrom(answered, "north").Sub(began).Round(time.Millisecond), took.Round(time.Millisecond))
	if failed := answered.Failed(); len(failed) > 0 {
		t.Errorf("calls failed: %v", failed[0])
	}
	for who, n := range open.ask() {
		t.Logf("%d connections that were open are still answered by %s", n, who)
	}
	if n := open.broken(); n > 0 {
		t.Errorf("%d open connections were reset", n)
	}
	s.fairlead("restore", "north", "--context", "west")
	s.east.reaches("cart", 80, "north", "west")
}

func lastFrom(calls lab.Calls, cluster string) (last time.Time) {
	for _, c := range calls {
		if c.Cluster == cluster {
			last = c.Began
		}
	}
	return last
}
