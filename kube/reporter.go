package kube

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// ReporterOptions is what a Reporter needs.
type ReporterOptions struct {
	Client client.Client
	// Event tells people; may be nil.
	Event   func(Event)
	Metrics *Metrics
	Log     *slog.Logger
}

// Reporter writes what a picture says of the cluster's own objects into their statuses, and tells people of what they should know. As a
// Receiver it sees what the statuses say. It writes while Run runs, which is for the leader; Use keeps it informed at all times.
type Reporter struct {
	ReporterOptions
	picture atomic.Pointer[picture.Picture]
	queue   atomic.Pointer[refQueue]
	grumble grumble

	mu   sync.Mutex
	says map[fleet.Ref]digest // what is ours in the statuses, as they stand
}

type refQueue struct {
	workqueue.TypedRateLimitingInterface[fleet.Ref]
}

// The shape of the reporting: how many statuses are written at a time, and how long changes of one gather.
const (
	reporters    = 8
	reportGather = 30 * time.Millisecond
)

// NewReporter returns a Reporter that does not write yet.
func NewReporter(o ReporterOptions) *Reporter {
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	return &Reporter{ReporterOptions: o, says: map[fleet.Ref]digest{}, grumble: grumble{log: o.Log}}
}

// Use is an agent.Output.
func (r *Reporter) Use(pic *picture.Picture, changed []picture.Key) {
	before := r.picture.Swap(pic)
	queue := r.queue.Load()
	if queue == nil {
		return
	}
	for _, k := range changed {
		switch k.Kind {
		case picture.KindStatus:
			queue.AddAfter(refOf(k.Path), reportGather)
		case picture.KindMember:
			if before != nil {
				r.tellMember(before.Member(k.Path), pic.Member(k.Path))
			}
		}
	}
}

// Replace implements Receiver.
func (r *Reporter) Replace(kind string, all []client.Object) {
	if blank(kind) == nil {
		return
	}
	listed := map[fleet.Ref]bool{}
	for _, obj := range all {
		listed[fleet.Ref{Kind: kind, Name: nameOf(obj)}] = true
		r.Put(obj)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for ref := range r.says {
		if ref.Kind == kind && !listed[ref] {
			delete(r.says, ref)
		}
	}
}

// Put implements Receiver.
func (r *Reporter) Put(obj client.Object) {
	kind := kindOf(obj)
	if blank(kind) == nil {
		return
	}
	ref := fleet.Ref{Kind: kind, Name: nameOf(obj)}
	says := reported(obj)
	r.mu.Lock()
	defer r.mu.Unlock()
	if was, known := r.says[ref]; known && was == says {
		return
	}
	r.says[ref] = says
	if queue := r.queue.Load(); queue != nil {
		queue.AddAfter(ref, reportGather)
	}
}

// Delete implements Receiver.
func (r *Reporter) Delete(obj client.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.says, fleet.Ref{Kind: kindOf(obj), Name: nameOf(obj)})
}

// Run writes until ctx ends.
func (r *Reporter) Run(ctx context.Context) {
	queue := &refQueue{workqueue.NewTypedRateLimitingQueue(
		workqueue.NewTypedItemExponentialFailureRateLimiter[fleet.Ref](shortestRetry, longestRetry))}
	r.queue.Store(queue)
	stop := context.AfterFunc(ctx, queue.ShutDown)
	defer stop()
	if pic := r.picture.Load(); pic != nil {
		for st := range pic.Statuses() {
			queue.Add(st.Object)
		}
	}
	var group sync.WaitGroup
	for range reporters {
		group.Go(func() { r.work(ctx, queue) })
	}
	group.Wait()
	r.queue.CompareAndSwap(queue, nil)
}

func (r *Reporter) work(ctx context.Context, queue *refQueue) {
	for {
		ref, down := queue.Get()
		if down {
			return
		}
		switch err := r.report(ctx, ref); {
		case ctx.Err() != nil:
		case err == nil:
			queue.Forget(ref)
		default:
			r.grumble.about("status not written, trying again", "object", ref.String(), "err", err)
			queue.AddRateLimited(ref)
		}
		queue.Done(ref)
	}
}

// report writes one status if it does not say what it should.
func (r *Reporter) report(ctx context.Context, ref fleet.Ref) error {
	pic := r.picture.Load()
	if pic == nil || ctx.Err() != nil {
		return nil
	}
	st, obj := pic.Status(ref), blank(ref.Kind)
	if st == nil || obj == nil {
		return nil
	}
	apply(obj, st, metav1.Time{})
	r.mu.Lock()
	says, there := r.says[ref]
	r.mu.Unlock()
	if !there || says == reported(obj) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	live := blank(ref.Kind)
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name.Name}, live); err != nil {
		return passing(fmt.Errorf("read %s: %w", ref, err))
	}
	before := live.DeepCopyObject().(client.Object)
	apply(live, st, metav1.NewTime(time.Now().Truncate(time.Second)))
	if equality.Semantic.DeepEqual(before, live) {
		return nil
	}
	after := live.DeepCopyObject().(client.Object)
	err := r.Client.Status().Update(ctx, live)
	r.Metrics.wrote(ref.Kind, status, err)
	if err != nil {
		return passing(fmt.Errorf("write the status of %s: %w", ref, err))
	}
	r.tellConditions(ref, before, after)
	return nil
}

// passing leaves out that an object is gone: then it has no status.
func passing(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// refOf reads what a status's key is made of.
func refOf(path string) fleet.Ref {
	for i := range path {
		if path[i] == '/' {
			return fleet.Ref{Kind: path[:i], Name: fleet.ParseName(path[i+1:])}
		}
	}
	return fleet.Ref{Kind: path}
}
