package role

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fairlead.dev/fairlead/kube"
)

// pages is what an agent shows: health and metrics for its cluster, and on a port of their own what its peers and operators ask.
type pages struct {
	member   *member
	registry *prometheus.Registry
	metrics  *kube.Metrics
	ready    atomic.Bool // the own cluster's objects have been read
	leads    atomic.Bool
}

func newPages(m *member) *pages {
	p := &pages{member: m, registry: prometheus.NewRegistry(), metrics: kube.NewMetrics()}
	p.registry.MustRegister(p.metrics, gauges{p},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return p
}

// serve opens the pages for health checks and metrics. To live is to answer; to be ready is to know the own cluster, and has nothing to
// do with the hub.
func (p *pages) serve(ctx context.Context, address string) (stop func(), err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case ctx.Err() != nil:
			http.Error(w, "ending", http.StatusServiceUnavailable)
		case !p.ready.Load():
			http.Error(w, "the cluster's objects have not been read yet", http.StatusServiceUnavailable)
		default:
			fmt.Fprintln(w, "ok")
		}
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{}))
	return listenAndServe(ctx, address, mux, 30*time.Second)
}

// servePeers opens what replicas tell each other, and what fairlead status and picture ask for.
func (p *pages) servePeers(ctx context.Context, address string) (stop func(), err error) {
	mux := http.NewServeMux()
	mux.Handle("GET /probes", p.member.agent.Probes())
	mux.HandleFunc("GET /picture", func(w http.ResponseWriter, _ *http.Request) {
		pic := p.member.agent.Picture()
		if pic == nil {
			http.Error(w, "there is no picture yet", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, pic.String())
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(p.member.view())
	})
	return listenAndServe(ctx, address, mux, 0)
}

func listenAndServe(ctx context.Context, address string, handler http.Handler, writing time.Duration) (stop func(), err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: writing,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	return func() {
		_ = server.Close()
		<-done
	}, nil
}
