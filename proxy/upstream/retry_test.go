package upstream_test

import (
	"testing"
	"time"

	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/proxy/upstream"
)

func TestDecide(t *testing.T) {
	codes := &match.Retry{Retries: 1, Codes: []int{503}, Timeouts: true}
	many := &match.Retry{Retries: 9}
	for name, c := range map[string]struct {
		a    upstream.Attempt
		want bool
	}{
		"a POST that was not sent":                 {upstream.Attempt{Method: "POST", Failure: upstream.NotSent, Tries: 1, Replayable: true}, true},
		"not sent three times":                     {upstream.Attempt{Method: "GET", Failure: upstream.NotSent, Tries: 3, Replayable: true}, false},
		"not sent three times, policy allows more": {upstream.Attempt{Method: "GET", Failure: upstream.NotSent, Tries: 3, Replayable: true, Policy: many}, true},
		"a reset GET":                              {upstream.Attempt{Method: "GET", Failure: upstream.Reset, Tries: 1, Replayable: true}, true},
		"a reset DELETE":                           {upstream.Attempt{Method: "DELETE", Failure: upstream.Reset, Tries: 2, Replayable: true}, true},
		"a reset POST":                             {upstream.Attempt{Method: "POST", Failure: upstream.Reset, Tries: 1, Replayable: true}, false},
		"a reset PATCH":                            {upstream.Attempt{Method: "PATCH", Failure: upstream.Reset, Tries: 1, Replayable: true}, false},
		"a reset PUT whose body is gone":           {upstream.Attempt{Method: "PUT", Failure: upstream.Reset, Tries: 1}, false},
		"an aborted GET":                           {upstream.Attempt{Method: "GET", Failure: upstream.Aborted, Replayable: true}, true},
		"an aborted POST":                          {upstream.Attempt{Method: "POST", Failure: upstream.Aborted, Replayable: true}, false},
		"a 503 of the application":                 {upstream.Attempt{Method: "GET", Code: 503, Tries: 1, Replayable: true}, false},
		"a 503 that the policy names":              {upstream.Attempt{Method: "POST", Code: 503, Tries: 1, Replayable: true, Policy: codes}, true},
		"a 503 that the policy names, again":       {upstream.Attempt{Method: "POST", Code: 503, Tries: 2, Replayable: true, Policy: codes}, false},
		"a 500 that the policy does not name":      {upstream.Attempt{Method: "GET", Code: 500, Tries: 1, Replayable: true, Policy: codes}, false},
		"a timeout without a policy":               {upstream.Attempt{Method: "GET", Failure: upstream.TimedOut, Tries: 1, Replayable: true}, false},
		"a timeout with a policy":                  {upstream.Attempt{Method: "GET", Failure: upstream.TimedOut, Tries: 1, Replayable: true, Policy: codes}, true},
	} {
		if d := upstream.Decide(c.a); d.Retry != c.want || !d.Retry && d.Why == "" {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if upstream.Decide(upstream.Attempt{Method: "GET", Failure: upstream.Aborted, Replayable: true}).Budgeted {
		t.Error("requests given up because their host is lost must not be held back by the budget")
	}
}

func TestBackoff(t *testing.T) {
	p := &match.Retry{Backoff: 10 * time.Millisecond, MaxBackoff: 50 * time.Millisecond}
	for n, most := range []time.Duration{0, 10, 20, 40, 50, 50} {
		if n > 0 {
			if got := upstream.Backoff(p, n, 1); got != most*time.Millisecond {
				t.Errorf("retry %d waits up to %s", n, got)
			}
			if got := upstream.Backoff(p, n, 0); got != 0 {
				t.Errorf("retry %d waits at least %s", n, got)
			}
		}
	}
}
