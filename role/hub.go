package role

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/membership"
	"fairlead.dev/fairlead/membership/registry"
)

// registryLook is how often the ClusterProfiles are compared with the Members.
const registryLook = 10 * time.Second

// HubOptions is what the role hub needs.
type HubOptions struct {
	// Config reaches the API of the hub.
	Config *rest.Config
	// Health is where /healthz, /readyz and /metrics are.
	Health string
	// Identity tells this replica from the others; empty: the host's name.
	Identity string
	Log      *slog.Logger
}

// errDeposed ends a replica that leads no longer: whoever starts it again lets it stand for election anew.
var errDeposed = errors.New("another replica leads now")

// Hub keeps the cluster registry of a hub until ctx ends. Of several replicas one is at work. No member depends on it.
func Hub(ctx context.Context, o HubOptions) error {
	access, err := membership.Reach(o.Config, "the hub")
	if err != nil {
		return err
	}
	lock, err := o.lock()
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Health)
	if err != nil {
		return fmt.Errorf("listen for health checks: %w", err)
	}
	gauges := newRegistryGauges()
	server := &http.Server{Handler: gauges.handler(), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	defer serving.Wait()
	defer func() { _ = server.Close() }()

	keeper := &registry.Registry{Hub: access, Log: o.Log, Every: registryLook, Looked: gauges.looked}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: 30 * time.Second, RenewDeadline: 20 * time.Second, RetryPeriod: 5 * time.Second, ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				o.Log.Info("leading")
				gauges.leader.Set(1)
				keeper.Keep(ctx)
			},
			OnStoppedLeading: func() { gauges.leader.Set(0) },
		},
	})
	if err != nil {
		return fmt.Errorf("stand for election: %w", err)
	}
	elector.Run(ctx)
	if ctx.Err() == nil {
		return errDeposed
	}
	return nil
}

// lock is the Lease by which the replicas choose one of them.
func (o HubOptions) lock() (resourcelock.Interface, error) {
	identity := o.Identity
	if identity == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("learn the own name: %w", err)
		}
		identity = host
	}
	c, err := kubernetes.NewForConfig(o.Config)
	if err != nil {
		return nil, fmt.Errorf("reach the hub's API: %w", err)
	}
	return &resourcelock.LeaseLock{
		LeaseMeta: metav1.ObjectMeta{Namespace: manifest.Namespace, Name: manifest.HubName},
		Client:    c.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}, nil
}

// registryGauges are the metrics of the role hub.
type registryGauges struct {
	registry *prometheus.Registry
	leader   prometheus.Gauge
	members  *prometheus.GaugeVec
	writes   prometheus.Counter
	failures prometheus.Counter
}

func newRegistryGauges() *registryGauges {
	g := &registryGauges{
		registry: prometheus.NewRegistry(),
		leader:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "fairlead_hub_leader", Help: "1 in the replica that keeps the ClusterProfiles."}),
		members: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "fairlead_hub_members", Help: "Members of the clusterset, by how they stand with the hub."},
			[]string{"state"}),
		writes:   prometheus.NewCounter(prometheus.CounterOpts{Name: "fairlead_hub_profile_writes_total", Help: "Writes of ClusterProfiles."}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "fairlead_hub_failures_total", Help: "Looks at the members that ended with an error."}),
	}
	g.registry.MustRegister(g.leader, g.members, g.writes, g.failures, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return g
}

// looked takes what one look at the members gave.
func (g *registryGauges) looked(members []membership.Standing, writes int, err error) {
	g.writes.Add(float64(writes))
	if err != nil {
		g.failures.Inc()
		return
	}
	g.members.Reset()
	for _, s := range members {
		g.members.WithLabelValues(string(s.State(time.Now()))).Inc()
	}
}

// handler answers health checks: a replica lives as long as it answers, whatever the API server does.
func (g *registryGauges) handler() http.Handler {
	mux := http.NewServeMux()
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) }
	mux.HandleFunc("GET /healthz", ok)
	mux.HandleFunc("GET /readyz", ok)
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.registry, promhttp.HandlerOpts{}))
	return mux
}
