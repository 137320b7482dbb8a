package folder

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventory "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/picture"
)

// Facts returns what the cluster's centre is to know: the objects that it reads, the namespaces that they stand in, and the slices
// of the given pods (EndpointSlices). Kubernetes wants a namespace to exist first; here it exists because something stands in it,
// and "default" always does.
func (c *Cluster) Facts(pods []Pod) []picture.Fact {
	var facts []picture.Fact
	named, declared := map[string]bool{metav1.NamespaceDefault: true}, map[string]bool{}
	for _, o := range c.Objects {
		switch m := o.Manifest.(type) {
		case *corev1.Namespace:
			declared[m.Name] = true
			facts = append(facts, m)
		case *corev1.Service, *corev1.Secret, *discoveryv1.EndpointSlice, *mcsv1beta1.ServiceExport, *gatewayv1.Gateway, *gatewayv1.HTTPRoute,
			*gatewayv1.ReferenceGrant:
			facts = append(facts, m)
		}
		if _, inventoried := o.Manifest.(*inventory.ClusterProfile); !inventoried && o.GetNamespace() != "" {
			named[o.GetNamespace()] = true
		}
	}
	for name := range named {
		if !declared[name] {
			facts = append(facts, implicitNamespace(name))
		}
	}
	for _, s := range EndpointSlices(slices.Collect(All[*corev1.Service](c)), pods) {
		facts = append(facts, s)
	}
	slices.SortStableFunc(facts, func(a, b picture.Fact) int { return compareKeys(picture.KeyOf(a), picture.KeyOf(b)) })
	return facts
}

func compareKeys(a, b picture.Key) int {
	switch {
	case a == b:
		return 0
	case a.String() < b.String():
		return -1
	}
	return 1
}

func implicitNamespace(name string) *corev1.Namespace {
	ns := &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1},
	}
	setDefaults(ns)
	return ns
}

// Vantage returns from where the cluster sees, with no policy set.
func (c *Cluster) Vantage() picture.Vantage {
	return picture.Vantage{
		Cluster:       c.Cluster,
		Addresses:     []netip.Addr{c.Address},
		ServiceRanges: []netip.Prefix{c.ServiceRange()},
	}
}
