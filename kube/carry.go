package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// carryOut does one action. It returns nil where nothing is left to do, or where what is left is told by an event to come.
func (w *Writer) carryOut(ctx context.Context, service fleet.Name, a action) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := w.call(ctx, service, a)
	if svc, ok := a.object.(*corev1.Service); ok && a.verb != remove {
		err = w.carried(ctx, service, svc, a, err)
	}
	w.Metrics.wrote(kindOf(a.object), a.verb, err)
	switch {
	case err == nil:
		if s, ok := a.object.(*discoveryv1.EndpointSlice); ok && a.verb != remove && w.Wrote != nil {
			w.Wrote(s)
		}
		return nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause), a.verb == create && missingNamespace(err):
		return nil
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return errors.Join(fmt.Errorf("%s %s %s: %w", a.verb, kindOf(a.object), nameOf(a.object), err), w.look(ctx, service, a.object))
	case apierrors.IsNotFound(err) && a.verb != create:
		w.Objects.gone(a.object)
		if a.verb == remove {
			return nil
		}
	}
	return fmt.Errorf("%s %s %s: %w", a.verb, kindOf(a.object), nameOf(a.object), err)
}

// call makes the calls of one action, and notes what they leave.
func (w *Writer) call(ctx context.Context, service fleet.Name, a action) error {
	switch a.verb {
	case create:
		if err := w.Client.Create(ctx, a.object); err != nil {
			return err
		}
		w.Objects.wrote(service, a.object, a.want, false)
	case update:
		err := w.Client.Update(ctx, a.object)
		if _, slice := a.object.(*discoveryv1.EndpointSlice); slice && apierrors.IsInvalid(err) {
			return w.replace(ctx, service, a) // the family of its addresses cannot change in place
		}
		if err != nil {
			return err
		}
		w.Objects.wrote(service, a.object, a.want, false)
	case status:
		return w.status(ctx, service, a)
	case replace:
		return w.replace(ctx, service, a)
	case remove:
		if err := w.Client.Delete(ctx, a.object, unchanged(a.object)); err != nil {
			return err
		}
		w.Objects.gone(a.object)
	}
	return nil
}

// status writes the status of a ServiceImport on top of the newest version that is known.
func (w *Writer) status(ctx context.Context, service fleet.Name, a action) error {
	si := a.object.(*mcsv1beta1.ServiceImport)
	has := w.Objects.view(service)
	if has.imported == nil {
		return nil // it is gone, or could not be created: that comes first
	}
	si.ResourceVersion = has.imported.version
	since(si.Status.Conditions, has.imported.conditions, metav1.NewTime(time.Now().Truncate(time.Second)))
	if err := w.Client.Status().Update(ctx, si); err != nil {
		return err
	}
	w.Objects.wrote(service, si, a.want, true)
	return nil
}

// replace deletes an object and creates it as it is to be.
func (w *Writer) replace(ctx context.Context, service fleet.Name, a action) error {
	old := a.object.DeepCopyObject().(client.Object)
	if err := w.Client.Delete(ctx, old, unchanged(old)); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	w.Objects.gone(old)
	a.object.SetResourceVersion("")
	if err := w.Client.Create(ctx, a.object); err != nil {
		return err
	}
	w.Objects.wrote(service, a.object, a.want, false)
	return nil
}

// unchanged makes a deletion conditional on the version that was known.
func unchanged(obj client.Object) client.Preconditions {
	version := obj.GetResourceVersion()
	return client.Preconditions{ResourceVersion: &version}
}

// carried goes on where a derived Service was not taken as it is: an IP that somebody else has now is given up, and what cannot be changed
// in place is replaced. What is refused all the same is told in the picture.
func (w *Writer) carried(ctx context.Context, service fleet.Name, svc *corev1.Service, a action, err error) error {
	if (a.verb == update) && immutable(err) {
		a.verb = replace
		err = w.call(ctx, service, a)
	}
	if taken := takenIP(svc, err); taken >= 0 {
		if !w.giveUp(service, time.Now()) {
			return err
		}
		err = w.withoutIP(ctx, service, svc, a, taken)
	}
	switch {
	case err == nil:
		w.giveUp(service, time.Time{})
		w.Objects.refuse(service, "")
	case refusal(err):
		if why := reason(err); w.Objects.refuse(service, why) {
			w.warn(service, "ImportRefused", "the API server refuses Service "+mcs.DerivedName(service.Name)+", which carries the import: "+why)
		}
	}
	return err
}

// takenPause is how long an IP that is taken is asked for: an API server lets go of the IP of a deleted Service a moment after it has told
// of the deletion.
const takenPause = 3 * time.Second

// giveUp says whether the IP of a service was refused for long enough to let go of it. The zero time ends the count.
func (w *Writer) giveUp(service fleet.Name, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	since, counting := w.taken[service]
	switch {
	case now.IsZero():
		delete(w.taken, service)
	case !counting:
		w.taken[service] = now
	}
	return counting && now.Sub(since) >= takenPause
}

// withoutIP creates a derived Service with another IP than one that it asked for, and tells.
func (w *Writer) withoutIP(ctx context.Context, service fleet.Name, svc *corev1.Service, a action, taken int) error {
	lost := svc.Spec.ClusterIPs[taken]
	svc.Spec.ClusterIPs = slices.Clone(svc.Spec.ClusterIPs[:taken])
	if taken == 0 {
		svc.Spec.ClusterIP, svc.Spec.ClusterIPs = "", nil
	}
	svc.ResourceVersion = ""
	a.verb = create
	if err := w.call(ctx, service, a); err != nil {
		return err
	}
	w.warn(service, "IPReplaced",
		fmt.Sprintf("the clusterset IP %s could not be had again: it is now %s", lost, strings.Join(svc.Spec.ClusterIPs, " and ")))
	return nil
}

// look reads an object whose version was not the one that was known, or that was not known at all.
func (w *Writer) look(ctx context.Context, service fleet.Name, obj client.Object) error {
	live := fresh(obj)
	err := w.Client.Get(ctx, client.ObjectKeyFromObject(obj), live)
	switch {
	case apierrors.IsNotFound(err):
		w.Objects.gone(obj)
	case err != nil:
		return fmt.Errorf("read %s %s: %w", kindOf(obj), nameOf(obj), err)
	default:
		w.Objects.found(service, live)
	}
	return nil
}

func fresh(obj client.Object) client.Object {
	switch obj.(type) {
	case *mcsv1beta1.ServiceImport:
		return &mcsv1beta1.ServiceImport{}
	case *corev1.Service:
		return &corev1.Service{}
	}
	return &discoveryv1.EndpointSlice{}
}

// missingNamespace tells a namespace that is not there from a kind that is not.
func missingNamespace(err error) bool {
	var s apierrors.APIStatus
	return apierrors.IsNotFound(err) && errors.As(err, &s) && s.Status().Details != nil && s.Status().Details.Kind == "namespaces"
}

// immutable says whether an update failed because a Service keeps its addresses for life.
func immutable(err error) bool {
	return slices.ContainsFunc(causes(err), func(c metav1.StatusCause) bool {
		return strings.HasPrefix(c.Field, "spec.clusterIP") || strings.HasPrefix(c.Field, "spec.ipFamil")
	})
}

// takenIP returns which of the IPs that a Service asked for cannot be had, -1 for none.
func takenIP(svc *corev1.Service, err error) int {
	if len(svc.Spec.ClusterIPs) == 0 || svc.Spec.ClusterIP == corev1.ClusterIPNone {
		return -1
	}
	for _, c := range causes(err) {
		if !strings.HasPrefix(c.Field, "spec.clusterIP") {
			continue
		}
		for i, ip := range svc.Spec.ClusterIPs {
			if i > 0 && strings.Contains(c.Message, ip) {
				return i
			}
		}
		return 0
	}
	return -1
}

func causes(err error) []metav1.StatusCause {
	var s apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &s) || s.Status().Details == nil {
		return nil
	}
	return s.Status().Details.Causes
}

// refusal tells a no of the API server, or of who it asks, from an outage: to ask again will not help before something changes.
func refusal(err error) bool {
	var s apierrors.APIStatus
	if !errors.As(err, &s) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return false
	}
	switch code := s.Status().Code; code {
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests, http.StatusRequestTimeout:
		return false
	default:
		return code >= 400 && code < 500 || code == http.StatusInternalServerError && strings.Contains(s.Status().Message, "allocate")
	}
}

// reason is what the API server said, for people.
func reason(err error) string {
	var s apierrors.APIStatus
	if errors.As(err, &s) {
		return s.Status().Message
	}
	return err.Error()
}
