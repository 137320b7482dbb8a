package lab

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Latencies gathers how long things took. It is safe for concurrent use.
type Latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

// Add adds one.
func (l *Latencies) Add(d time.Duration) {
	l.mu.Lock()
	l.all = append(l.all, d)
	l.mu.Unlock()
}

// Len is how many there are.
func (l *Latencies) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// Quantile returns the smallest latency that is not exceeded by this share of them; zero where there is none.
func (l *Latencies) Quantile(q float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return 0
	}
	slices.Sort(l.all)
	return l.all[min(int(q*float64(len(l.all))), len(l.all)-1)]
}

// String reads like "n=3000 p50=9.1ms p90=14.2ms p99=31.5ms max=40.2ms".
func (l *Latencies) String() string {
	s := fmt.Sprintf("n=%d", l.Len())
	for _, q := range []struct {
		name string
		at   float64
	}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1}} {
		s += fmt.Sprintf(" %s=%s", q.name, round(l.Quantile(q.at)))
	}
	return s
}

func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(100 * time.Microsecond)
}
