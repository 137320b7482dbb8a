package agent

import (
	"maps"
	"slices"
	"sync"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/picture"
)

// observer gathers what is seen of each other cluster, and tells the centre when something changes that can matter to a verdict: a
// marker that moved, misses in a row up to the number that counts, the word draining.
type observer struct {
	limit int // misses in a row that count; more are the same
	tell  func([]picture.Change)

	mu       sync.Mutex
	clusters map[string]*observed
}

// observed is one cluster.
type observed struct {
	marker  v1alpha1.Marker
	seen    time.Time
	probes  map[string][]health.Probe // by prober
	probing int                       // which generation of probers may report
	// released is the operator's word on a withdrawal that the brake holds; it is good for the marker that it was said of.
	released bool
}

func newObserver(limit int, tell func([]picture.Change)) *observer {
	return &observer{limit: max(limit, 1), tell: tell, clusters: map[string]*observed{}}
}

// marker notes the Member of a cluster as it came from the hub now.
func (o *observer) marker(m *v1alpha1.Member, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.cluster(m.Spec.Cluster)
	marker := m.Status.Marker
	if !c.seen.IsZero() && marker.Sequence == c.marker.Sequence && marker.Term == c.marker.Term {
		return
	}
	c.marker, c.seen, c.released = marker, now, false
	o.told(m.Spec.Cluster, c)
}

// release lets a withdrawal of a cluster's records go on that the brake holds.
func (o *observer) release(cluster string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.clusters[cluster]; c != nil && !c.released {
		c.released = true
		o.told(cluster, c)
	}
}

// begin lets a new generation of probers report of a cluster and drops what older ones said.
func (o *observer) begin(cluster string) (generation int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.cluster(cluster)
	c.probing++
	c.probes = map[string][]health.Probe{}
	return c.probing
}

// probed takes the newest results of one prober.
func (o *observer) probed(cluster, prober string, generation int, results []health.Probe) {
	results = slices.Clone(results)
	for i := range results {
		results[i].Misses = min(results[i].Misses, o.limit)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.clusters[cluster]
	if c == nil || c.probing != generation || slices.Equal(c.probes[prober], results) {
		return
	}
	c.probes[prober] = results
	o.told(cluster, c)
}

// forget drops a cluster that is no member any more.
func (o *observer) forget(cluster string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.clusters[cluster] != nil {
		delete(o.clusters, cluster)
		o.tell([]picture.Change{{Key: picture.KeyOf(&picture.Observed{Cluster: cluster})}})
	}
}

func (o *observer) cluster(name string) *observed {
	c := o.clusters[name]
	if c == nil {
		c = &observed{probes: map[string][]health.Probe{}}
		o.clusters[name] = c
	}
	return c
}

// told gives the centre what is known. The caller holds the lock, so that states are told in their order.
func (o *observer) told(cluster string, c *observed) {
	fact := &picture.Observed{Cluster: cluster, MarkerSeen: c.seen, Released: c.released}
	for _, prober := range slices.Sorted(maps.Keys(c.probes)) {
		fact.Probes = append(fact.Probes, c.probes[prober]...)
	}
	o.tell([]picture.Change{{Key: picture.KeyOf(fact), Fact: fact}})
}
