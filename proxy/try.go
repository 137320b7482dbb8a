package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/proxy/upstream"
)

// try is one try of a task at one host.
type try struct {
	*task
	upstream *upstream.Host
	spec     *match.Cluster
	resp     *http.Response
	failure  upstream.Failure

	registered *upstream.Try
	stop       context.CancelCauseFunc
	sent       atomic.Bool // a byte of the request may have reached the host
	phase      atomic.Int32

	mu       sync.Mutex // of informational answers and the end of the round trip
	returned bool
}

// The phases of a try. It is either answered or aborted, whichever comes first.
const (
	asking int32 = iota
	answered
	aborted
)

var (
	errLost    = errors.New("the host was found lost")
	errTooLong = errors.New("the try took too long")
)

// send makes the try, up to the head of the answer.
func (y *try) send() {
	ctx, stop := context.WithCancelCause(y.ctx)
	y.stop = stop
	ctx = context.WithValue(ctx, connectTimeoutKey{}, y.spec.ConnectTimeout)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:        func(httptrace.GotConnInfo) { y.sent.Store(true) },
		Got1xxResponse: y.informational,
	})
	y.registered = y.upstream.Begin(func() { stop(errLost) }, y.mayAbort)
	if p := y.route.Forward.Retry; p != nil && p.TryTimeout > 0 && y.task.upgrade == "" {
		timer := time.AfterFunc(p.TryTimeout, func() { stop(errTooLong) })
		defer timer.Stop()
	}
	resp, err := y.proxy.carrier.of(y.spec, y.task.upgrade).RoundTrip(y.request(ctx))
	y.mu.Lock()
	y.returned = true
	y.mu.Unlock()
	if err == nil && !y.phase.CompareAndSwap(asking, answered) {
		_ = resp.Body.Close()
		err = errLost
	}
	if err != nil {
		y.failed(ctx, err)
		return
	}
	y.resp = resp
	y.cluster.Report(y.upstream, upstream.OutcomeOf(resp.StatusCode))
}

// mayAbort says whether the try may be given up for another, and from then on it is.
func (y *try) mayAbort() bool {
	safe := !y.sent.Load() || upstream.Idempotent(y.req.Method) && (y.body == nil || y.body.Replayable())
	return safe && y.phase.CompareAndSwap(asking, aborted)
}

// request is the request to the backend.
func (y *try) request(ctx context.Context) *http.Request {
	u := &url.URL{Scheme: "http", Host: y.upstream.Addr.String(), RawQuery: y.req.RawQuery, Opaque: y.path}
	if strings.HasPrefix(y.path, "//") {
		// An opaque part with two slashes would be taken for an authority.
		u.Opaque, u.Path, u.RawPath = "", y.path, y.path
		if p, err := url.PathUnescape(y.path); err == nil {
			u.Path = p
		}
	}
	out := (&http.Request{Method: y.req.Method, URL: u, Host: y.host, Header: y.header.Clone(), Proto: "HTTP/1.1", ProtoMajor: 1,
		ProtoMinor: 1, ContentLength: y.r.ContentLength}).WithContext(ctx)
	if y.body != nil {
		out.Body = y.body.Reader()
		out.GetBody = func() (io.ReadCloser, error) {
			if !y.body.Replayable() {
				return nil, upstream.ErrStale
			}
			return y.body.Reader(), nil
		}
		if y.r.ContentLength < 0 {
			out.Trailer = y.r.Trailer // filled when the body ends
		}
	}
	return out
}

// informational passes on what comes before the answer, such as 103. 100 and 101 have ways of their own.
func (y *try) informational(code int, header textproto.MIMEHeader) error {
	if code == http.StatusContinue || code == http.StatusSwitchingProtocols {
		return nil
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.returned || y.phase.Load() != asking {
		return nil
	}
	h := y.w.Header()
	kept := h.Clone()
	for name, values := range header {
		h[name] = values
	}
	y.w.WriteHeader(code)
	clear(h)
	for name, values := range kept {
		h[name] = values
	}
	return nil
}

// failed finds out what an error means.
func (y *try) failed(ctx context.Context, err error) {
	y.registered.End()
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errLost) || errors.Is(err, errLost):
		y.failure = upstream.Aborted
		if !y.sent.Load() {
			y.failure = upstream.NotSent
		}
	case y.ctx.Err() != nil || y.body != nil && y.body.Err() != nil:
		// The client's doing, or the end of the request's time; both are told by the task.
		y.failure = upstream.Reset
		if errors.Is(y.ctx.Err(), context.DeadlineExceeded) {
			y.cluster.Report(y.upstream, upstream.LocalFailure)
		}
	case !y.sent.Load():
		y.failure = upstream.NotSent
		y.cluster.Report(y.upstream, upstream.LocalFailure)
	case errors.Is(cause, errTooLong):
		y.failure = upstream.TimedOut
		y.cluster.Report(y.upstream, upstream.LocalFailure)
	default:
		y.failure = upstream.Reset
		y.cluster.Report(y.upstream, upstream.LocalFailure)
	}
	y.stop(nil)
}

// discard drops an answer that is not passed on.
func (y *try) discard() {
	if y.resp == nil {
		return
	}
	// A short answer is read to its end, so that its connection can be used again.
	_, _ = io.CopyN(io.Discard, y.resp.Body, 4096)
	_ = y.resp.Body.Close()
	y.finishTry()
	y.resp = nil
}

func (y *try) finishTry() {
	y.registered.End()
	y.stop(nil)
}
