package agent

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"fairlead.dev/fairlead/health"
)

// ProbesPath is the path on which a replica tells its peers what its probes see.
const ProbesPath = "/probes"

const (
	// keepalive is how often a replica says that it is there, while it has nothing else to say.
	keepalive = time.Second
	// silence is after how long a peer that says nothing is not believed any more.
	silence = 2 * time.Second
)

// word is one line of what a replica tells its peers: who it is, or what one of its probers sees of one cluster. An empty one says that it is
// there.
type word struct {
	Agent   string `json:"agent,omitempty"`
	Cluster string `json:"cluster,omitempty"`
	Prober  string `json:"prober,omitempty"`
	// Probes are the newest results; none: the prober does not probe the cluster any more.
	Probes []seen `json:"probes,omitempty"`
}

// seen is a health.Probe without its prober.
type seen struct {
	Path     string `json:"path"`
	Misses   int    `json:"misses,omitempty"`
	Draining bool   `json:"draining,omitempty"`
}

// follower is a peer that is told what the own probers see.
type follower struct {
	ready chan struct{} // has an element when there is something to tell
	news  map[sight]struct{}
}

// Probes answers a peer with what this replica's probes see, as lines of JSON: first all of it, then what changes, and at least one line each
// second. It answers until the peer goes away.
func (a *Agent) Probes() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		f := a.observer.join()
		defer a.observer.leave(f)
		w.Header().Set("Content-Type", "application/x-ndjson")
		out, control := json.NewEncoder(w), http.NewResponseController(w)
		tick := time.NewTicker(keepalive)
		defer tick.Stop()
		for words := []word{{Agent: a.id}}; ; {
			_ = control.SetWriteDeadline(time.Now().Add(2 * silence)) // a peer that does not read is gone
			for _, line := range words {
				if out.Encode(line) != nil {
					return
				}
			}
			if control.Flush() != nil {
				return
			}
			select {
			case <-req.Context().Done():
				return
			case <-tick.C:
				words = []word{{}}
			case <-f.ready:
				words = a.observer.news(f)
			}
		}
	})
}

// join begins to tell a peer, with all that is known.
func (o *observer) join() *follower {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := &follower{ready: make(chan struct{}, 1), news: map[sight]struct{}{}}
	for cluster, c := range o.clusters {
		for prober := range c.probes {
			f.news[sight{cluster, prober}] = struct{}{}
		}
	}
	signal(f.ready)
	o.followers[f] = struct{}{}
	return f
}

func (o *observer) leave(f *follower) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.followers, f)
}

// pass notes for each peer that it is to be told something. The caller holds the lock.
func (o *observer) pass(s sight) {
	for f := range o.followers {
		f.news[s] = struct{}{}
		signal(f.ready)
	}
}

// news returns what a peer is to be told, as it is now.
func (o *observer) news(f *follower) (words []word) {
	o.mu.Lock()
	defer o.mu.Unlock()
	about := slices.SortedFunc(maps.Keys(f.news), func(a, b sight) int {
		return cmp.Or(cmp.Compare(a.cluster, b.cluster), cmp.Compare(a.prober, b.prober))
	})
	clear(f.news)
	for _, s := range about {
		line := word{Cluster: s.cluster, Prober: s.prober}
		if c := o.clusters[s.cluster]; c != nil {
			for _, p := range c.probes[s.prober] {
				line.Probes = append(line.Probes, seen{p.Path, p.Misses, p.Draining})
			}
		}
		words = append(words, line)
	}
	return words
}

// probes returns what a word tells, as of a peer's prober.
func (w word) probes(peer string) (probes []health.Probe) {
	for _, s := range w.Probes {
		probes = append(probes, health.Probe{Prober: peer + "/" + w.Prober, Path: s.Path, Misses: max(0, s.Misses), Draining: s.Draining})
	}
	return probes
}
