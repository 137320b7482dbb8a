package role

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	mdns "github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/client-go/rest"

	"fairlead.dev/fairlead/check"
	"fairlead.dev/fairlead/dns"
	"fairlead.dev/fairlead/kube/zone"
)

// DNSOptions is what the role dns needs.
type DNSOptions struct {
	// Config reaches the API of the cluster whose names are served.
	Config *rest.Config
	// Listen is where names are served over UDP and TCP, Health where /healthz, /readyz, /metrics and /resolver are.
	Listen, Health string
	// Linger is how long it goes on answering after it was told to end, for those who have not heard of that yet.
	Linger time.Duration
	Log    *slog.Logger
}

// DNS serves the names of the clusterset from the objects of one cluster until ctx ends. It is ready once it has read them, and denies
// no name before (SERVFAIL); from then on it needs nobody. /resolver asks the cluster's own resolver for the zone, as a pod would.
func DNS(ctx context.Context, opt DNSOptions) error {
	d := newNameServer()
	defer func() { _ = d.server.Close() }()
	addr, err := d.server.Listen(ctx, opt.Listen)
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", opt.Health)
	if err != nil {
		return fmt.Errorf("listen for health checks: %w", err)
	}
	opt.Log.Info("serving names", "zone", dns.Zone, "address", addr, "health", l.Addr().String())
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	health := &http.Server{Handler: d.handler(ctx), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	var running sync.WaitGroup
	running.Go(func() { _ = health.Serve(l) })
	failed := make(chan error, 1)
	running.Go(func() { failed <- d.zone.Run(life, opt.Config, opt.Log) })
	select {
	case err = <-failed:
	case <-ctx.Done():
		opt.Log.Info("ending", "linger", opt.Linger)
		time.Sleep(opt.Linger)
	}
	end()
	_ = health.Close()
	running.Wait()
	return err
}

// nameServer is a zone, the server that answers from it, and what is counted of both.
type nameServer struct {
	zone    *zone.Zone
	server  *dns.Server
	metrics *prometheus.Registry
}

func newNameServer() *nameServer {
	answers := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fairlead_dns_answers_total", Help: "Answers by response code and transport.",
	}, []string{"code", "transport"})
	counts := map[bool][16]prometheus.Counter{false: codes(answers, "udp"), true: codes(answers, "tcp")}
	d := &nameServer{metrics: prometheus.NewRegistry()}
	d.server = dns.New(dns.Options{
		Seed:     rand.Uint64(),
		Answered: func(rcode int, tcp bool) { counts[tcp][rcode&0xf].Inc() },
	})
	d.zone = zone.New(func(t *dns.Table) { d.server.Use(t) })
	d.metrics.MustRegister(answers, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fairlead_dns_services", Help: "Services that have names."},
			func() float64 { return float64(d.zone.Len()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fairlead_dns_synced", Help: "1 once the cluster's objects have been read."},
			func() float64 { return float64(min(1, max(0, 1-len(d.zone.Missing())))) }))
	return d
}

func codes(answers *prometheus.CounterVec, transport string) (all [16]prometheus.Counter) {
	for code := range all {
		name := mdns.RcodeToString[code]
		if name == "" {
			name = fmt.Sprint(code)
		}
		all[code] = answers.WithLabelValues(name, transport)
	}
	return all
}

// handler answers health checks. It is not ready any more once ctx has ended.
func (d *nameServer) handler(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := d.ready(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /resolver", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(check.Resolve(r.Context(), nil))
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(d.metrics, promhttp.HandlerOpts{}))
	return mux
}

func (d *nameServer) ready(ctx context.Context) error {
	if ctx.Err() != nil {
		return errors.New("ending")
	}
	if missing := d.zone.Missing(); len(missing) > 0 {
		return fmt.Errorf("not read yet: %s", strings.Join(missing, ", "))
	}
	return nil
}
