package dev

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/dev/wire"
	"fairlead.dev/fairlead/folder"
	"fairlead.dev/fairlead/hub"
)

// Options is what a Fleet needs; only Dir must be set.
type Options struct {
	// Dir is the folder whose sub-folders are clusters.
	Dir string
	// Out is where Run says what listens where, once everything answers.
	Out io.Writer
	// Err is where problems in the folder are told as they come and go; Out where nil.
	Err io.Writer
	// Control is the path of the control socket; that of control.DefaultPath where empty.
	Control string
	// PortPerCluster puts every cluster on 127.0.0.1, with ports of its own: 100 more for each next cluster. That is done anyway on machines
	// that have no other loopback addresses. Pictures and names then show addresses that only the parts of the fleet can reach.
	PortPerCluster bool
	Log            *slog.Logger
}

// startup bounds the wait until everything answers; draining the wait for requests that are under way at the end.
const (
	startup  = 15 * time.Second
	draining = 5 * time.Second
)

// Fleet is a running clusterset. Its methods are safe for concurrent use; it is the control.Fleet of its control socket.
type Fleet struct {
	options   Options
	hub       *hub.Memory
	registrar *registrar
	net       *wire.Net
	places    *places
	moved     bool // addresses are nominal
	control   *control.Server
	stop      context.CancelFunc
	running   sync.WaitGroup
	failed    chan error // why the folder is not watched any more

	mu       sync.RWMutex
	clusters map[string]*cluster
	problems []folder.Problem
	term     int64
}

// Run starts a Fleet, tells what listens where, and ends it when ctx ends.
func Run(ctx context.Context, o Options) error {
	f, err := Start(ctx, o)
	if err != nil {
		return err
	}
	defer f.Close()
	if o.Out != nil {
		f.Announce(o.Out)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-f.failed:
		return err
	}
}

// Start starts a Fleet and returns when everything answers, or when that takes too long: what does not answer is then part of its
// Status. The caller must Close it. ctx bounds the start alone.
func Start(ctx context.Context, o Options) (*Fleet, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Err = cmp.Or(o.Err, o.Out, io.Discard)
	o.Control = cmp.Or(o.Control, control.DefaultPath())
	f := &Fleet{options: o, hub: hub.NewMemory(), clusters: map[string]*cluster{}, failed: make(chan error, 1)}
	f.moved = o.PortPerCluster || !hasLoopbacks()
	f.net, f.places = newNet(f.moved)
	f.registrar = newRegistrar(f.hub.Operator(), o.Log)

	socket, err := control.Listen(o.Control)
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.Background())
	f.stop = stop
	read := make(chan struct{}, 1)
	f.running.Go(func() { f.registrar.run(life) })
	f.running.Go(func() { f.watch(life, read) })
	f.control = control.Serve(socket, f)
	select {
	case <-read:
	case err := <-f.failed:
		f.Close()
		return nil, err
	case <-ctx.Done():
		f.Close()
		return nil, ctx.Err()
	}
	if len(f.all()) == 0 {
		f.Close()
		return nil, &control.Error{
			Message: fmt.Sprintf("%s holds no cluster: each cluster is a sub-folder with manifests", o.Dir),
			Hint:    "fairlead dev examples/shop",
		}
	}
	f.ready(ctx)
	return f, nil
}

// Close drains the gateways, then ends everything.
func (f *Fleet) Close() {
	f.control.Close()
	f.stop()
	f.running.Wait()
	var group sync.WaitGroup
	for _, k := range f.all() {
		k.wire.Find()
		group.Go(k.data.drain)
	}
	group.Wait() // what is under way may still need another cluster's pods
	ctx, cancel := context.WithTimeout(context.Background(), draining)
	defer cancel()
	for _, k := range f.all() {
		group.Go(func() { k.close(ctx) })
	}
	group.Wait()
}

// watch follows the folder until ctx ends.
func (f *Fleet) watch(ctx context.Context, read chan<- struct{}) {
	err := folder.Watch(ctx, f.options.Dir, func(set *folder.Set, problems []folder.Problem) {
		f.apply(set, problems)
		select {
		case read <- struct{}{}:
		default:
		}
	})
	if err != nil && ctx.Err() == nil {
		f.failed <- err
	}
}

// apply makes the fleet be what the folder says. Only the goroutine that watches the folder calls it.
func (f *Fleet) apply(set *folder.Set, problems []folder.Problem) {
	f.mu.Lock()
	f.problems = tell(f.options.Err, f.problems, problems)
	f.mu.Unlock()
	f.leave(set)
	for _, c := range slices.SortedStableFunc(slices.Values(set.Clusters), func(a, b *folder.Cluster) int { return a.Address.Compare(b.Address) }) {
		f.places.settle(c.Name, c.Address)
		f.registrar.admit(memberOf(c))
	}
	// Members that are approved at once save every agent a retry; with the hub away the registrar goes on.
	_ = f.registrar.flush(context.Background())
	for _, c := range set.Clusters {
		mine := slices.DeleteFunc(slices.Clone(problems), func(p folder.Problem) bool { return p.Folder != c.Folder })
		if k := f.cluster(c.Name); k != nil {
			k.read(c, mine)
			continue
		}
		if err := f.join(c, mine); err != nil {
			f.options.Log.Error("cluster not started", "cluster", c.Name, "err", err)
		}
	}
}

// leave ends the clusters that the folder does not name any more, and those that stand elsewhere now, which then begin anew. A folder
// that merely vanished is still named.
func (f *Fleet) leave(set *folder.Set) {
	for _, k := range f.all() {
		c := set.Cluster(k.name)
		if c != nil && k.fits(c) {
			continue
		}
		if c == nil {
			f.registrar.retire(k.name)
		}
		f.mu.Lock()
		delete(f.clusters, k.name)
		f.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), draining)
		k.close(ctx)
		cancel()
	}
}

func (f *Fleet) join(c *folder.Cluster, problems []folder.Problem) error {
	f.mu.Lock()
	f.term++
	term := f.term
	f.mu.Unlock()
	k, err := newCluster(c, problems, f.net, f.hub.Member(c.Name, term), f.options.Log)
	if err != nil {
		return err
	}
	if f.registrar.draining(c.Name) {
		k.agent.Drain(true)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clusters[c.Name] = k
	return nil
}

// cluster returns a cluster by name, or nil.
func (f *Fleet) cluster(name string) *cluster {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.clusters[name]
}

// all returns the clusters by name.
func (f *Fleet) all() []*cluster {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var all []*cluster
	for _, name := range slices.Sorted(maps.Keys(f.clusters)) {
		all = append(all, f.clusters[name])
	}
	return all
}

// tell prints the problems that are new and those that are gone, and returns those that there are now.
func tell(to io.Writer, before, now []folder.Problem) []folder.Problem {
	for _, p := range now {
		if !slices.Contains(before, p) {
			_, _ = fmt.Fprintln(to, p)
		}
	}
	for _, p := range before {
		if !slices.Contains(now, p) {
			_, _ = fmt.Fprintf(to, "mended: %s\n", p)
		}
	}
	return now
}
