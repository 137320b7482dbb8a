package dev

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"fairlead.dev/fairlead/agent"
	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/dev/wire"
	"fairlead.dev/fairlead/folder"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/picture"
)

// The ports of a cluster's address, besides those of its Gateways.
const (
	dnsPort = 8053
	xdsPort = 18000
)

var beaconPorts = [...]int{15021, 15022}

// reopen is the pause before an address that could not be opened is tried again.
const reopen = 2 * time.Second

// cluster is one running cluster.
type cluster struct {
	name    string
	vantage picture.Vantage
	address netip.Addr
	log     *slog.Logger

	wire   *wire.Wire
	doors  *doors
	source *source
	pods   *pods
	agent  *agent.Agent
	data   *dataPlane
	names  *names

	stop    context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex // guards what follows
	folder   *folder.Cluster
	problems []folder.Problem
	beacons  []*agent.Beacon
}

// newCluster starts a cluster. It does not wait for anything to be ready.
func newCluster(c *folder.Cluster, problems []folder.Problem, n *wire.Net, h *hub.Client, log *slog.Logger) (*cluster, error) {
	vantage := c.Vantage()
	vantage.Health = health.DefaultPolicy()
	k := &cluster{name: c.Name, vantage: vantage, address: c.Address, wire: n.Join(c.Name), log: log.With("from", c.Name)}
	k.doors = &doors{cluster: c.Name, wire: k.wire, owner: k.owner, told: k.unopened, log: log, shut: map[string]control.Problem{}}
	k.pods = newPods(c.Name, k.wire, log, func() { k.source.look() })

	ctx, stop := context.WithCancel(context.Background())
	k.stop = stop
	var err error
	if k.data, err = newDataPlane(k); err != nil {
		stop()
		return nil, fmt.Errorf("start cluster %s: %w", c.Name, err)
	}
	k.names = newNames(k)
	k.agent = agent.New(agent.Options{
		Vantage: vantage,
		Hub:     line{k.wire, h},
		Self:    memberOf(c),
		Outputs: []agent.Output{k.data.use, k.names.use},
		Dial:    k.wire.Dial,
		Log:     k.log,
	})
	k.source = &source{pods: k.pods.list, tell: k.agent.Apply}
	k.read(c, problems)
	k.running.Go(func() { k.agent.Run(ctx) })
	for _, port := range beaconPorts {
		k.running.Go(func() { k.keepOpen(ctx, func() error { return k.openBeacon(ctx, port) }) })
	}
	k.running.Go(func() { k.keepOpen(ctx, func() error { return k.names.open(ctx) }) })
	k.running.Go(func() { k.keepOpen(ctx, func() error { return k.data.open(ctx, k.doors.Listen, k.at(xdsPort)) }) })
	return k, nil
}

// read takes a new state of the folder.
func (k *cluster) read(c *folder.Cluster, problems []folder.Problem) {
	wanted, more := folder.Workloads(c, k.pods.list()...)
	problems = append(slices.Clone(problems), more...)
	k.mu.Lock()
	k.folder, k.problems = c, problems
	k.mu.Unlock()
	k.source.read(c, problems)
	k.pods.want(wanted)
	k.source.look()
}

// fits says whether the running cluster can become this one: where it stands does not change while it runs.
func (k *cluster) fits(c *folder.Cluster) bool {
	return k.address == c.Address && reflect.DeepEqual(k.vantage.Cluster, c.Cluster)
}

// state returns the last state of the folder and what is wrong with it.
func (k *cluster) state() (*folder.Cluster, []folder.Problem) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.folder, k.problems
}

// keepOpen tries to open something until it is open.
func (k *cluster) keepOpen(ctx context.Context, open func() error) {
	for open() != nil {
		timer := time.NewTimer(reopen)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

func (k *cluster) openBeacon(ctx context.Context, port int) error {
	l, err := k.doors.Listen(ctx, "tcp", k.at(port))
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.beacons = append(k.beacons, agent.ServeBeacon(l, k.agent.Said))
	return nil
}

// at returns a port of the cluster's address.
func (k *cluster) at(port int) string {
	return net.JoinHostPort(k.address.String(), strconv.Itoa(port))
}

// owner says what listens on an address, and what to change if that is taken.
func (k *cluster) owner(at netip.AddrPort) (what, remedy string) {
	if at.Addr() == k.address {
		switch port := int(at.Port()); {
		case port == dnsPort:
			return "the DNS server of " + k.name, "give the cluster another address in its ClusterProfile"
		case port == xdsPort:
			return "the xDS server of " + k.name, "give the cluster another address in its ClusterProfile"
		case slices.Contains(beaconPorts[:], port):
			return "a beacon of " + k.name, "give the cluster another address in its ClusterProfile"
		}
	}
	if pic := k.agent.Picture(); pic != nil {
		for s := range pic.Servers() {
			if s.ID.Port == at.Port() && slices.Contains(s.Addresses, at.Addr()) {
				return fmt.Sprintf("gateway %s of %s", s.ID.Gateway, k.name), "change spec.listeners[].port of the Gateway"
			}
		}
		for s := range pic.Services() {
			if slices.Contains(s.IPs, at.Addr()) {
				return fmt.Sprintf("the clusterset IP of %s in %s", s.Name, k.name), "give the cluster another address in its ClusterProfile"
			}
		}
	}
	return "cluster " + k.name, "change the port"
}

// unopened lets the status of a Gateway say that one of its addresses could not be opened.
func (k *cluster) unopened(at netip.AddrPort, message string) {
	pic := k.agent.Picture()
	if pic == nil {
		return
	}
	for s := range pic.Servers() {
		if s.ID.Port != at.Port() || !slices.Contains(s.Addresses, at.Addr()) {
			continue
		}
		fact := &picture.Unopened{Server: s.ID, Message: message}
		change := picture.Change{Key: picture.KeyOf(fact)}
		if message != "" {
			change.Fact = fact
		}
		k.agent.Apply([]picture.Change{change})
	}
}

// close ends the cluster: first the gateways, gracefully, then everything behind them.
func (k *cluster) close(ctx context.Context) {
	k.wire.Find()
	k.data.drain()
	k.stop()
	k.running.Wait()
	k.data.close()
	k.names.close()
	for _, b := range k.beacons {
		b.Close()
	}
	k.pods.close(ctx)
}
