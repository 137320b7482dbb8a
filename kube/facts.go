package kube

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/picture"
)

// factOf returns an object as the picture's fact: a copy of what the centre reads, and nothing else, so that what changes beside it (a
// version, a status, somebody's annotation) is no news. The parts that it shares with the object are not to be changed.
func factOf(obj client.Object) picture.Fact {
	switch o := obj.(type) {
	case *corev1.Namespace:
		return &corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: o.Name, Labels: o.Labels, DeletionTimestamp: o.DeletionTimestamp},
			Status:     corev1.NamespaceStatus{Phase: o.Status.Phase},
		}
	case *corev1.Service:
		return &corev1.Service{ObjectMeta: named(o), Spec: o.Spec}
	case *corev1.Secret:
		return &corev1.Secret{ObjectMeta: named(o), Type: o.Type, Data: o.Data}
	case *discoveryv1.EndpointSlice:
		return sliceFact(o)
	case *mcsv1beta1.ServiceExport:
		return &mcsv1beta1.ServiceExport{ObjectMeta: dated(o), Spec: o.Spec}
	case *gatewayv1.Gateway:
		return &gatewayv1.Gateway{ObjectMeta: dated(o), Spec: o.Spec}
	case *gatewayv1.HTTPRoute:
		return &gatewayv1.HTTPRoute{ObjectMeta: dated(o), Spec: o.Spec}
	case *gatewayv1.ReferenceGrant:
		return &gatewayv1.ReferenceGrant{ObjectMeta: named(o), Spec: o.Spec}
	}
	return nil
}

func named(o client.Object) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// dated keeps what precedence and observedGeneration need as well.
func dated(o client.Object) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: o.GetNamespace(), Name: o.GetName(), Generation: o.GetGeneration(),
		CreationTimestamp: o.GetCreationTimestamp(), DeletionTimestamp: o.GetDeletionTimestamp(),
	}
}

func sliceFact(o *discoveryv1.EndpointSlice) *discoveryv1.EndpointSlice {
	out := &discoveryv1.EndpointSlice{
		ObjectMeta:  named(o),
		AddressType: o.AddressType,
		Ports:       o.Ports,
		Endpoints:   make([]discoveryv1.Endpoint, 0, len(o.Endpoints)),
	}
	out.Labels = map[string]string{discoveryv1.LabelServiceName: o.Labels[discoveryv1.LabelServiceName]}
	for _, e := range o.Endpoints {
		if len(e.Addresses) > 0 {
			out.Endpoints = append(out.Endpoints, discoveryv1.Endpoint{
				Addresses: e.Addresses[:1], Conditions: e.Conditions, Hostname: e.Hostname,
				NodeName: e.NodeName, Zone: e.Zone, Hints: e.Hints,
			})
		}
	}
	return out
}

// needs returns the Services whose endpoints the picture must know because of an object: those of a ServiceExport, and of the backends of
// a route.
func needs(obj picture.Fact) (names []fleet.Name) {
	switch o := obj.(type) {
	case *mcsv1beta1.ServiceExport:
		return []fleet.Name{{Namespace: o.Namespace, Name: o.Name}}
	case *gatewayv1.HTTPRoute:
		for _, rule := range o.Spec.Rules {
			for _, b := range rule.BackendRefs {
				names = append(names, backend(o.Namespace, b.BackendObjectReference)...)
			}
			for _, f := range rule.Filters {
				if f.RequestMirror != nil {
					names = append(names, backend(o.Namespace, f.RequestMirror.BackendRef)...)
				}
			}
		}
	}
	return names
}

func backend(namespace string, ref gatewayv1.BackendObjectReference) []fleet.Name {
	if ref.Kind != nil && *ref.Kind != "Service" || ref.Group != nil && *ref.Group != "" {
		return nil
	}
	if ref.Namespace != nil {
		namespace = string(*ref.Namespace)
	}
	return []fleet.Name{{Namespace: namespace, Name: string(ref.Name)}}
}

// isOwn says whether an object is one that Fairlead writes.
func isOwn(obj client.Object) bool {
	labels := obj.GetLabels()
	if _, ok := obj.(*discoveryv1.EndpointSlice); ok {
		return labels[discoveryv1.LabelManagedBy] == mcs.ManagedBy
	}
	return labels[mcs.LabelManagedBy] == mcs.ManagedBy
}

// kindOf returns the name of the kind of a watched object.
func kindOf(obj client.Object) string {
	switch obj.(type) {
	case *corev1.Namespace:
		return kindNamespace
	case *corev1.Service:
		return kindService
	case *corev1.Secret:
		return kindSecret
	case *discoveryv1.EndpointSlice:
		return kindSlice
	case *mcsv1beta1.ServiceExport:
		return kindExport
	case *mcsv1beta1.ServiceImport:
		return kindImport
	case *gatewayv1.Gateway:
		return kindGateway
	case *gatewayv1.HTTPRoute:
		return kindHTTPRoute
	case *gatewayv1.ReferenceGrant:
		return kindReferenceGrant
	}
	return ""
}
