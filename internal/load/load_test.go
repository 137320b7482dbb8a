package load

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRunCountsAnswersAndFailures(t *testing.T) {
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "shop.example" {
			t.Errorf("host is %q", r.Host)
		}
		w.Header().Set("x-echo-cluster", "west")
		if n.Add(1)%10 == 0 {
			http.Error(w, "no endpoints", http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	res, err := Run(t.Context(), Options{URL: s.URL, Host: "shop.example", N: 50, Rate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if res.OK != 45 || res.Failed != 5 || res.Clusters["west"] != 50 || res.Statuses[503] != 5 {
		t.Errorf("result: %+v", res)
	}
	if len(res.Errors) != 5 || !strings.Contains(res.Errors[0], "503 Service Unavailable: no endpoints") {
		t.Errorf("errors: %q", res.Errors)
	}
	if res.Max < res.P99 || res.P99 == 0 {
		t.Errorf("max %s, p99 %s", res.Max, res.P99)
	}
}

func TestTheRateDoesNotWaitForAnswers(t *testing.T) {
	release := make(chan struct{})
	var inFlight atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if inFlight.Add(1) == 10 {
			close(release) // all came although none was answered
		}
		<-release
	}))
	defer s.Close()
	res, err := Run(t.Context(), Options{URL: s.URL, N: 10, Rate: 500, Timeout: 30 * time.Second})
	if err != nil || res.OK != 10 {
		t.Errorf("result %v, %v", res, err)
	}
}

func TestFailuresAreCountedAndNotReturned(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	res, err := Run(t.Context(), Options{URL: s.URL, N: 3, Rate: 1000})
	if err != nil || res.Failed != 3 || len(res.Errors) != 3 {
		t.Errorf("result %+v, %v", res, err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	res, err := Run(ctx, Options{URL: s.URL, N: 100, Rate: 1})
	if err != nil || res.OK+res.Failed != 0 {
		t.Errorf("result %+v, %v", res, err)
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, o := range []Options{
		{URL: "http://127.0.0.1", Rate: 1}, {URL: "http://127.0.0.1", N: 1}, {URL: "http://127.0.0.1", N: MaxRequests + 1, Rate: 1},
		{URL: "http://bad host/", N: 1, Rate: 1},
	} {
		if _, err := Run(t.Context(), o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
