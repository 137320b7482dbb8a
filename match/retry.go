package match

import (
	"errors"
	"fmt"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// Retry is a route's retry policy. It adds to what is always tried again because it is safe.
type Retry struct {
	// Retries is how many tries may follow the first.
	Retries int
	// Codes are the status codes that are tried again, whatever the method: the route's author has said so.
	Codes []int
	// ServerErrors and GatewayErrors take every 5xx, and 502, 503 and 504.
	ServerErrors, GatewayErrors bool
	// Timeouts says that a try which ran out of TryTimeout is tried again.
	Timeouts bool
	// TryTimeout bounds each try, up to its response headers; 0 is none.
	TryTimeout time.Duration
	// Backoff and MaxBackoff shape the wait before a try: a random time below Backoff, doubled each time, up to MaxBackoff.
	Backoff, MaxBackoff time.Duration
}

// Wants says whether the policy asks to try again after this status code.
func (r *Retry) Wants(code int) bool {
	if r == nil {
		return false
	}
	for _, c := range r.Codes {
		if c == code {
			return true
		}
	}
	return r.ServerErrors && code >= 500 || r.GatewayErrors && (code >= 502 && code <= 504)
}

func compileRetry(p *routev3.RetryPolicy) (*Retry, error) {
	if p == nil {
		return nil, nil
	}
	if p.GetRetryPriority() != nil || len(p.GetRetriableHeaders()) > 0 || len(p.GetRetriableRequestHeaders()) > 0 ||
		p.GetRateLimitedRetryBackOff() != nil {
		return nil, errors.New("retry_priority, retriable_headers, retriable_request_headers, rate_limited_retry_back_off: not supported")
	}
	r := &Retry{Retries: 1, TryTimeout: p.GetPerTryTimeout().AsDuration(), Backoff: 25 * time.Millisecond}
	if p.GetNumRetries() != nil {
		r.Retries = int(min(p.GetNumRetries().GetValue(), 100))
	}
	if b := p.GetRetryBackOff(); b.GetBaseInterval() != nil {
		r.Backoff = b.GetBaseInterval().AsDuration()
	}
	r.MaxBackoff = 10 * r.Backoff
	if m := p.GetRetryBackOff().GetMaxInterval(); m != nil {
		r.MaxBackoff = m.AsDuration()
	}
	return r, r.compileConditions(p)
}

func (r *Retry) compileConditions(p *routev3.RetryPolicy) error {
	for on := range strings.SplitSeq(p.GetRetryOn(), ",") {
		switch strings.TrimSpace(on) {
		case "5xx":
			r.ServerErrors, r.Timeouts = true, true
		case "gateway-error":
			r.GatewayErrors, r.Timeouts = true, true
		case "retriable-status-codes":
			for _, c := range p.GetRetriableStatusCodes() {
				if c < 100 || c > 599 {
					return fmt.Errorf("retriable_status_codes: %d is no status code", c)
				}
				r.Codes = append(r.Codes, int(c))
				r.Timeouts = r.Timeouts || c == 504
			}
		case "retriable-4xx":
			r.Codes = append(r.Codes, 409)
		case "reset":
			r.Timeouts = true
		case "", "connect-failure", "refused-stream", "reset-before-request":
			// Always tried again, where it is safe.
		case "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable", "unknown":
			return fmt.Errorf("retry_on: the gRPC condition %s is not supported", strings.TrimSpace(on))
		default:
			return fmt.Errorf("retry_on: %q is not known", strings.TrimSpace(on))
		}
	}
	return nil
}
