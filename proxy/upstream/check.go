package upstream

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
)

// check starts, changes or stops the active checks of a host as a cluster wants them. A host that several clusters have is checked as the
// last of them wants that has checks at all. Hosts that the control plane has withdrawn are not checked. The registry's lock is held.
//
// Each checked host costs a goroutine and a connection per interval; thousands of hosts with an interval of a second are a load
// that the control plane should spare them.
func (h *Host) check(spec *match.Cluster, health fleet.TargetHealth) {
	if len(spec.Checks) == 0 || withdrawn(health) {
		if h.cancel != nil && !h.wanted() {
			h.cancel()
			h.cancel = nil
			h.failing.Store(false)
		}
		return
	}
	if want := spec.Checks[0]; h.cancel == nil || h.checking != want {
		if h.cancel != nil {
			h.cancel()
		}
		ctx, cancel := context.WithCancel(context.Background())
		h.cancel, h.checking = cancel, want
		if h.registry.closed {
			cancel()
		}
		go h.registry.watch(ctx, h, want)
	}
}

// wanted says whether any cluster wants the host checked. The registry's lock is held.
func (h *Host) wanted() bool {
	for c, health := range h.clusters {
		if !withdrawn(health) && len(c.spec.Checks) > 0 {
			return true
		}
	}
	return false
}

// watch asks a host again and again. A host is held good until it has failed often enough.
func (r *Registry) watch(ctx context.Context, h *Host, check match.HealthCheck) {
	wait := rand.N(check.Interval) // the first checks of many hosts spread over an interval
	good, bad := 0, 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if r.ask(ctx, h.Addr, check) == nil {
			good, bad = good+1, 0
		} else {
			good, bad = 0, bad+1
		}
		if ctx.Err() != nil {
			return
		}
		if bad >= check.Unhealthy {
			r.setFailing(ctx, h, true)
		} else if good >= check.Healthy {
			r.setFailing(ctx, h, false)
		}
		wait = check.Interval - check.Interval/20 + rand.N(check.Interval/10+1)
	}
}

func (r *Registry) setFailing(ctx context.Context, h *Host, failing bool) {
	if h.failing.Load() == failing {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	h.failing.Store(failing)
	r.changed(h)
	r.log.Info("host checked", "host", h.Addr.String(), "failing", failing)
}

func (r *Registry) ask(ctx context.Context, addr netip.AddrPort, check match.HealthCheck) error {
	if check.Port != 0 {
		addr = netip.AddrPortFrom(addr.Addr(), check.Port)
	}
	if !check.HTTP {
		return r.connects(ctx, addr.String(), check.Timeout)
	}
	return r.answers(ctx, addr.String(), check)
}

// connects says whether an address accepts a connection.
func (r *Registry) connects(ctx context.Context, addr string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := r.dial(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	// A reset instead of a close leaves no TIME_WAIT behind: checks are many.
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return conn.Close()
}

// answers says whether an HTTP check gets a good status code.
func (r *Registry) answers(ctx context.Context, addr string, check match.HealthCheck) error {
	ctx, cancel := context.WithTimeout(ctx, check.Timeout)
	defer cancel()
	conn, err := r.dial(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	host := check.Host
	if host == "" {
		host = addr
	}
	if _, err := io.WriteString(conn, "GET "+check.Path+" HTTP/1.1\r\nHost: "+host+"\r\nUser-Agent: fairlead-check\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, 64<<10)), nil)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode < check.Low || resp.StatusCode >= check.High {
		return fmt.Errorf("check %s%s: status %s", addr, check.Path, strconv.Itoa(resp.StatusCode))
	}
	return nil
}
