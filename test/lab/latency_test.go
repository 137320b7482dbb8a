package lab

import (
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	var l Latencies
	if l.Quantile(0.5) != 0 {
		t.Errorf("of nothing: %v", l.Quantile(0.5))
	}
	for i := range 100 {
		l.Add(time.Duration(100-i) * time.Millisecond)
	}
	if got, want := l.String(), "n=100 p50=51ms p90=91ms p99=100ms max=100ms"; got != want {
		t.Errorf("%q, wanted is %q", got, want)
	}
}
