package role

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/hub/remote"
)

// errRenamed ends an agent whose Secret names another cluster: nothing that it knows holds any more.
var errRenamed = errors.New("the cluster has another id now: starting anew")

// hubLine is an agent's way to the hub that the Secret names. The hub may be none yet, and may become another one while the agent runs. It
// is an agent.Hub.
type hubLine struct {
	own    client.Client
	secret fleet.Name
	log    *slog.Logger
	// heard is told each event of the hub before the agent is.
	heard func(hub.Event)
	found chan struct{} // closed when the cluster's id is known

	mu          sync.Mutex
	cluster     string
	config      *rest.Config
	hub         *remote.Hub
	credentials *remote.Credentials
	term        int64
	selected    []string
	changed     chan struct{} // closed when hub becomes another one
	failed      context.CancelCauseFunc
}

func newHubLine(own client.Client, secret fleet.Name, cluster string, failed context.CancelCauseFunc, log *slog.Logger) *hubLine {
	l := &hubLine{
		own: own, secret: secret, log: log, cluster: cluster, failed: failed, found: make(chan struct{}), changed: make(chan struct{}),
	}
	if cluster != "" {
		close(l.found)
	}
	return l
}

// name waits for the cluster's id.
func (l *hubLine) name(ctx context.Context) (string, error) {
	select {
	case <-l.found:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cluster, nil
}

func (l *hubLine) now() (*remote.Hub, *remote.Credentials, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hub, l.credentials, l.changed
}

// state says whether the hub is there.
func (l *hubLine) state() remote.State {
	h, _, _ := l.now()
	if h == nil {
		return remote.State{Err: "this cluster has not joined: there is no Secret " + l.secret.String()}
	}
	return h.State()
}

// Select chooses the namespaces whose records are watched.
func (l *hubLine) Select(namespaces []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.selected = slices.Clone(namespaces)
	if l.hub != nil {
		l.hub.Select(l.selected)
	}
}

// lead says in which term this replica writes; 0: it does not.
func (l *hubLine) lead(term int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.term = term
	if l.hub != nil {
		l.hub.Lead(term)
	}
}

// rotate keeps the credential fresh until ctx ends, whatever hub it is for.
func (l *hubLine) rotate(ctx context.Context) {
	for ctx.Err() == nil {
		_, credentials, changed := l.now()
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		if credentials != nil {
			running.Go(func() { credentials.Run(ctx) })
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
		cancel()
		running.Wait()
	}
}

// Write implements agent.Hub.
func (l *hubLine) Write(ctx context.Context, obj hub.Object) error {
	h, _, _ := l.now()
	if h == nil {
		return hub.ErrDown
	}
	return h.Write(ctx, obj)
}

// Delete implements agent.Hub.
func (l *hubLine) Delete(ctx context.Context, obj hub.Object) error {
	h, _, _ := l.now()
	if h == nil {
		return hub.ErrDown
	}
	return h.Delete(ctx, obj)
}

// Watch implements agent.Hub. It ends when the hub becomes another one.
func (l *hubLine) Watch(ctx context.Context, tell func(hub.Event)) error {
	h, _, changed := l.now()
	if h == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			return hub.ErrDown // until the next call, which follows at once
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-ctx.Done():
		case <-changed:
			cancel()
		}
	}()
	return h.Watch(ctx, func(e hub.Event) {
		if l.heard != nil {
			l.heard(e)
		}
		tell(e)
	})
}

// member asks the hub for the own Member, as nothing else can be done before it is known where the cluster stands. nil: it was not to be
// had in time.
func (l *hubLine) member(ctx context.Context) *v1alpha1.Member {
	h, _, _ := l.now()
	if h == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var found *v1alpha1.Member
	_ = h.Watch(ctx, func(e hub.Event) {
		if m, ok := e.Object.(*v1alpha1.Member); ok && m.Spec.Cluster == l.cluster {
			found = m
			cancel()
		}
	})
	return found
}
