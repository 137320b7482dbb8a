package lab

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// Witness watches the EndpointSlices of a namespace and keeps what happened to each endpoint: when it came, when it was withdrawn
// (ready: false) and when it vanished. It goes on when the API server goes away and comes back.
type Witness struct {
	cluster *Cluster
	scope   []client.ListOption
	cancel  context.CancelFunc
	done    chan struct{}

	mu      sync.Mutex
	slices  map[string]map[string]bool // ready endpoints by slice: service/cluster/address -> ready
	history []Happening
}

// Happening is what happened to one endpoint in one cluster's slices.
type Happening struct {
	At                       time.Time
	Service, Source, Address string
	What                     What
}

// What happened to an endpoint.
type What string

// The things that can happen to an endpoint.
const (
	Ready    What = "ready"
	NotReady What = "not ready"
	Vanished What = "vanished"
)

func (h Happening) String() string {
	return fmt.Sprintf("%s %s of %s from %s is %s", h.At.Format("15:04:05.000"), h.Address, h.Service, h.Source, h.What)
}

// Watches begins to watch what is imported in a namespace. The first list is history too.
func (c *Cluster) Watches(ctx context.Context, namespace string) *Witness {
	return c.watches(ctx, client.InNamespace(namespace), client.HasLabels{mcsv1beta1.LabelServiceName, mcsv1beta1.LabelSourceCluster})
}

// WatchesOwn begins to watch what Kubernetes itself says of the Services in a namespace.
func (c *Cluster) WatchesOwn(ctx context.Context, namespace string) *Witness {
	return c.watches(ctx, client.InNamespace(namespace), client.MatchingLabels{discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io"})
}

func (c *Cluster) watches(ctx context.Context, scope ...client.ListOption) *Witness {
	ctx, cancel := context.WithCancel(ctx)
	w := &Witness{cluster: c, scope: scope, cancel: cancel, done: make(chan struct{}), slices: map[string]map[string]bool{}}
	go func() {
		defer close(w.done)
		for ctx.Err() == nil {
			_ = w.follow(ctx) // an API server that is away explains nothing
			time.Sleep(50 * time.Millisecond)
		}
	}()
	return w
}

// Stop ends watching and returns all that happened.
func (w *Witness) Stop() []Happening {
	w.cancel()
	<-w.done
	return w.history
}

// Since returns what happened after a moment.
func (w *Witness) Since(at time.Time) []Happening {
	w.mu.Lock()
	defer w.mu.Unlock()
	var since []Happening
	for _, h := range w.history {
		if h.At.After(at) {
			since = append(since, h)
		}
	}
	return since
}

// Count returns how many endpoints from a cluster are ready now, and how many there are.
func (w *Witness) Count(source string) (ready, all int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, endpoints := range w.slices {
		for key, isReady := range endpoints {
			if parse(key).Source != source {
				continue
			}
			all++
			if isReady {
				ready++
			}
		}
	}
	return ready, all
}

func (w *Witness) follow(ctx context.Context) error {
	var list discoveryv1.EndpointSliceList
	if err := w.cluster.List(ctx, &list, w.scope...); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range list.Items {
		seen[list.Items[i].Name] = true
		w.put(&list.Items[i])
	}
	w.forget(func(name string) bool { return !seen[name] })
	from := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}}
	events, err := w.cluster.Watch(ctx, &list, append(slices.Clone(w.scope), from)...)
	if err != nil {
		return err
	}
	defer events.Stop()
	for e := range events.ResultChan() {
		slice, ok := e.Object.(*discoveryv1.EndpointSlice)
		switch {
		case !ok:
			return fmt.Errorf("the watch broke: %v", e.Object)
		case e.Type == watch.Deleted:
			w.forget(func(name string) bool { return name == slice.Name })
		default:
			w.put(slice)
		}
	}
	return nil
}

func (w *Witness) put(s *discoveryv1.EndpointSlice) {
	now := map[string]bool{}
	for _, e := range s.Endpoints {
		now[endpointKey(s, e.Addresses[0])] = e.Conditions.Ready == nil || *e.Conditions.Ready
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.slices[s.Name]
	w.slices[s.Name] = now
	for key, ready := range now {
		if before, known := was[key]; !known || before != ready {
			w.happened(key, map[bool]What{true: Ready, false: NotReady}[ready])
		}
	}
	for key := range was {
		if _, still := now[key]; !still {
			w.vanished(key)
		}
	}
}

func (w *Witness) forget(gone func(name string) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, endpoints := range w.slices {
		if gone(name) {
			delete(w.slices, name)
			for key := range endpoints {
				w.vanished(key)
			}
		}
	}
}

// vanished notes that an endpoint is in no slice any more. One that moved to another slice is still there.
func (w *Witness) vanished(key string) {
	for _, endpoints := range w.slices {
		if _, moved := endpoints[key]; moved {
			return
		}
	}
	w.happened(key, Vanished)
}

func (w *Witness) happened(key string, what What) {
	h := parse(key)
	h.At, h.What = time.Now(), what
	w.history = append(w.history, h)
}

// endpointKey names an endpoint: service, source cluster and address. A cluster's own slices have no source.
func endpointKey(s *discoveryv1.EndpointSlice, address string) string {
	return cmp.Or(s.Labels[mcsv1beta1.LabelServiceName], s.Labels[discoveryv1.LabelServiceName]) + "/" + s.Labels[mcsv1beta1.LabelSourceCluster] + "/" + address
}

func parse(key string) (h Happening) {
	parts := strings.SplitN(key, "/", 3)
	h.Service, h.Source, h.Address = parts[0], parts[1], parts[2]
	return h
}
