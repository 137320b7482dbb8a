package agent

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/picture"
)

// maxSamples is how many endpoints of a cluster are sampled.
const maxSamples = 3

// proberNames are the local probers. A verdict of lost needs two of them to agree.
var proberNames = [...]string{"a", "b"}

// probers keeps two probers running for each other cluster. It belongs to the goroutine that owns the centre.
type probers struct {
	options  Options
	observer *observer
	newest   func() *picture.Picture // samples are taken from it
	running  map[string]*probing
	group    sync.WaitGroup
}

// probing is the probers of one cluster.
type probing struct {
	beacons []netip.AddrPort
	cancel  context.CancelFunc
}

func newProbers(o Options, obs *observer, newest func() *picture.Picture) *probers {
	return &probers{options: o, observer: obs, newest: newest, running: map[string]*probing{}}
}

// follow starts and stops probers so that they probe what the picture says.
func (ps *probers) follow(ctx context.Context, pic *picture.Picture) {
	wanted := map[string][]netip.AddrPort{}
	for m := range pic.Members() {
		if m.Name != ps.options.Vantage.Name && m.Verdict != fleet.Gone && len(m.Beacons) > 0 {
			wanted[m.Name] = m.Beacons
		}
	}
	for cluster, p := range ps.running {
		if !slices.Equal(p.beacons, wanted[cluster]) {
			p.cancel()
			delete(ps.running, cluster)
			if wanted[cluster] == nil {
				ps.observer.forget(cluster)
			}
		}
	}
	for cluster, beacons := range wanted {
		if ps.running[cluster] == nil {
			ps.running[cluster] = ps.start(ctx, cluster, beacons)
		}
	}
}

func (ps *probers) start(ctx context.Context, cluster string, beacons []netip.AddrPort) *probing {
	ctx, cancel := context.WithCancel(ctx)
	generation := ps.observer.begin(cluster)
	for _, name := range proberNames {
		p := &prober{
			name: name, cluster: cluster, policy: ps.options.Probe, beacons: beacons, dial: ps.options.Dial,
			samples: func() []netip.AddrPort { return Samples(ps.newest(), cluster) },
		}
		ps.group.Go(func() {
			p.run(ctx, func(results []health.Probe) { ps.observer.probed(cluster, name, generation, results) })
		})
	}
	return &probing{beacons, cancel}
}

// stop ends all probers and waits for them.
func (ps *probers) stop() {
	for _, p := range ps.running {
		p.cancel()
	}
	ps.group.Wait()
}

// Samples returns up to three endpoints of a cluster to connect to, from different services where it can: those that serve by their own
// word, whatever the verdict on their cluster, and that are reached from here without a gateway.
func Samples(pic *picture.Picture, cluster string) []netip.AddrPort {
	if m := pic.Member(cluster); m == nil || network(m.Network) != network(pic.Vantage().Network) {
		return nil
	}
	var samples []netip.AddrPort
	for svc := range pic.Services() {
		for _, s := range svc.Slices {
			if s.Cluster != cluster {
				continue
			}
			if at, ok := sampleOf(s); ok {
				samples = append(samples, at)
				break
			}
		}
		if len(samples) == maxSamples {
			break
		}
	}
	return samples
}

func sampleOf(s *fleet.Slice) (netip.AddrPort, bool) {
	for _, port := range s.Ports {
		if port.Protocol != fleet.TCP {
			continue
		}
		for _, e := range s.Endpoints {
			if e.Serving && !e.Terminating {
				return netip.AddrPortFrom(e.Address, port.Port), true
			}
		}
	}
	return netip.AddrPort{}, false
}

func network(name string) string {
	if name == "" {
		return "default"
	}
	return name
}
