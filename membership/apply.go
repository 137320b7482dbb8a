package membership

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// look is how often something is asked for that is waited for.
const look = 250 * time.Millisecond

// apply makes the objects be there as told, in their order, and waits for the kinds among them to be served. What somebody else added to
// them stays; what owner wanted once and wants no more goes.
func (a *Access) apply(ctx context.Context, owner string, objects ...client.Object) error {
	var kinds []client.Object
	for _, obj := range objects {
		if len(kinds) > 0 && !isKind(obj) {
			if err := a.served(ctx, kinds); err != nil {
				return err
			}
			kinds = nil
		}
		if isKind(obj) {
			kinds = append(kinds, obj)
		}
		if err := a.settled(ctx, obj); err != nil {
			return err
		}
		u, err := bare(obj)
		if err != nil {
			return err
		}
		if err := a.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(owner), client.ForceOwnership); err != nil {
			return fmt.Errorf("apply %s %s to %s: %w", u.GetKind(), client.ObjectKeyFromObject(u), a.Context, a.explain(err))
		}
	}
	return a.served(ctx, kinds)
}

// settled waits, where a namespace is to be applied that still goes away, until it is gone.
func (a *Access) settled(ctx context.Context, obj client.Object) error {
	if _, ok := obj.(*corev1.Namespace); !ok {
		return nil
	}
	var ns corev1.Namespace
	err := a.Get(ctx, client.ObjectKeyFromObject(obj), &ns)
	if ignoreUnserved(err) != nil {
		return fmt.Errorf("read the namespace %s of %s: %w", obj.GetName(), a.Context, a.explain(err))
	}
	if err == nil && ns.DeletionTimestamp != nil {
		return a.gone(ctx, &ns, time.Minute)
	}
	return nil
}

func isKind(obj client.Object) bool {
	_, ok := obj.(*apiextensionsv1.CustomResourceDefinition)
	return ok
}

// bare returns an object as it is applied: its kind and what is wanted of it, without what only a server sets.
func bare(obj client.Object) (*unstructured.Unstructured, error) {
	gvk, err := apiutil.GVKForObject(obj, Scheme)
	if err != nil {
		return nil, fmt.Errorf("tell the kind of %T: %w", obj, err)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("write %s %s: %w", gvk.Kind, obj.GetName(), err)
	}
	delete(content, "status")
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(gvk)
	u.SetManagedFields(nil)
	u.SetResourceVersion("")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	return u, nil
}

// served waits until the API server serves the kinds.
func (a *Access) served(ctx context.Context, kinds []client.Object) error {
	for _, kind := range kinds {
		err := until(ctx, 30*time.Second, func() (bool, error) {
			var crd apiextensionsv1.CustomResourceDefinition
			if err := a.Get(ctx, client.ObjectKeyFromObject(kind), &crd); err != nil {
				return false, err
			}
			return slices.ContainsFunc(crd.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
				return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
			}), nil
		})
		if err != nil {
			return fmt.Errorf("wait until %s serves %s: %w", a.Context, kind.GetName(), err)
		}
	}
	return nil
}

// remove deletes the objects, the last first. What is not there is no error.
func (a *Access) remove(ctx context.Context, objects ...client.Object) error {
	for _, obj := range slices.Backward(objects) {
		if err := a.Delete(ctx, obj, client.PropagationPolicy("Background")); err != nil && !unserved(err) {
			return fmt.Errorf("delete %T %s on %s: %w", obj, client.ObjectKeyFromObject(obj), a.Context, a.explain(err))
		}
	}
	return nil
}

// gone waits until an object is no more.
func (a *Access) gone(ctx context.Context, obj client.Object, patience time.Duration) error {
	err := until(ctx, patience, func() (bool, error) {
		err := a.Get(ctx, client.ObjectKeyFromObject(obj), obj)
		return unserved(err), ignoreUnserved(err)
	})
	if err != nil {
		return fmt.Errorf("wait until %s is gone from %s: %w", obj.GetName(), a.Context, err)
	}
	return nil
}

func ignoreUnserved(err error) error {
	if unserved(err) {
		return nil
	}
	return err
}

// explain adds a remedy to what the API server refuses.
func (a *Access) explain(err error) error {
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return &Refusal{What: err.Error(), Remedy: "fairlead check --context " + a.Context + " tells which permissions are missing"}
	}
	return err
}

// until asks again and again until it is so, something fails, or patience ends.
func until(ctx context.Context, patience time.Duration, so func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		done, err := so()
		if done || err != nil {
			return err
		}
		if err := pause(ctx, look); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
