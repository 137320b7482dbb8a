package kube

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/picture"
)

// WriterOptions is what a Writer needs.
type WriterOptions struct {
	Client  client.Client
	Objects *Objects
	// Complete says whether the picture has all that the hub has. Until then, what stands and is in no picture is left standing.
	Complete func() bool
	// Event tells people; Wrote is called after an EndpointSlice was written. Both may be nil.
	Event   func(Event)
	Wrote   func(*discoveryv1.EndpointSlice)
	Metrics *Metrics
	Log     *slog.Logger
}

// Writer makes the cluster have what the newest picture imports: ServiceImports, derived Services and EndpointSlices. It writes while Run
// runs, which is for the leader; Use keeps it informed at all times.
//
// Each service is a key of a queue. Whatever happens to it (another picture, an event on an object of ours, a write that failed) only adds
// the key, and a worker compares what is wanted with what stands. A write that failed is tried again with growing pauses; the first one
// waits for nothing. Services with addresses are created in a queue of their own: an API server allocates IPs one after another, and a
// thousand new imports must not stand in the way of one changed endpoint.
type Writer struct {
	WriterOptions
	picture  atomic.Pointer[picture.Picture]
	queues   atomic.Pointer[queues] // nil: nobody leads
	complete atomic.Bool
	grumble  grumble

	mu        sync.Mutex
	explained map[fleet.Name]bool      // services that were in a picture and are in none any more
	taken     map[fleet.Name]time.Time // since when the IP of a service is refused as somebody else's
}

// queues are those of one leader's term.
type queues struct{ all, carriers keyQueue }

type keyQueue = workqueue.TypedRateLimitingInterface[fleet.Name]

func newQueue() keyQueue {
	return workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[fleet.Name](shortestRetry, longestRetry))
}

// The shape of the writing: how many services are written at a time, and how many get their derived Service; the pauses after a write that
// failed.
const (
	writers           = 16
	carrierWriters    = 8
	shortestRetry     = 20 * time.Millisecond
	longestRetry      = 5 * time.Second
	completenessPause = time.Second
)

// NewWriter returns a Writer that does not write yet.
func NewWriter(o WriterOptions) *Writer {
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	return &Writer{WriterOptions: o, explained: map[fleet.Name]bool{}, taken: map[fleet.Name]time.Time{}, grumble: grumble{log: o.Log}}
}

// Use is an agent.Output. Pictures must be of a cluster whose own objects are known.
func (w *Writer) Use(pic *picture.Picture, changed []picture.Key) {
	w.picture.Store(pic)
	q := w.queues.Load()
	for _, k := range changed {
		if k.Kind != picture.KindService {
			continue
		}
		name := fleet.ParseName(k.Path)
		w.explain(name, pic.Service(name) == nil)
		if q != nil {
			q.all.Add(name)
		}
	}
}

func (w *Writer) explain(name fleet.Name, gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if gone {
		w.explained[name] = true
	} else {
		delete(w.explained, name)
	}
}

// Run writes until ctx ends.
func (w *Writer) Run(ctx context.Context) {
	q := &queues{newQueue(), newQueue()}
	w.queues.Store(q)
	w.Objects.rouse(func(name fleet.Name) { q.all.Add(name) })
	stop := context.AfterFunc(ctx, func() {
		q.all.ShutDown()
		q.carriers.ShutDown()
	})
	defer stop()
	w.addAll(q.all)
	var group sync.WaitGroup
	group.Go(func() { w.awaitComplete(ctx, q.all) })
	for range writers {
		group.Go(func() { w.work(ctx, q.all, w.reconcile) })
	}
	for range carrierWriters {
		group.Go(func() { w.work(ctx, q.carriers, w.carry) })
	}
	group.Wait()
	w.Objects.rouse(nil)
	w.queues.CompareAndSwap(q, nil)
}

// addAll adds every service that is wanted or of which anything stands.
func (w *Writer) addAll(queue keyQueue) {
	if pic := w.picture.Load(); pic != nil {
		for s := range pic.Services() {
			queue.Add(s.Name)
		}
	}
	for _, name := range w.Objects.all() {
		queue.Add(name)
	}
}

// awaitComplete lets strays be removed once the picture can be trusted to be all there is.
func (w *Writer) awaitComplete(ctx context.Context, queue keyQueue) {
	for !w.complete.Load() {
		if w.Complete != nil && w.Complete() {
			w.complete.Store(true)
			w.addAll(queue)
			return
		}
		if !sleep(ctx, completenessPause) {
			return
		}
	}
}

func (w *Writer) work(ctx context.Context, queue keyQueue, do func(context.Context, fleet.Name) error) {
	for {
		name, down := queue.Get()
		if down {
			return
		}
		switch err := do(ctx, name); {
		case ctx.Err() != nil:
		case err == nil:
			queue.Forget(name)
		default:
			w.grumble.about("import not written, trying again", "service", name.String(), "err", err)
			queue.AddRateLimited(name)
		}
		queue.Done(name)
	}
}

// reconcile carries out what is missing for one service, but for making its derived Service. Of several errors it returns the first, after
// everything was tried.
func (w *Writer) reconcile(ctx context.Context, name fleet.Name) (failed error) {
	want, known := w.want(name)
	if ctx.Err() != nil || w.picture.Load() == nil || want == nil && !w.mayRemove(name, known) {
		return nil // before the first picture nothing is known, and nothing is unwanted
	}
	has := w.Objects.view(name)
	actions, obstacle := diff(name, want, has)
	w.tellObstacle(name, has, obstacle)
	settled := true // what the API server has of the derived Service is what is wanted
	for _, a := range actions {
		if _, ok := a.object.(*corev1.Service); ok {
			settled = false
		}
		switch _, imports := a.object.(*mcsv1beta1.ServiceImport); {
		case a.carrier():
			if q := w.queues.Load(); q != nil {
				q.carriers.Add(name)
			}
		case imports && has.imported == nil && awaits(actions, has):
		default:
			if err := w.carryOut(ctx, name, a); err != nil && failed == nil {
				failed = err
			}
		}
	}
	if settled && has.refused != "" && !has.foreignService {
		w.Objects.refuse(name, "")
	}
	if !known && failed == nil {
		w.forget(name)
	}
	return failed
}

// awaits says whether a new ServiceImport waits for its derived Service, so that it is written once, with its IPs. One whose Service was refused
// does not: it has to say so.
func awaits(actions []action, has standing) bool {
	return has.refused == "" && slices.ContainsFunc(actions, action.carrier)
}

// carry makes the derived Service of one service, if that is what is missing.
func (w *Writer) carry(ctx context.Context, name fleet.Name) error {
	want, _ := w.want(name)
	if ctx.Err() != nil || want == nil {
		return nil
	}
	actions, _ := diff(name, want, w.Objects.view(name))
	for _, a := range actions {
		if !a.carrier() {
			continue
		}
		err := w.carryOut(ctx, name, a)
		if q := w.queues.Load(); q != nil {
			q.all.Add(name) // what waited for it
		}
		return err
	}
	return nil
}

// carrier says whether an action makes a derived Service, or makes it anew.
func (a action) carrier() bool {
	_, ok := a.object.(*corev1.Service)
	return ok && (a.verb == create || a.verb == replace)
}

// want returns what the newest picture imports of a service, nil for nothing, and whether it knows the service at all.
func (w *Writer) want(name fleet.Name) (imported *mcs.Imported, known bool) {
	pic := w.picture.Load()
	if pic == nil {
		return nil, false
	}
	service := pic.Service(name)
	if service == nil {
		return nil, false
	}
	return service.Imported, true
}

// mayRemove says whether what stands of a service that is not wanted may go: its namespace takes care of itself while it is being deleted,
// and what no picture ever had is a stray only once the picture has everything.
func (w *Writer) mayRemove(name fleet.Name, known bool) bool {
	if w.Objects.leaving(name.Namespace) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return known || w.explained[name] || w.complete.Load()
}

func (w *Writer) forget(name fleet.Name) {
	if pic := w.picture.Load(); pic.Service(name) == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.explained, name)
	}
}

// tellObstacle tells of an object of somebody else's in the way.
func (w *Writer) tellObstacle(name fleet.Name, has standing, obstacle string) {
	if obstacle == "" {
		return
	}
	if has.foreignService {
		w.Objects.refuse(name, obstacle)
	}
	w.warn(name, "ForeignObject", obstacle)
}

// warn tells people something of an import.
func (w *Writer) warn(name fleet.Name, reason, message string) {
	if w.Event == nil {
		return
	}
	about := &corev1.ObjectReference{
		APIVersion: mcsv1beta1.GroupVersion.String(), Kind: mcsv1beta1.ServiceImportKindName, Namespace: name.Namespace, Name: name.Name,
	}
	if has := w.Objects.view(name); has.imported != nil {
		about.UID = has.imported.uid
	}
	w.Event(Event{Type: corev1.EventTypeWarning, Reason: reason, Message: message, About: about})
}
