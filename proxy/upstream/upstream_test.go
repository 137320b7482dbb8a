package upstream_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/proxy/upstream"
)

// world is who accepts connections.
type world struct {
	mu   sync.Mutex
	down map[string]bool
}

func (w *world) set(addr string, down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down[addr] = down
}

func (w *world) dial(_ context.Context, _, addr string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down[addr] {
		return nil, errors.New("refused")
	}
	a, b := net.Pipe()
	_ = b.Close()
	return a, nil
}

func addrs(n int) (out []netip.AddrPort) {
	for i := range n {
		out = append(out, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 80))
	}
	return out
}

func endpoints(name string, health fleet.TargetHealth, addrs ...netip.AddrPort) *match.Endpoints {
	e := &match.Endpoints{Name: name, Tiers: []match.Tier{{Places: []match.Place{{Cluster: "west", Weight: 1, Last: len(addrs)}}}}}
	for _, a := range addrs {
		e.Targets = append(e.Targets, match.Target{Addr: a, Weight: 1, Health: health})
	}
	return e
}

func spec(name string) *match.Cluster {
	return &match.Cluster{Name: name, Endpoints: name, Outlier: match.Outlier{LocalFailures: 3, GatewayErrors: 5,
		BaseEjection: 5 * time.Second, MaxEjection: time.Minute, MaxPercent: 50}, Limits: match.Limits{BudgetPercent: 20, BudgetMin: 2}}
}

func TestEjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{down: map[string]bool{}}
		r := upstream.NewRegistry(w.dial, slog.New(slog.DiscardHandler))
		defer r.Close()
		a := addrs(4)
		r.SetCluster(spec("c"))
		r.SetEndpoints(endpoints("c", fleet.Healthy, a...))
		c := r.Cluster("c")
		fail := func(i int) {
			for range 3 {
				c.Report(c.Snapshot().Host(i), upstream.LocalFailure)
			}
		}
		usable := func() (n int) {
			for i := range a {
				if c.Snapshot().Host(i).Usable() {
					n++
				}
			}
			return n
		}
		c.Report(c.Snapshot().Host(0), upstream.LocalFailure)
		c.Report(c.Snapshot().Host(0), upstream.LocalFailure)
		c.Report(c.Snapshot().Host(0), upstream.Answered)
		c.Report(c.Snapshot().Host(0), upstream.LocalFailure)
		if usable() != 4 {
			t.Error("failures that are not in a row eject")
		}
		w.set(a[0].String(), true)
		fail(0)
		fail(1)
		fail(2)
		if usable() != 2 {
			t.Errorf("%d usable; half may be ejected", usable())
		}
		for range 50 {
			if h, _ := c.Snapshot().Pick(upstream.Picking{}); h.Addr == a[0] || h.Addr == a[1] {
				t.Fatal("an ejected host was picked")
			}
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if c.Snapshot().Host(0).Usable() || !c.Snapshot().Host(1).Usable() {
			t.Error("only who accepts connections may return")
		}
		w.set(a[0].String(), false)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if usable() != 4 {
			t.Errorf("%d usable at the end", usable())
		}
	})
}

func TestChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{down: map[string]bool{}}
		r := upstream.NewRegistry(w.dial, slog.New(slog.DiscardHandler))
		defer r.Close()
		a := addrs(2)
		s := spec("c")
		s.Checks = []match.HealthCheck{{Timeout: time.Second, Interval: time.Second, Unhealthy: 3, Healthy: 1}}
		r.SetCluster(s)
		r.SetEndpoints(endpoints("c", fleet.Healthy, a...))
		host := r.Cluster("c").Snapshot().Host(0)
		w.set(a[0].String(), true)
		time.Sleep(1500 * time.Millisecond)
		if !host.Usable() {
			t.Error("one or two failures are not enough")
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if host.Usable() || host.Why() == "" {
			t.Error("a host that fails its checks is usable")
		}
		w.set(a[0].String(), false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !host.Usable() {
			t.Error("a host that recovered is not usable")
		}
		// Without anybody who has it, it is not asked any more: synctest would find the goroutine.
		r.RemoveCluster("c")
	})
}

func TestLostAborts(t *testing.T) {
	r := upstream.NewRegistry(nil, slog.New(slog.DiscardHandler))
	defer r.Close()
	a := addrs(2)
	r.SetCluster(spec("c"))
	r.SetEndpoints(endpoints("c", fleet.Healthy, a...))
	host := r.Cluster("c").Snapshot().Host(0)
	var aborted []string
	begin := func(name string, safe bool) *upstream.Try {
		return host.Begin(func() { aborted = append(aborted, name) }, func() bool { return safe })
	}
	safe, unsafe, ended := begin("safe", true), begin("unsafe", false), begin("ended", true)
	ended.End()
	r.SetEndpoints(endpoints("c", fleet.LostTarget, a...))
	late := begin("late", true)
	if len(aborted) != 2 || aborted[0] != "safe" || aborted[1] != "late" {
		t.Errorf("aborted: %v", aborted)
	}
	if host.Active() != 3 {
		t.Errorf("%d active", host.Active())
	}
	for _, try := range []*upstream.Try{safe, unsafe, late, ended} {
		try.End()
	}
	if host.Active() != 0 {
		t.Errorf("%d active at the end", host.Active())
	}
	if h, _ := r.Cluster("c").Snapshot().Pick(upstream.Picking{}); h != nil {
		t.Errorf("a lost host was picked: %v", h.Addr)
	}
}

func TestHostsAreShared(t *testing.T) {
	r := upstream.NewRegistry((&world{down: map[string]bool{}}).dial, slog.New(slog.DiscardHandler))
	defer r.Close()
	a := addrs(2)
	for _, name := range []string{"c", "d"} {
		r.SetCluster(spec(name))
		if r.Ready(name) {
			t.Error("ready without endpoints")
		}
		r.SetEndpoints(endpoints(name, fleet.Healthy, a...))
	}
	c, d := r.Cluster("c"), r.Cluster("d")
	for range 3 {
		c.Report(c.Snapshot().Host(0), upstream.LocalFailure)
	}
	for range 20 {
		if h, _ := d.Snapshot().Pick(upstream.Picking{}); h.Addr != a[1] {
			t.Fatal("what one cluster learned, the other does not know")
		}
	}
	r.RemoveEndpoints("c")
	if c.Snapshot() != nil || d.Snapshot() == nil {
		t.Error("removing one set touched another")
	}
}

func TestLimits(t *testing.T) {
	r := upstream.NewRegistry(nil, slog.New(slog.DiscardHandler))
	r.SetCluster(spec("c"))
	c := r.Cluster("c")
	l := match.Limits{Requests: 2, BudgetPercent: 20, BudgetMin: 1}
	for i := range 3 {
		if c.Admit(l) != (i < 2) {
			t.Errorf("request %d of two at a time", i)
		}
	}
	c.Done()
	if !c.Admit(l) {
		t.Error("a place was given back")
	}
	for i := range 2 {
		if c.AdmitRetry(l) != (i < 1) {
			t.Errorf("retry %d of one at a time", i)
		}
	}
	c.RetryDone()
	l.Requests = 0
	for range 98 {
		c.Admit(l)
	}
	for i := range 21 {
		if c.AdmitRetry(l) != (i < 20) {
			t.Errorf("retry %d of 100 active requests", i)
		}
	}
}
