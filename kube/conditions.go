package kube

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
)

// exportConditions are those of a ServiceExport that are ours to write; others on it are others'.
var exportConditions = []string{
	string(mcsv1beta1.ServiceExportConditionValid), string(mcsv1beta1.ServiceExportConditionReady),
	string(mcsv1beta1.ServiceExportConditionConflict),
}

// apply makes the status of an object be what the picture says, as far as it is ours. What stays as it was keeps its transition time.
func apply(obj client.Object, st *picture.Status, now metav1.Time) {
	switch o := obj.(type) {
	case *mcsv1beta1.ServiceExport:
		had := o.Status.Conditions
		o.Status.Conditions = conditions(st.Conditions, st.Generation, had, now)
		for _, c := range had {
			if !slices.Contains(exportConditions, c.Type) {
				o.Status.Conditions = append(o.Status.Conditions, c)
			}
		}
	case *gatewayv1.Gateway:
		applyGateway(o, st, now)
	case *gatewayv1.HTTPRoute:
		applyRoute(o, st, now)
	}
}

func applyGateway(o *gatewayv1.Gateway, st *picture.Status, now metav1.Time) {
	o.Status.Conditions = conditions(st.Conditions, st.Generation, o.Status.Conditions, now)
	o.Status.Addresses = nil
	for _, a := range st.Addresses {
		o.Status.Addresses = append(o.Status.Addresses, gatewayv1.GatewayStatusAddress{
			Type: new(gatewayv1.IPAddressType), Value: a.String(),
		})
	}
	had := o.Status.Listeners
	o.Status.Listeners = nil
	for _, l := range st.Listeners {
		var before []metav1.Condition
		if i := slices.IndexFunc(had, func(h gatewayv1.ListenerStatus) bool { return h.Name == l.Name }); i >= 0 {
			before = had[i].Conditions
		}
		kinds := l.SupportedKinds
		if kinds == nil {
			kinds = []gatewayv1.RouteGroupKind{}
		}
		o.Status.Listeners = append(o.Status.Listeners, gatewayv1.ListenerStatus{
			Name: l.Name, SupportedKinds: kinds, AttachedRoutes: l.AttachedRoutes,
			Conditions: conditions(l.Conditions, st.Generation, before, now),
		})
	}
}

func applyRoute(o *gatewayv1.HTTPRoute, st *picture.Status, now metav1.Time) {
	had := o.Status.Parents
	o.Status.Parents = []gatewayv1.RouteParentStatus{}
	for _, h := range had {
		if h.ControllerName != route.ControllerName {
			o.Status.Parents = append(o.Status.Parents, h)
		}
	}
	for _, p := range st.Parents {
		var before []metav1.Condition
		for _, h := range had {
			if h.ControllerName == route.ControllerName && jsonDigest(h.ParentRef) == jsonDigest(p.Parent) {
				before = h.Conditions
			}
		}
		o.Status.Parents = append(o.Status.Parents, gatewayv1.RouteParentStatus{
			ParentRef: p.Parent, ControllerName: route.ControllerName, Conditions: conditions(p.Conditions, st.Generation, before, now),
		})
	}
}

// conditions are those of a picture as Kubernetes writes them.
func conditions(said []fleet.Condition, generation int64, had []metav1.Condition, now metav1.Time) []metav1.Condition {
	out := make([]metav1.Condition, 0, len(said))
	for _, c := range said {
		out = append(out, metav1.Condition{
			Type: c.Type, Status: metav1.ConditionStatus(c.Status), Reason: c.Reason, Message: c.Message, ObservedGeneration: generation,
		})
	}
	since(out, had, now)
	return out
}

// reported is a digest of what is ours in an object's status, without transition times.
func reported(obj client.Object) digest {
	switch o := obj.(type) {
	case *mcsv1beta1.ServiceExport:
		var ours []metav1.Condition
		for _, c := range o.Status.Conditions {
			if slices.Contains(exportConditions, c.Type) {
				ours = append(ours, c)
			}
		}
		return jsonDigest(timeless(ours))
	case *gatewayv1.Gateway:
		status := *o.Status.DeepCopy()
		status.Conditions = timeless(status.Conditions)
		for i := range status.Listeners {
			status.Listeners[i].Conditions = timeless(status.Listeners[i].Conditions)
		}
		return jsonDigest(status)
	case *gatewayv1.HTTPRoute:
		var ours []gatewayv1.RouteParentStatus
		for _, p := range o.Status.Parents {
			if p.ControllerName == route.ControllerName {
				p.Conditions = timeless(p.Conditions)
				ours = append(ours, p)
			}
		}
		return jsonDigest(ours)
	}
	return 0
}

func timeless(all []metav1.Condition) []metav1.Condition {
	out := slices.Clone(all)
	for i := range out {
		out[i].LastTransitionTime = metav1.Time{}
	}
	slices.SortFunc(out, func(a, b metav1.Condition) int { return cmp.Compare(a.Type, b.Type) })
	return out
}

// blank returns an object of a kind whose status is reported; nil for others.
func blank(kind string) client.Object {
	switch kind {
	case kindExport:
		return &mcsv1beta1.ServiceExport{}
	case kindGateway:
		return &gatewayv1.Gateway{}
	case kindHTTPRoute:
		return &gatewayv1.HTTPRoute{}
	}
	return nil
}
