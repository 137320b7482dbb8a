// Package load sends requests at a constant rate and counts what became of them: it is what tests and scenarios run while something
// else is being changed or broken.
//
// In go a URL, a number and a rate; out comes a Result. The rate does not slow down when answers do: each request starts at its own
// moment, whatever became of the ones before. It is for loopback addresses and small numbers: at most MaxRequests.
package load

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// MaxRequests bounds one run.
const MaxRequests = 100_000

// Options says what is sent. URL, N and Rate must be set.
type Options struct {
	URL     string
	Method  string        // GET where empty
	Host    string        // Host header, and server name with https; that of the URL where empty
	Header  http.Header   // added to each request
	N       int           // requests in all
	Rate    float64       // requests a second
	Timeout time.Duration // of each request; 10 s where zero
	// Fresh opens a connection for each request instead of keeping them.
	Fresh bool
}

// Result is what became of the requests. OK are those that were answered 2xx or 3xx.
type Result struct {
	OK, Failed int
	Max, P99   time.Duration
	// Clusters counts answers by their x-echo-cluster header, Statuses by their code.
	Clusters map[string]int
	Statuses map[int]int
	// Errors are the first few failures, each with the moment since the start at which it was sent.
	Errors []string
}

// String returns the result in one line.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d ok, %d failed, p99 %s, max %s", r.OK, r.Failed, r.P99.Round(time.Millisecond/10), r.Max.Round(time.Millisecond/10))
	for _, c := range slices.Sorted(maps.Keys(r.Clusters)) {
		fmt.Fprintf(&b, ", %s %d", c, r.Clusters[c])
	}
	return b.String()
}

// keepErrors is how many failures a Result tells.
const keepErrors = 5

// Run sends the requests and returns when all are answered, or have failed. When ctx ends it sends no more. An error says that the
// options make no sense; failed requests are no error.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.N < 1 || o.N > MaxRequests || o.Rate <= 0 {
		return Result{}, fmt.Errorf("cannot send %d requests at %g/s: send 1 to %d at a positive rate", o.N, o.Rate, MaxRequests)
	}
	if _, err := o.request(context.Background()); err != nil {
		return Result{}, err
	}
	client := o.client()
	defer client.CloseIdleConnections()

	var (
		tally tally
		group sync.WaitGroup
		start = time.Now()
	)
	for i := range o.N {
		if !sleep(ctx, time.Until(start.Add(time.Duration(float64(i)/o.Rate*float64(time.Second))))) {
			break
		}
		group.Go(func() {
			began := time.Now()
			a := o.send(client)
			a.took, a.at = time.Since(began), began.Sub(start)
			tally.add(a)
		})
	}
	group.Wait()
	return tally.result(), nil
}

// answer is what became of one request.
type answer struct {
	status   int
	cluster  string
	err      error
	took, at time.Duration
}

func (o Options) send(client *http.Client) answer {
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(o.Timeout, 10*time.Second))
	defer cancel()
	req, err := o.request(ctx)
	if err != nil {
		return answer{err: err}
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	a := answer{status: res.StatusCode, cluster: res.Header.Get("x-echo-cluster"), err: err}
	if err == nil && res.StatusCode >= 400 {
		line, _, _ := strings.Cut(string(body), "\n")
		a.err = fmt.Errorf("%s: %s", res.Status, line)
	}
	return a
}

func (o Options) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, cmp.Or(o.Method, http.MethodGet), o.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	for name, values := range o.Header {
		req.Header[name] = values
	}
	req.Host = cmp.Or(o.Host, req.Host)
	return req, nil
}

func (o Options) client() *http.Client {
	name, _, err := net.SplitHostPort(o.Host)
	if err != nil {
		name = o.Host
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost: 512,
		DisableKeepAlives:   o.Fresh,
		// The gateways under test have certificates of nobody's authority.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: name},
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// tally gathers answers.
type tally struct {
	mu     sync.Mutex
	all    Result
	tooks  []time.Duration
	failed []answer
}

func (t *tally) add(a answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all.Clusters == nil {
		t.all.Clusters, t.all.Statuses = map[string]int{}, map[int]int{}
	}
	t.tooks = append(t.tooks, a.took)
	if a.status != 0 {
		t.all.Statuses[a.status]++
	}
	if a.cluster != "" {
		t.all.Clusters[a.cluster]++
	}
	if a.err == nil {
		t.all.OK++
		return
	}
	t.all.Failed++
	t.failed = append(t.failed, a)
}

func (t *tally) result() Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.Sort(t.tooks)
	if n := len(t.tooks); n > 0 {
		t.all.Max, t.all.P99 = t.tooks[n-1], t.tooks[(n-1)*99/100]
	}
	slices.SortFunc(t.failed, func(a, b answer) int { return cmp.Compare(a.at, b.at) })
	for _, a := range t.failed[:min(keepErrors, len(t.failed))] {
		t.all.Errors = append(t.all.Errors, fmt.Sprintf("at %s after %s: %v", a.at.Round(time.Millisecond), a.took.Round(time.Millisecond), a.err))
	}
	return t.all
}

// sleep waits, and says whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
