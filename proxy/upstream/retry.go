package upstream

import (
	"slices"
	"time"

	"fairlead.dev/fairlead/match"
)

// Tries is how often a request is tried at most where its route says nothing, the first time included.
const Tries = 3

// Failure is why a try brought no answer that can be passed on.
type Failure uint8

// The failures.
const (
	NoFailure Failure = iota
	NotSent           // no byte of the request can have reached the host: any request may be tried elsewhere
	Reset             // the connection broke before the response began
	Aborted           // given up here, because the host was found lost
	TimedOut          // the try took longer than its route allows
)

// String says what happened.
func (f Failure) String() string {
	return [...]string{"", "could not connect", "the connection broke before the response began", "the host was found lost", "the try timed out"}[f]
}

// Attempt is what Decide looks at: a try that did not bring an answer that is simply passed on.
type Attempt struct {
	Method     string
	Failure    Failure // NoFailure: it brought an answer, with this code
	Code       int
	Tries      int  // made so far, this one included, those that were aborted not
	Replayable bool // the request's body can be sent again from its beginning
	Policy     *match.Retry
}

// Decision is what is to be done.
type Decision struct {
	Retry bool
	// Budgeted retries cost hosts that work something, and so count against the budget of retries.
	Budgeted bool
	// Backoff says to wait before the next try.
	Backoff bool
	Why     string
}

// Decide says whether a request is tried again.
//
// Safe, and therefore always done, up to Tries times: any request of which nothing was sent; an idempotent one (RFC 9110 9.2.2) whose
// connection broke before the response began, or that was given up because its host is lost. What is an answer is passed on,
// a 503 too, unless the route's policy names its code: then its author has said that the request may be sent twice, whatever its method.
func Decide(a Attempt) Decision {
	safeTries, policyTries := Tries, 0
	if a.Policy != nil {
		policyTries = a.Policy.Retries + 1
		safeTries = max(Tries, policyTries)
	}
	switch {
	case !a.Replayable:
		return Decision{Why: "its body cannot be sent again"}
	case a.Failure == NotSent:
		return within(a.Tries, safeTries, Decision{Retry: true, Backoff: a.Tries > 1})
	case (a.Failure == Reset || a.Failure == Aborted) && !Idempotent(a.Method):
		return Decision{Why: a.Method + " is not idempotent"}
	case a.Failure == Aborted:
		return within(a.Tries, safeTries, Decision{Retry: true})
	case a.Failure == Reset:
		return within(a.Tries, safeTries, Decision{Retry: true, Budgeted: true})
	case a.Failure == TimedOut && a.Policy != nil && a.Policy.Timeouts, a.Failure == NoFailure && a.Policy.Wants(a.Code):
		return within(a.Tries, policyTries, Decision{Retry: true, Budgeted: true, Backoff: true})
	}
	return Decision{Why: "its route does not ask for it"}
}

func within(tries, most int, d Decision) Decision {
	if tries >= most {
		return Decision{Why: "it was tried often enough"}
	}
	return d
}

// Idempotent says whether sending a request twice is the same as once (RFC 9110 9.2.2).
func Idempotent(method string) bool {
	return slices.Contains([]string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}, method)
}

// Backoff is how long to wait before the n-th retry (from 1), for a random number in [0, 1): full jitter over a doubling interval.
func Backoff(p *match.Retry, n int, random float64) time.Duration {
	base, most := 25*time.Millisecond, 250*time.Millisecond
	if p != nil && p.Backoff > 0 {
		base, most = p.Backoff, max(p.Backoff, p.MaxBackoff)
	}
	bound := base
	for i := 1; i < n && bound < most; i++ {
		bound *= 2
	}
	return time.Duration(random * float64(min(bound, most)))
}
