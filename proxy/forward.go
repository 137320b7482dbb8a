package proxy

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/proxy/upstream"
)

// forward sends the request to a backend, trying again where that is safe or asked for.
func (x *exchange) forward() {
	f := x.route.Forward
	if x.share = f.Choose(x.proxy.opt.Rand()); x.share == nil {
		x.reply(http.StatusInternalServerError, "the route has no backend with a weight")
		return
	}
	cluster := x.proxy.registry.Cluster(x.share.Cluster)
	if cluster == nil {
		x.unknown(f)
		return
	}
	snapshot := cluster.Snapshot()
	if snapshot == nil {
		x.reply(http.StatusServiceUnavailable, "no endpoints of "+cluster.Name+" are known yet")
		return
	}
	if !cluster.Admit(snapshot.Spec.Limits) {
		x.proxy.stats.shed.Add(1)
		x.reply(http.StatusServiceUnavailable, "too many requests to "+cluster.Name)
		return
	}
	defer cluster.Done()
	t := x.newTask(cluster)
	defer t.close()
	t.run()
}

// unknown answers for a cluster that does not exist.
func (x *exchange) unknown(f *match.Forward) {
	if x.share.Cluster == unresolved {
		x.reply(f.NotFound, "the route's backend could not be resolved")
		return
	}
	x.reply(f.NotFound, "the route's backend "+x.share.Cluster+" is not known")
}

// task is a request on its way to one cluster, over all its tries.
type task struct {
	*exchange
	cluster *upstream.Cluster
	header  http.Header
	host    string // of the request to the backend
	path    string
	body    *upstream.Body // nil: none
	ctx     context.Context
	cancel  context.CancelFunc
	tried   []netip.AddrPort
	counted int // tries that count: all but those that were aborted
}

func (x *exchange) newTask(c *upstream.Cluster) *task {
	t := &task{exchange: x, cluster: c, header: x.outgoing(), ctx: x.r.Context(), cancel: func() {}}
	t.host, t.path = x.route.Target(&x.req, x.share)
	if x.r.Body != nil && x.r.Body != http.NoBody && x.r.ContentLength != 0 {
		t.body = upstream.NewBody(x.r.Body, &x.proxy.memory)
	}
	if d := x.route.Forward.Timeout; d > 0 && x.upgrade == "" {
		t.ctx, t.cancel = context.WithTimeout(t.ctx, d)
	}
	if x.upgrade != "" {
		t.header.Set("Connection", "Upgrade")
		t.header.Set("Upgrade", x.r.Header.Get("Upgrade"))
	}
	if x.r.ProtoMajor == 1 {
		// A backend may answer while the client still sends.
		_ = http.NewResponseController(x.w).EnableFullDuplex()
	}
	return t
}

func (t *task) close() {
	t.cancel()
	if t.body != nil {
		t.body.Close()
	}
}

// run makes tries until one brings an answer to pass on, or there is no sense in another.
func (t *task) run() {
	t.mirror()
	retry := func() {}
	defer func() { retry() }()
	for {
		try := t.pick()
		if try == nil {
			return
		}
		try.send()
		retry()
		retry = func() {}
		if try.failure == upstream.NoFailure && !t.route.Forward.Retry.Wants(try.resp.StatusCode) {
			try.pass()
			return
		}
		if t.ended(try) {
			return
		}
		d := upstream.Decide(t.attempt(try))
		if d.Retry && d.Budgeted {
			snapshot := t.cluster.Snapshot()
			if snapshot == nil || !t.cluster.AdmitRetry(snapshot.Spec.Limits) {
				d = upstream.Decision{Why: "too many other requests are being tried again"}
			} else {
				retry = t.cluster.RetryDone
			}
		}
		if !d.Retry {
			t.giveUp(try, d.Why)
			return
		}
		try.discard()
		t.cluster.Counts.Retries.Add(1)
		t.proxy.stats.retries.Add(1)
		if d.Backoff && !t.wait() {
			return
		}
	}
}

// pick chooses the next host; nil: there is none, and that was answered.
func (t *task) pick() *try {
	snapshot := t.cluster.Snapshot()
	if snapshot == nil {
		t.reply(http.StatusServiceUnavailable, "the endpoints of "+t.cluster.Name+" are not known any more")
		return nil
	}
	p := upstream.Picking{Random: t.proxy.opt.Rand(), Tried: t.tried}
	p.Hash, p.HasHash = t.route.Forward.Hash(&t.req)
	host, _ := snapshot.Pick(p)
	if host == nil {
		t.reply(http.StatusServiceUnavailable, "no endpoint of "+t.cluster.Name+" is ready")
		return nil
	}
	t.tried = append(t.tried, host.Addr)
	t.tries++
	t.counted++
	t.to = host.Addr.String()
	return &try{task: t, upstream: host, spec: snapshot.Spec}
}

func (t *task) attempt(try *try) upstream.Attempt {
	if try.failure == upstream.Aborted {
		t.counted--
		t.proxy.stats.aborted.Add(1)
	}
	a := upstream.Attempt{Method: t.req.Method, Failure: try.failure, Tries: t.counted, Policy: t.route.Forward.Retry,
		Replayable: t.body == nil || t.body.Replayable()}
	if try.resp != nil {
		a.Code = try.resp.StatusCode
	}
	// Aborted tries do not count, but they must come to an end too.
	a.Tries = max(a.Tries, t.tries-10)
	return a
}

// ended answers a request that must not go on whatever its try was like: the client has gone or was wrong, or its time is up.
func (t *task) ended(try *try) bool {
	switch {
	case t.r.Context().Err() != nil:
		if !t.refusedNow() {
			try.discard()
			t.w.code, t.why = 499, "the client has gone"
			panic(http.ErrAbortHandler) // or net/http would make up a 200
		}
	case t.ctx.Err() != nil:
		t.reply(http.StatusGatewayTimeout, fmt.Sprintf("no answer within %s", t.route.Forward.Timeout))
	case t.body != nil && t.body.Err() != nil:
		if !t.refusedNow() {
			t.w.Header().Set("Connection", "close")
			t.reply(http.StatusBadRequest, "the request's body broke off")
		}
	default:
		return false
	}
	try.discard()
	return true
}

// giveUp answers with what the last try was like.
func (t *task) giveUp(try *try, why string) {
	switch try.failure {
	case upstream.NoFailure:
		try.pass()
	case upstream.TimedOut:
		t.reply(http.StatusGatewayTimeout, "no answer from the backend in time")
	case upstream.NotSent:
		t.reply(http.StatusServiceUnavailable, fmt.Sprintf("no connection to the backend after %d tries", t.tries))
	default:
		t.reply(http.StatusBadGateway, fmt.Sprintf("%s; not tried again: %s", try.failure, why))
	}
}

// wait is the pause before a retry; false: the request has ended meanwhile, and was answered.
func (t *task) wait() bool {
	random := float64(t.proxy.opt.Rand()>>11) / (1 << 53)
	timer := time.NewTimer(upstream.Backoff(t.route.Forward.Retry, t.counted, random))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.ctx.Done():
		return !t.ended(&try{task: t})
	}
}
