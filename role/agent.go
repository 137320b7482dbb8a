package role

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/agent"
	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/kube"
	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/picture"
)

// The pauses of the agent's role: before something that its start depends on is tried again, and between two looks at what the cluster is.
const (
	startPause    = time.Second
	describePause = 5 * time.Minute
)

// AgentOptions is what the role agent needs.
type AgentOptions struct {
	// Config reaches the API of the own cluster.
	Config *rest.Config
	// Namespace is where the agent runs; empty: manifest.Namespace.
	Namespace string
	// Cluster is the own cluster's id; empty: as the Secret of the hub says.
	Cluster string
	// Pod names this replica, PodIP is its address.
	Pod, PodIP string
	// Health, Beacon and Peers are where it listens, host:port.
	Health, Beacon, Peers string
	// Dial connects to beacons and sampled endpoints of other clusters; nil: over the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Gateways says that Gateways and their routes are watched and have their status written.
	Gateways bool
	// Version is that of this build.
	Version string
	Log     *slog.Logger
}

// member is one replica of a member cluster's agent, put together.
type member struct {
	AgentOptions
	client client.WithWatch
	line   *hubLine
	peers  *kube.Peers

	about    atomic.Pointer[kube.Description]
	agent    *agent.Agent
	source   *kube.Source
	objects  *kube.Objects
	writer   *kube.Writer
	reporter *kube.Reporter
	roster   *kube.Roster
	recorder *kube.Recorder
	clock    *stopwatch
	pages    *pages
	fenced   chan struct{}
}

// Agent runs one replica of a member cluster's agent until ctx ends. It waits for the cluster to join, then for its own API server; the
// hub it never waits for. It is ready once it has read the cluster's own objects.
//
// It starts in this order: the pages for health checks, what the cluster keeps of the clusterset (kube.Restore), the watches of the own
// objects, the centre once those are read, and the election.
func Agent(ctx context.Context, o AgentOptions) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	if o.Namespace == "" {
		o.Namespace = manifest.Namespace
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	c, err := kube.Connect(o.Config)
	if err != nil {
		return err
	}
	m := &member{AgentOptions: o, client: c, fenced: make(chan struct{}, 1)}
	m.pages = newPages(m)
	stop, err := m.pages.serve(ctx, o.Health)
	if err != nil {
		return err
	}
	defer stop()
	m.line = newHubLine(c, fleet.Name{Namespace: o.Namespace, Name: manifest.HubSecret}, o.Cluster, fail, o.Log)
	var running sync.WaitGroup
	defer running.Wait()
	defer fail(nil)
	running.Go(func() { kube.WatchSecret(ctx, c, o.Log, m.line.secret, hubSecret{m.line}) })
	if m.Cluster, err = m.line.name(ctx); err != nil {
		return ended(ctx)
	}
	if err := m.prepare(ctx); err != nil {
		return ended(ctx)
	}
	if err := m.run(ctx, &running); err != nil {
		return err
	}
	return ended(ctx)
}

// ended returns why a role ends other than by being told to.
func ended(ctx context.Context) error {
	if err := context.Cause(ctx); err != context.Canceled {
		return err
	}
	return nil
}

// prepare gathers what the centre begins with, and puts the parts together. It tries until the API server gives it, or ctx ends.
func (m *member) prepare(ctx context.Context) error {
	var memory kube.Memory
	for {
		about, err := kube.Describe(ctx, m.Config, m.client, m.Namespace)
		if err == nil {
			m.about.Store(&about)
			memory, err = kube.Restore(ctx, m.client, m.Namespace, m.Cluster)
		}
		if err == nil {
			break
		}
		m.Log.Warn("start waits for the cluster's API", "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(startPause):
		}
	}
	m.assemble(memory, m.self(ctx, memory))
	return nil
}

// self returns what is known of the own Member: from the hub, or what was kept of it; nil: nothing.
func (m *member) self(ctx context.Context, memory kube.Memory) *v1alpha1.Member {
	if found := m.line.member(ctx); found != nil {
		return found
	}
	return memory.Members[m.Cluster].Member
}

// assemble puts the parts together; none of them runs.
func (m *member) assemble(memory kube.Memory, self *v1alpha1.Member) {
	config := corev1.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: m.Namespace, Name: kube.MembersConfigMap}
	m.recorder = kube.NewRecorder(m.client, config, m.Pod, m.Log)
	m.roster = kube.NewRoster(m.client, m.Namespace, memory.Members, m.Log)
	m.peers = kube.NewPeers(fleet.Name{Namespace: m.Namespace, Name: manifest.AgentsService}, nil)
	m.clock = newStopwatch(m.Cluster, m.pages.metrics)
	m.source = kube.NewSource(kube.SourceOptions{
		Client: m.client, Tell: func(changes []picture.Change) { m.agent.Apply(changes) }, Namespaces: m.line.Select,
		Event: m.recorder.Tell, Gateways: m.Gateways, Log: m.Log,
	})
	m.objects = kube.NewObjects(m.source.Add)
	m.writer = kube.NewWriter(kube.WriterOptions{
		Client: m.client, Objects: m.objects, Complete: m.complete, Event: m.recorder.Tell,
		Wrote: m.clock.wrote, Metrics: m.pages.metrics, Log: m.Log,
	})
	m.reporter = kube.NewReporter(kube.ReporterOptions{
		Client: m.client, Event: m.recorder.Tell, Metrics: m.pages.metrics, Log: m.Log,
	})
	m.line.heard = func(e hub.Event) {
		if m.pages.leads.Load() {
			m.clock.heard(e)
		}
		if found, ok := e.Object.(*v1alpha1.Member); ok && e.Type == hub.Put {
			m.roster.Note(found)
			m.moved(self, found)
		}
	}
	m.agent = agent.New(agent.Options{
		Vantage: m.vantage(self), Prior: memory.Prior(m.Cluster), Hub: m.line, Self: self,
		Outputs: []agent.Output{m.writer.Use, m.reporter.Use, m.roster.Use},
		Dial:    m.Dial, Standby: true, Fenced: m.deposed,
		Beacons: m.beacons, Status: m.status, Log: m.Log,
	})
}

// vantage is where the cluster stands: as its Member says, or else as its nodes do.
func (m *member) vantage(self *v1alpha1.Member) picture.Vantage {
	about := m.about.Load()
	v := picture.Vantage{
		Cluster:  fleet.Cluster{Name: m.Cluster, Locality: fleet.Locality{Region: about.Region, Zone: about.Zone}},
		Families: about.Families, ServiceRanges: about.ServiceRanges, Health: health.DefaultPolicy(),
	}
	if self != nil {
		v.Cluster = clusterOf(self)
	}
	return v
}

func clusterOf(m *v1alpha1.Member) fleet.Cluster {
	return fleet.Cluster{
		Name: m.Spec.Cluster, Locality: fleet.Locality{Region: m.Spec.Region, Zone: m.Spec.Zone},
		Network: m.Spec.Network, Labels: m.Spec.Properties,
	}
}

// moved starts the agent anew when the operator has changed where the cluster stands, which the centre takes for unchanging.
func (m *member) moved(self, found *v1alpha1.Member) {
	if found.Spec.Cluster != m.Cluster {
		return
	}
	v := m.agent.Vantage.Cluster
	is := clusterOf(found)
	if is.Locality != v.Locality || is.Network != v.Network {
		m.line.failed(fmt.Errorf("the operator changed where this cluster stands, from %s to %s: starting anew", v.Locality, is.Locality))
	}
}

// run runs the parts until ctx ends.
func (m *member) run(ctx context.Context, running *sync.WaitGroup) error {
	stop, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	running.Go(func() {
		kube.Watch(ctx, m.client, m.Gateways, m.Log, m.objects, m.source, m.reporter, m.peers)
	})
	running.Go(func() { m.source.Run(ctx) })
	running.Go(func() { m.describe(ctx) })
	select {
	case <-ctx.Done():
		return nil
	case <-m.source.Synced():
	}
	m.line.Select(m.source.NamespaceNames())
	running.Go(func() { m.agent.Run(ctx) })
	running.Go(func() { m.agent.Peers(ctx, m.others) })
	m.pages.ready.Store(true)
	m.Log.Info("cluster read", "cluster", m.Cluster)
	election := kube.Election{
		Config: m.Config, Namespace: m.Namespace, Identity: m.Pod + "_" + strconv.FormatUint(rand.Uint64(), 36), Log: m.Log,
	}
	return election.Run(ctx, m.lead)
}

// serve opens the beacon and the page that peers and operators ask.
func (m *member) serve(ctx context.Context) (stop func(), err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", m.Beacon)
	if err != nil {
		return nil, fmt.Errorf("listen for probes: %w", err)
	}
	beacon := agent.ServeBeacon(l, m.agent.Said)
	closePeers, err := m.pages.servePeers(ctx, m.Peers)
	if err != nil {
		beacon.Close()
		return nil, err
	}
	return func() {
		closePeers()
		beacon.Close()
	}, nil
}
