package kube

import (
	"cmp"
	"encoding/json"
	"hash/maphash"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// digest stands for what of an object is ours to say. Two objects of equal digests need no write. It is good within this process.
type digest uint64

var digestSeed = maphash.MakeSeed()

// sliceDigest covers all of an EndpointSlice that its writer says. A label that is not ours may turn kube-proxies away, so all count.
func sliceDigest(s *discoveryv1.EndpointSlice) digest {
	said := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Labels: s.Labels, Annotations: s.Annotations},
		AddressType: s.AddressType, Endpoints: s.Endpoints, Ports: s.Ports,
	}
	return bytesDigest(packed(said))
}

// serviceDigest covers what a derived Service says, with the API's defaults for what it does not. It leaves out the IPs, which are the API
// server's to give, and annotations of others: networks and clouds put their own on every Service.
func serviceDigest(s *corev1.Service) digest {
	said := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Labels: s.Labels, Annotations: ownAnnotations(s.Annotations)},
		Spec: corev1.ServiceSpec{
			Type:                     cmp.Or(s.Spec.Type, corev1.ServiceTypeClusterIP),
			Selector:                 s.Spec.Selector,
			ExternalIPs:              s.Spec.ExternalIPs,
			SessionAffinity:          cmp.Or(s.Spec.SessionAffinity, corev1.ServiceAffinityNone),
			SessionAffinityConfig:    s.Spec.SessionAffinityConfig,
			InternalTrafficPolicy:    s.Spec.InternalTrafficPolicy,
			TrafficDistribution:      s.Spec.TrafficDistribution,
			PublishNotReadyAddresses: s.Spec.PublishNotReadyAddresses,
		},
	}
	if said.Spec.InternalTrafficPolicy == nil {
		said.Spec.InternalTrafficPolicy = new(corev1.ServiceInternalTrafficPolicyCluster)
	}
	for _, p := range s.Spec.Ports {
		said.Spec.Ports = append(said.Spec.Ports, corev1.ServicePort{
			Name: p.Name, Protocol: cmp.Or(p.Protocol, corev1.ProtocolTCP), Port: p.Port, AppProtocol: p.AppProtocol,
		})
	}
	return bytesDigest(packed(said))
}

// ownAnnotations are those in whose names our group stands.
func ownAnnotations(all map[string]string) map[string]string {
	own := map[string]string{}
	for k, v := range all {
		if strings.HasPrefix(k, v1alpha1.Group+"/") {
			own[k] = v
		}
	}
	return own
}

// importDigest covers labels, annotations and spec of a ServiceImport: nobody else is to write them (M9).
func importDigest(si *mcsv1beta1.ServiceImport) digest {
	said := mcsv1beta1.ServiceImport{
		ObjectMeta: metav1.ObjectMeta{Labels: si.Labels, Annotations: si.Annotations}, Spec: si.Spec,
	}
	if len(said.Spec.Ports) == 0 {
		said.Spec.Ports = nil
	}
	return jsonDigest(said)
}

// importStatusDigest covers the status without its transition times.
func importStatusDigest(si *mcsv1beta1.ServiceImport) digest {
	said := *si.Status.DeepCopy()
	for i := range said.Conditions {
		said.Conditions[i].LastTransitionTime = metav1.Time{}
		said.Conditions[i].ObservedGeneration = 0
	}
	return jsonDigest(said)
}

func jsonDigest(v any) digest {
	b, err := json.Marshal(v)
	if err != nil {
		panic("kube: marshal what an API server sent: " + err.Error())
	}
	return bytesDigest(b)
}

func bytesDigest(b []byte) digest { return digest(maphash.Bytes(digestSeed, b)) }
