package route

import (
	"slices"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// defaultAttempts is how often a route that asks for retries without a number gets them.
const defaultAttempts = 1

func compileTimeouts(t *gatewayv1.HTTPRouteTimeouts, do *Rule) problems {
	if t == nil {
		return nil
	}
	var ps, bad problems
	do.RequestTimeout, bad = compileDuration("request", t.Request)
	ps = append(ps, bad...)
	do.BackendTimeout, bad = compileDuration("backendRequest", t.BackendRequest)
	ps = append(ps, bad...)
	if do.RequestTimeout != 0 && do.BackendTimeout > do.RequestTimeout {
		ps = append(ps, unsupported("backendRequest", "is %s, longer than the whole request's %s; shorten it", *t.BackendRequest, *t.Request)...)
	}
	return ps.under("timeouts")
}

func compileDuration(field string, d *gatewayv1.Duration) (time.Duration, problems) {
	if d == nil {
		return 0, nil
	}
	out, ps := parseDuration(string(*d))
	return out, ps.under(field)
}

func compileRetry(r *gatewayv1.HTTPRouteRetry) (*Retry, problems) {
	if r == nil {
		return nil, nil
	}
	out := &Retry{Attempts: deref(r.Attempts, defaultAttempts)}
	var ps problems
	if out.Attempts < 1 {
		ps = append(ps, unsupported("attempts", "is %d; write a number from 1, or remove the retry", out.Attempts)...)
	}
	for i, c := range r.Codes {
		code := int(c)
		switch {
		case code < 400 || code > 599:
			ps = append(ps, unsupported("", "is %d; write a status code from 400 to 599", code).at("codes", i)...)
		case slices.Contains(out.Codes, code):
			ps = append(ps, unsupported("", "is %d a second time; remove it", code).at("codes", i)...)
		}
		out.Codes = append(out.Codes, code)
	}
	var bad problems
	out.Backoff, bad = compileDuration("backoff", r.Backoff)
	return out, append(ps, bad...).under("retry")
}
