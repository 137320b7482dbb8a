package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"fairlead.dev/fairlead/health"
)

// ProbePolicy is how the other clusters are probed. Zero fields take the defaults.
type ProbePolicy struct {
	Interval time.Duration // between two rounds: 200 ms
	Timeout  time.Duration // of each probe: 200 ms
	// Late is when endpoints are sampled because a beacon has not answered yet: 50 ms into the round. So the samples miss in the same
	// rounds as the beacons do, and do not delay the verdict.
	Late time.Duration
}

func (p ProbePolicy) orDefault() ProbePolicy {
	return ProbePolicy{
		Interval: cmp.Or(p.Interval, 200*time.Millisecond),
		Timeout:  cmp.Or(p.Timeout, 200*time.Millisecond),
		Late:     cmp.Or(p.Late, 50*time.Millisecond),
	}
}

// prober is one of the local probers, probing one cluster over connections of its own: first its beacons, and where one of them is late,
// also some of its endpoints.
type prober struct {
	name, cluster string
	policy        ProbePolicy
	beacons       []netip.AddrPort
	samples       func() []netip.AddrPort
	dial          func(ctx context.Context, network, address string) (net.Conn, error)

	client *http.Client
	last   map[string]health.Probe // by path
}

func (p *prober) run(ctx context.Context, report func([]health.Probe)) {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 1,
		DisableCompression:  true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			// A dial outlives the request that began it, unless it has a bound of its own.
			ctx, cancel := context.WithTimeout(ctx, p.policy.Timeout)
			defer cancel()
			return p.dial(ctx, network, address)
		},
	}
	defer transport.CloseIdleConnections()
	p.client = &http.Client{Transport: transport}
	p.last = map[string]health.Probe{}

	if !rest(ctx, p.policy.Interval) { // probers of one fleet do not beat in step
		return
	}
	tick := time.NewTicker(p.policy.Interval)
	defer tick.Stop()
	for {
		results := p.round(ctx)
		if ctx.Err() != nil {
			return
		}
		report(results)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// result is what one probe of a path brought.
type result struct {
	ok, draining, said bool
}

// round probes every beacon once, all at the same time, and samples endpoints where a beacon is late.
func (p *prober) round(ctx context.Context) []health.Probe {
	ctx, cancel := context.WithTimeout(ctx, p.policy.Timeout)
	defer cancel()
	var (
		beacons = make([]result, len(p.beacons))
		group   sync.WaitGroup
		done    = make(chan struct{})
	)
	for i, b := range p.beacons {
		group.Go(func() { beacons[i] = p.beacon(ctx, b) })
	}
	go func() {
		group.Wait()
		close(done)
	}()
	late := time.NewTimer(p.policy.Late)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
	var sampled []netip.AddrPort
	var samples []result
	if !finished(done) || !answered(beacons) {
		sampled = p.samples()
		samples = p.sample(ctx, sampled)
	}
	<-done
	if answered(beacons) {
		sampled = nil
	}
	return p.count(beacons, sampled, samples)
}

// count turns the results of a round into misses in a row. Paths that were not probed in this round are forgotten.
func (p *prober) count(beacons []result, sampled []netip.AddrPort, samples []result) []health.Probe {
	next := make(map[string]health.Probe, len(beacons)+len(samples))
	probes := make([]health.Probe, 0, len(beacons)+len(samples))
	add := func(path string, r result) {
		probe := p.last[path]
		probe.Prober, probe.Path = p.name, path
		probe.Misses++
		if r.ok {
			probe.Misses = 0
		}
		if r.said {
			probe.Draining = r.draining
		}
		next[path] = probe
		probes = append(probes, probe)
	}
	for i, b := range p.beacons {
		add(b.String(), beacons[i])
	}
	for i, s := range sampled {
		add("endpoint "+s.String(), samples[i])
	}
	p.last = next
	return probes
}

// beacon asks one beacon. One that answers for another cluster is a miss: somebody else has its address.
func (p *prober) beacon(ctx context.Context, at netip.AddrPort) result {
	said, err := ask(ctx, p.client, at)
	if err != nil || said.Cluster != p.cluster {
		return result{}
	}
	return result{ok: true, said: true, draining: said.Draining}
}

func ask(ctx context.Context, client *http.Client, at netip.AddrPort) (Said, error) {
	var said Said
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at.String()+BeaconPath, nil)
	if err != nil {
		return said, fmt.Errorf("ask beacon %s: %w", at, err)
	}
	res, err := client.Do(req)
	if err != nil {
		return said, fmt.Errorf("ask beacon %s: %w", at, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil || res.StatusCode != http.StatusOK {
		return said, fmt.Errorf("ask beacon %s: %s: %w", at, res.Status, err)
	}
	return said, json.Unmarshal(body, &said)
}

// sample connects to endpoints, all at the same time.
func (p *prober) sample(ctx context.Context, endpoints []netip.AddrPort) []result {
	results := make([]result, len(endpoints))
	var group sync.WaitGroup
	for i, e := range endpoints {
		group.Go(func() {
			c, err := p.dial(ctx, "tcp", e.String())
			if err == nil {
				results[i].ok = true
				_ = c.Close()
			}
		})
	}
	group.Wait()
	return results
}

func finished(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func answered(results []result) bool {
	for _, r := range results {
		if !r.ok {
			return false
		}
	}
	return true
}
