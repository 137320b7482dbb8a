package zone

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
	mcsclient "sigs.k8s.io/mcs-api/pkg/client/clientset/versioned/typed/apis/v1beta1"

	"fairlead.dev/fairlead/dns/names"
	"fairlead.dev/fairlead/fleet"
)

// Selector selects the EndpointSlices that names depend on: those of headless imports.
const Selector = mcsv1beta1.LabelServiceName + "," + corev1.IsHeadlessService

// again is how soon a broken watch is tried again, and then again: an API server that is back is noticed within seconds.
var again = wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 6, Cap: 3 * time.Second}

// Run watches the cluster's API until ctx ends. It is called once. Whatever happens to the API, it goes on trying.
func (z *Zone) Run(ctx context.Context, config *rest.Config, log *slog.Logger) error {
	config = rest.CopyConfig(config)
	config.Timeout = 0 // a watch has no end
	importing, err := mcsclient.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client for ServiceImports: %w", err)
	}
	compact := rest.CopyConfig(config)
	compact.ContentType = runtime.ContentTypeProtobuf
	compact.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	core, err := kubernetes.NewForConfig(compact)
	if err != nil {
		return fmt.Errorf("make a client for EndpointSlices: %w", err)
	}
	si, es := importing.ServiceImports(metav1.NamespaceAll), core.DiscoveryV1().EndpointSlices(metav1.NamespaceAll)
	var running sync.WaitGroup
	running.Go(func() {
		z.follow(ctx, imports, &mcsv1beta1.ServiceImport{}, log, &cache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return si.List(ctx, o) },
			WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				return si.Watch(ctx, o)
			},
		})
	})
	running.Go(func() {
		z.follow(ctx, endpoints, &discoveryv1.EndpointSlice{}, log, &cache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				o.LabelSelector = Selector
				return es.List(ctx, o)
			},
			WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				o.LabelSelector = Selector
				return es.Watch(ctx, o)
			},
		})
	})
	running.Wait()
	return nil
}

func (z *Zone) follow(ctx context.Context, k kind, object runtime.Object, log *slog.Logger, lw *cache.ListWatch) {
	logger := logr.FromSlogHandler(log.With("watch", string(k)).Handler())
	r := cache.NewReflectorWithOptions(lw, object, store{z, k}, cache.ReflectorOptions{
		Name: "names", TypeDescription: string(k), Logger: &logger, Backoff: new(again),
	})
	r.RunWithContext(logr.NewContext(ctx, logger))
}

// store is what a reflector fills: each object goes to the zone, reduced to what names depend on.
type store struct {
	*Zone
	kind kind
}

// Transformer implements cache.TransformingStore: a list of many objects is reduced while it comes in.
func (s store) Transformer() cache.TransformFunc { return strip }

// strip takes off an object what is large and of no use here.
func strip(object any) (any, error) {
	if o, ok := object.(metav1.Object); ok {
		o.SetManagedFields(nil)
		o.SetAnnotations(nil)
	}
	return object, nil
}

// Add implements cache.ReflectorStore.
func (s store) Add(object any) error { return s.Update(object) }

// Update implements cache.ReflectorStore.
func (s store) Update(object any) error {
	s.change(func(touch func(fleet.Name)) { s.take(object, touch) })
	return nil
}

// Delete implements cache.ReflectorStore.
func (s store) Delete(object any) error {
	s.change(func(touch func(fleet.Name)) { s.drop(nameOf(object), touch) })
	return nil
}

// Replace implements cache.ReflectorStore.
func (s store) Replace(objects []any, _ string) error {
	s.change(func(touch func(fleet.Name)) {
		s.seen[s.kind] = true
		listed := make(map[fleet.Name]bool, len(objects))
		for _, o := range objects {
			listed[nameOf(o)] = true
			s.take(o, touch)
		}
		for _, n := range s.known() {
			if !listed[n] {
				s.drop(n, touch)
			}
		}
	})
	return nil
}

// Resync implements cache.ReflectorStore; there is none.
func (s store) Resync() error { return nil }

// known returns the objects of the store's kind that are kept.
func (s store) known() (all []fleet.Name) {
	if s.kind == imports {
		for n := range s.imports {
			all = append(all, n)
		}
		return all
	}
	for n := range s.service {
		all = append(all, n)
	}
	return all
}

func (s store) take(object any, touch func(fleet.Name)) {
	switch o := object.(type) {
	case *mcsv1beta1.ServiceImport:
		n := nameOf(o)
		s.imports[n] = names.Service(o)
		touch(n)
	case *discoveryv1.EndpointSlice:
		s.put(nameOf(o), names.Slice(o), touch)
	}
}

func (s store) drop(n fleet.Name, touch func(fleet.Name)) {
	if s.kind == imports {
		delete(s.imports, n)
		touch(n)
		return
	}
	s.put(n, nil, touch)
}

func nameOf(object any) fleet.Name {
	o := object.(metav1.Object)
	return fleet.Name{Namespace: o.GetNamespace(), Name: o.GetName()}
}
