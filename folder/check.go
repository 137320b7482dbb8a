package folder

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventory "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	about "fairlead.dev/fairlead/api/about/v1beta1"
)

// report takes what is wrong with a field. A field that is missing is reported at the line of the nearest one around it.
type report func(field, format string, args ...any)

// text reports a message that may be empty: nothing is wrong then.
func (r report) text(field, message string) {
	if message != "" {
		r(field, "%s", message)
	}
}

// check finds what an API server would refuse in an object with its defaults set: names, ranges, required fields.
func check(m Manifest, r report) {
	r.text("metadata.name", refuseName(m))
	if ns := m.GetNamespace(); ns != "" {
		r.text("metadata.namespace", refuseLabel(ns))
	}
	switch m := m.(type) {
	case *corev1.Service:
		checkService(&m.Spec, r)
	case *corev1.Secret:
		checkSecret(m, r)
	case *discoveryv1.EndpointSlice:
		checkSlice(m, r)
	case *appsv1.Deployment:
		checkWorkload(m.Spec.Replicas, m.Spec.Selector, &m.Spec.Template, r)
	case *appsv1.StatefulSet:
		checkWorkload(m.Spec.Replicas, m.Spec.Selector, &m.Spec.Template, r)
	case *gatewayv1.Gateway:
		checkGateway(&m.Spec, r)
	case *gatewayv1.GatewayClass:
		checkClass(m, r)
	case *gatewayv1.HTTPRoute:
		checkRoute(&m.Spec, r)
	case *gatewayv1.ReferenceGrant:
		checkGrant(&m.Spec, r)
	case *about.ClusterProperty:
		if m.Spec.Value == "" {
			r("spec.value", "is missing, write the value of the property")
		}
	case *inventory.ClusterProfile:
		for i, p := range m.Status.Properties {
			if p.Name == "" {
				r(index("status.properties", i)+".name", "is missing, write the name of the property")
			}
		}
	}
}

func refuseName(m Manifest) string {
	switch m.(type) {
	case *corev1.Service:
		return refuseServiceName(m.GetName())
	case *corev1.Namespace:
		return refuseLabel(m.GetName())
	}
	return refuseSubdomain(m.GetName())
}

// checkWorkload checks what Deployments and StatefulSets have in common.
func checkWorkload(replicas *int32, selector *metav1.LabelSelector, template *corev1.PodTemplateSpec, r report) {
	if *replicas < 0 {
		r("spec.replicas", "%d is out of range, use 0 or more", *replicas)
	}
	match, err := metav1.LabelSelectorAsSelector(selector)
	switch {
	case selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0:
		r("spec.selector", "is missing, write matchLabels with the labels of spec.template")
	case err != nil:
		r("spec.selector", "is not a selector: %v", err)
	case !match.Matches(labelSet(template.Labels)):
		r("spec.selector", "does not match the labels of spec.template, give both the same labels")
	}
	if len(template.Spec.Containers) == 0 {
		r("spec.template.spec.containers", "is missing, write at least one container")
	}
	for i, c := range template.Spec.Containers {
		field := index("spec.template.spec.containers", i)
		r.text(field+".name", refuseLabel(c.Name))
		if c.Image == "" {
			r(field+".image", "is missing, write for example %s", Image)
		}
		for j, p := range c.Ports {
			port := index(field+".ports", j)
			r.text(port+".containerPort", refusePort(int64(p.ContainerPort)))
			if p.Name != "" && !nameIANA.MatchString(p.Name) {
				r(port+".name", "%q is not a valid name, use lower-case letters, digits and '-', at most 15", clip(p.Name))
			}
		}
	}
}
