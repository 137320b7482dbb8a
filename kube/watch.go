package kube

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
)

// Receiver takes what an API server has. Of one kind it is called by one goroutine, in order; of several kinds at once. Objects are
// shared between receivers: nobody changes them. Which objects are its own business is for the receiver to see.
type Receiver interface {
	// Replace brings all objects of a kind, first of all and again after an interruption too long to bridge.
	Replace(kind string, all []client.Object)
	Put(obj client.Object)
	// Delete brings the object as it last was.
	Delete(obj client.Object)
}

// The kinds that are watched.
const (
	kindNamespace      = "Namespace"
	kindService        = "Service"
	kindSlice          = "EndpointSlice"
	kindExport         = "ServiceExport"
	kindImport         = "ServiceImport"
	kindSecret         = "Secret"
	kindGateway        = "Gateway"
	kindHTTPRoute      = "HTTPRoute"
	kindReferenceGrant = "ReferenceGrant"
)

// watched is one kind and how it is watched.
type watched struct {
	kind   string
	object client.Object
	list   func() client.ObjectList
	only   fields.Selector
	in     string // one namespace; empty: all
	// gateways: only where Gateways are ours to run. optional: its definition may be missing, and may come later.
	gateways, optional bool
}

var watchedKinds = []watched{
	{kind: kindNamespace, object: &corev1.Namespace{}, list: func() client.ObjectList { return &corev1.NamespaceList{} }},
	{kind: kindService, object: &corev1.Service{}, list: func() client.ObjectList { return &corev1.ServiceList{} }},
	{kind: kindSlice, object: &discoveryv1.EndpointSlice{}, list: func() client.ObjectList { return &discoveryv1.EndpointSliceList{} }},
	{kind: kindExport, object: &mcsv1beta1.ServiceExport{}, list: func() client.ObjectList { return &mcsv1beta1.ServiceExportList{} }},
	{kind: kindImport, object: &mcsv1beta1.ServiceImport{}, list: func() client.ObjectList { return &mcsv1beta1.ServiceImportList{} }},
	{
		kind: kindSecret, object: &corev1.Secret{}, list: func() client.ObjectList { return &corev1.SecretList{} },
		only: fields.OneTermEqualSelector("type", string(corev1.SecretTypeTLS)), gateways: true,
	},
	{
		kind: kindGateway, object: &gatewayv1.Gateway{}, list: func() client.ObjectList { return &gatewayv1.GatewayList{} },
		gateways: true, optional: true,
	},
	{
		kind: kindHTTPRoute, object: &gatewayv1.HTTPRoute{}, list: func() client.ObjectList { return &gatewayv1.HTTPRouteList{} },
		gateways: true, optional: true,
	},
	{
		kind: kindReferenceGrant, object: &gatewayv1.ReferenceGrant{}, list: func() client.ObjectList { return &gatewayv1.ReferenceGrantList{} },
		gateways: true, optional: true,
	},
}

// Kinds returns the names of the kinds that must be listed before the cluster is known.
func Kinds(gateways bool) (names []string) {
	for _, k := range watchedKinds {
		if !k.optional && (gateways || !k.gateways) {
			names = append(names, k.kind)
		}
	}
	return names
}

// Watch watches the cluster until ctx ends and gives what it sees to every receiver. An API server that is away, or a definition that is
// gone, withdraws nothing: there is no news.
func Watch(ctx context.Context, c client.WithWatch, gateways bool, log *slog.Logger, receivers ...Receiver) {
	var group sync.WaitGroup
	for _, k := range watchedKinds {
		if gateways || !k.gateways {
			group.Go(func() { k.follow(ctx, c, log, receivers) })
		}
	}
	group.Wait()
}

// WatchSecret watches one Secret until ctx ends.
func WatchSecret(ctx context.Context, c client.WithWatch, log *slog.Logger, name fleet.Name, r Receiver) {
	watched{
		kind: kindSecret, object: &corev1.Secret{}, list: func() client.ObjectList { return &corev1.SecretList{} },
		in: name.Namespace, only: fields.OneTermEqualSelector("metadata.name", name.Name),
	}.follow(ctx, c, log, []Receiver{r})
}

// The pauses before a watch that broke is begun again, and before it is looked whether a missing definition has come.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 2 * time.Second
	missingPause  = 15 * time.Second
)

func (k watched) follow(ctx context.Context, c client.WithWatch, log *slog.Logger, receivers []Receiver) {
	if k.optional && !k.appear(ctx, c) {
		return
	}
	r := cache.NewReflectorWithOptions(k.source(c), k.object, intake{k.kind, receivers}, cache.ReflectorOptions{
		Name: "kube", TypeDescription: k.kind,
		Backoff: &wait.Backoff{Duration: shortestPause, Factor: 2, Jitter: 0.5, Steps: 5, Cap: longestPause},
	})
	pause, told := shortestPause, false
	for ctx.Err() == nil {
		began := time.Now()
		err := r.ListAndWatchWithContext(ctx)
		if time.Since(began) > longestPause {
			pause, told = shortestPause, false
		}
		if err != nil && ctx.Err() == nil && !apierrors.IsResourceExpired(err) && !told {
			log.Warn("watch of the cluster broke", "kind", k.kind, "err", err)
			told = true
		}
		if !sleep(ctx, pause/2+rand.N(pause)) {
			return
		}
		pause = min(2*pause, longestPause)
	}
}

// sleep waits, and says whether ctx is still alive.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// appear waits until the kind is served.
func (k watched) appear(ctx context.Context, c client.WithWatch) bool {
	for c.List(ctx, k.list(), &client.ListOptions{Limit: 1}) != nil {
		if !sleep(ctx, missingPause) {
			return false
		}
	}
	return true
}

// source lists and watches the kind.
func (k watched) source(c client.WithWatch) cache.ListerWatcher {
	options := func(o metav1.ListOptions) *client.ListOptions {
		return &client.ListOptions{Raw: &o, FieldSelector: k.only, Namespace: k.in}
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			l := k.list()
			return l, c.List(ctx, l, options(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.Watch(ctx, k.list(), options(o))
		},
	}
}

// intake is what a reflector keeps up to date: it hands everything on and keeps nothing itself.
type intake struct {
	kind      string
	receivers []Receiver
}

var _ cache.TransformingStore = intake{}

func (in intake) Add(obj any) error { return in.Update(obj) }

func (in intake) Update(obj any) error {
	o, ok := in.lean(obj)
	for _, r := range in.receivers {
		if ok {
			r.Put(o)
		}
	}
	return nil
}

func (in intake) Delete(obj any) error {
	o, ok := in.lean(obj)
	for _, r := range in.receivers {
		if ok {
			r.Delete(o)
		}
	}
	return nil
}

func (in intake) Replace(all []any, _ string) error {
	objects := make([]client.Object, 0, len(all))
	for _, a := range all {
		if o, ok := in.lean(a); ok {
			objects = append(objects, o)
		}
	}
	for _, r := range in.receivers {
		r.Replace(in.kind, objects)
	}
	return nil
}

// Resync does nothing: there is no store to look at again.
func (in intake) Resync() error { return nil }

// Transformer makes the reflector keep lean objects while it gathers a list.
func (in intake) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) {
		if o, ok := in.lean(obj); ok {
			return o, nil
		}
		return obj, nil
	}
}

// lean drops what nobody reads and what is large.
func (in intake) lean(obj any) (client.Object, bool) {
	o, ok := obj.(client.Object)
	if !ok {
		return nil, false
	}
	if accessor, err := meta.Accessor(o); err == nil {
		accessor.SetManagedFields(nil)
	}
	return o, true
}
