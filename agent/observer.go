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

// observer gathers what is seen of each other cluster, by the own probers and by those of peers, and tells the centre when something changes that
// can matter to a verdict: a marker that moved, misses in a row up to the number that counts, the word draining.
type observer struct {
	limit int // misses in a row that count; more are the same
	tell  func([]picture.Change)

	mu        sync.Mutex
	clusters  map[string]*observed
	heard     map[string]map[sight][]health.Probe // by peer
	followers map[*follower]struct{}              // peers that are told what the own probers see
}

// sight is what one prober sees of one cluster.
type sight struct{ cluster, prober string }

// observed is one cluster.
type observed struct {
	marker  v1alpha1.Marker
	seen    time.Time
	probes  map[string][]health.Probe // by prober
	probing int                       // which generation of probers may report
	// released is the operator's word on a withdrawal that the brake holds; it is good for the marker that it was said of.
	released bool
	// word is the operator's word as it stood on the Member when it was last seen: only a change of it is a new word.
	word string
}

func newObserver(limit int, tell func([]picture.Change)) *observer {
	return &observer{
		limit: max(limit, 1), tell: tell, clusters: map[string]*observed{},
		heard: map[string]map[sight][]health.Probe{}, followers: map[*follower]struct{}{},
	}
}

// marker notes the Member of a cluster as it came from the hub now.
func (o *observer) marker(m *v1alpha1.Member, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.cluster(m.Spec.Cluster)
	marker, word := m.Status.Marker, m.Annotations[v1alpha1.AnnotationReleased]
	said := !c.seen.IsZero() && word != "" && word != c.word
	moved := c.seen.IsZero() || marker.Sequence != c.marker.Sequence || marker.Term != c.marker.Term
	c.word = word
	if moved {
		c.marker, c.seen, c.released = marker, now, false
	}
	if said {
		c.released = true
	}
	if moved || said {
		o.told(m.Spec.Cluster, c)
	}
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
	o.blank(cluster, c)
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
	o.pass(sight{cluster, prober})
	o.told(cluster, c)
}

// blank drops what the own probers said of a cluster. The caller holds the lock.
func (o *observer) blank(cluster string, c *observed) {
	for prober := range c.probes {
		o.pass(sight{cluster, prober})
	}
	c.probes = map[string][]health.Probe{}
}

// heed takes what a prober of a peer sees; nil: nothing any more.
func (o *observer) heed(peer string, s sight, results []health.Probe) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := o.heard[peer]
	switch {
	case len(results) == 0:
		delete(seen, s)
	case seen == nil:
		o.heard[peer] = map[sight][]health.Probe{s: results}
	default:
		seen[s] = results
	}
	if c := o.clusters[s.cluster]; c != nil {
		o.told(s.cluster, c)
	}
}

// deaf drops all that a peer said.
func (o *observer) deaf(peer string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := o.heard[peer]
	delete(o.heard, peer)
	about := map[string]struct{}{}
	for s := range seen {
		about[s.cluster] = struct{}{}
	}
	for cluster := range about {
		if c := o.clusters[cluster]; c != nil {
			o.told(cluster, c)
		}
	}
}

// forget drops a cluster that is no member any more.
func (o *observer) forget(cluster string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.clusters[cluster]; c != nil {
		o.blank(cluster, c)
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
	for _, peer := range slices.Sorted(maps.Keys(o.heard)) {
		for _, prober := range proberNames {
			fact.Probes = append(fact.Probes, o.heard[peer][sight{cluster, prober}]...)
		}
	}
	o.tell([]picture.Change{{Key: picture.KeyOf(fact), Fact: fact}})
}
