// Package remote is a hub that is a Kubernetes API (DESIGN §2): it gives an agent what package hub promises, over HTTP/2 and JSON, for
// group fairlead.dev/v1alpha1.
//
// In goes what the agent wants to be so in its own namespace (Write, Delete), whose records it wants to know (Select), and in which term it
// writes (Lead). Out come the events of one Watch: all Members, all own records whatever their labels, and the others' records in the
// selected namespaces, chosen by the API server, so that the cost follows what is imported.
//
// What is known stays known when a watch breaks. The next Watch tells it again, and asks the hub only for what happened since. It lists anew
// where the hub does not know that any more, where the outage was long, and where the hub turns out to have been restored from a
// backup or made anew: its versions run backwards, or its Member is another one. What is missing then is told as missing; what to believe is for
// the centre to decide (DESIGN §5).
//
// An idle member writes its Lease and nothing else. A marker that differs in nothing but its sequence goes there, and the Leases of the others
// are listed now and then: what they say is shown in the status of their Members.
//
// Start with Hub and its Watch (watch.go). A stream (stream.go) is one list with the watch that follows it, a shard (shard.go) the streams of some
// namespaces, and api.go all that travels. Credentials keeps the member's token fresh.
package remote

import (
	"cmp"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"fairlead.dev/fairlead/hub"
)

// Options is what a Hub needs.
type Options struct {
	// Config says where the hub is and how to know it. Its limits on requests are ignored: what is written follows what happens.
	Config *rest.Config
	// Cluster is the own cluster's id.
	Cluster string
	// Credentials, where they are given, authenticate instead of what Config says of tokens.
	Credentials *Credentials
	Log         *slog.Logger
}

// Hub is one member's access to the hub. It is safe for concurrent use; of several Watch calls one runs after the other.
type Hub struct {
	cluster   string
	namespace string // the own one, on the hub
	log       *slog.Logger
	api       *api
	pace      pace

	watching  sync.Mutex    // held by the Watch that runs
	selection chan struct{} // has an element when selected has changed

	mu        sync.Mutex // guards what follows
	state     State
	selected  []string
	shards    []*shard
	members   *stream
	own       []*stream // the own namespace's records
	beats     map[string]beat
	uid       string    // of the own Member; empty: none was seen
	lastHeard time.Time // when the last Watch that told anything ended; zero while one runs
	current   bool      // a Watch is running and what is known is what the hub has
	writer    writer
}

// pace is how often what is done again and again is done, and how long is waited.
type pace struct {
	list    time.Duration // between two lists of Leases
	renew   time.Duration // at least, between two renewals of the own one
	resume  time.Duration // how long an outage may be after which a watch goes on where it was
	pending time.Duration // between two looks at whether the member is approved by now
	answer  time.Duration // for a request that is no watch
}

func defaultPace() pace {
	return pace{
		list: 20 * time.Second, renew: 12 * time.Second, resume: 30 * time.Second, pending: 2 * time.Second, answer: 15 * time.Second,
	}
}

// State says whether the hub is there.
type State struct {
	Up bool
	// Since is when that began; zero before the first Watch.
	Since time.Time
	// Err says why it is not up, for people.
	Err string
}

// New returns the access of a cluster. It asks nothing of the hub yet.
func New(o Options) (*Hub, error) {
	a, err := newAPI(o.Config, o.Credentials)
	if err != nil {
		return nil, fmt.Errorf("make a client of the hub: %w", err)
	}
	h := &Hub{
		cluster: o.Cluster, namespace: hub.Namespace(o.Cluster), api: a, pace: defaultPace(),
		log:       cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		selection: make(chan struct{}, 1),
		beats:     map[string]beat{},
	}
	a.log = h.log
	h.members = newStream(members, "", "")
	h.own = []*stream{newStream(services, h.namespace, ""), newStream(endpoints, h.namespace, "")}
	return h, nil
}

// State says whether the hub is there: whether a Watch is running and has told all there is.
func (h *Hub) State() State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

// turn notes that the hub is there, where err is empty, or why not.
func (h *Hub) turn(up bool, err string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state.Up != up || h.state.Since.IsZero() {
		h.state.Since = time.Now()
	}
	h.state.Up, h.state.Err = up, err
}
