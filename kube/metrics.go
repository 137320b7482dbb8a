package kube

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what this package writes. The zero Metrics is not usable; NewMetrics returns one that nobody gathers yet.
type Metrics struct {
	writes      *prometheus.CounterVec
	propagation prometheus.Histogram
}

// NewMetrics returns Metrics to be registered.
func NewMetrics() *Metrics {
	return &Metrics{
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fairlead_writes_total", Help: "Writes to the own cluster's API, by kind, verb and result.",
		}, []string{"kind", "verb", "result"}),
		propagation: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "fairlead_endpoint_propagation_seconds",
			Help:    "Time from the moment at which the exporting agent saw an EndpointSlice until it was written here.",
			Buckets: []float64{.002, .005, .01, .02, .03, .05, .075, .1, .2, .5, 1, 2, 5, 10, 30},
		}),
	}
}

// Describe and Collect implement prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	m.writes.Describe(to)
	m.propagation.Describe(to)
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	m.writes.Collect(to)
	m.propagation.Collect(to)
}

// Propagated notes that a change of endpoints took this long from cluster to cluster.
func (m *Metrics) Propagated(d time.Duration) { m.propagation.Observe(d.Seconds()) }

func (m *Metrics) wrote(kind string, v verb, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.writes.WithLabelValues(kind, string(v), result).Inc()
}
