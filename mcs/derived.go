package mcs

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// LabelManagedBy says with the value ManagedBy that a derived Service is ours.
const LabelManagedBy = "app.kubernetes.io/managed-by"

// DerivedName returns the name of the Service that carries the clusterset IP of an imported service, in the same namespace. Its
// EndpointSlices bear it in the label kubernetes.io/service-name, so that every kube-proxy knows them. It is a DNS label whatever
// the service's name is, and that of another service for no two names.
func DerivedName(service string) string { return "fairlead-" + hashOf(service) }

// derivedService returns the Service that makes the clusterset IP answer (M15), without a selector: its slices are those of the import.
// It has the IPs that are known already, so that a Service which was deleted by mistake comes back with them (M10). What it says of
// affinity and policies is what was merged (M13).
//
// Nil where the cluster speaks no family of the service: there would be nothing that it could carry.
func derivedService(in ImportInput, families []corev1.IPFamily, ips []netip.Addr) *corev1.Service {
	m := in.Merged
	if len(families) == 0 && len(m.IPFamilies) > 0 {
		return nil
	}
	s := &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: m.Name.Namespace, Name: DerivedName(m.Name.Name),
			Labels: map[string]string{LabelManagedBy: ManagedBy, mcsv1beta1.LabelServiceName: m.Name.Name},
		},
		Spec: corev1.ServiceSpec{
			Type:                  corev1.ServiceTypeClusterIP,
			Ports:                 derivedPorts(m.Ports),
			IPFamilies:            slices.Clone(families),
			SessionAffinity:       m.SessionAffinity,
			SessionAffinityConfig: m.SessionAffinityConfig.DeepCopy(),
			InternalTrafficPolicy: clone(m.InternalTrafficPolicy),
			TrafficDistribution:   clone(m.TrafficDistribution),
		},
	}
	if in.Records != "" {
		s.Annotations = map[string]string{AnnotationRecords: in.Records}
	}
	switch len(families) {
	case 0:
	case 1:
		s.Spec.IPFamilyPolicy = new(corev1.IPFamilyPolicySingleStack)
	default:
		s.Spec.IPFamilyPolicy = new(corev1.IPFamilyPolicyRequireDualStack)
	}
	if s.Spec.ClusterIPs = knownIPs(m.Headless, families, ips); len(s.Spec.ClusterIPs) > 0 {
		s.Spec.ClusterIP = s.Spec.ClusterIPs[0]
	}
	return s
}

// knownIPs returns the IPs of the first families, as far as they are known: an API server takes the second only after the first.
func knownIPs(headless bool, families []corev1.IPFamily, ips []netip.Addr) (known []string) {
	if headless {
		return []string{corev1.ClusterIPNone}
	}
	for i, ip := range ips {
		if i >= len(families) || familyOf(ip) != families[i] {
			break
		}
		known = append(known, ip.String())
	}
	return known
}

func derivedPorts(merged []MergedPort) []corev1.ServicePort {
	ports := make([]corev1.ServicePort, 0, len(merged))
	for i, p := range merged {
		port := corev1.ServicePort{Name: carriedName(merged, i), Protocol: corev1.Protocol(p.Protocol), Port: int32(p.Port.Port)}
		if p.AppProtocol != "" {
			port.AppProtocol = clone(&p.AppProtocol)
		}
		ports = append(ports, port)
	}
	return ports
}

// carriedName returns the name of a merged port in the derived Service and in the slices. It is the name that the ServiceImport has, save
// that a Service of several ports must name each: one without a name, beside others, is called after its number, like port-80-tcp.
func carriedName(ports []MergedPort, i int) string {
	p := ports[i]
	if p.Name != "" || len(ports) == 1 {
		return p.Name
	}
	base := fmt.Sprintf("port-%d-%s", p.Port.Port, strings.ToLower(string(p.Protocol)))
	name := base
	for n := 2; slices.ContainsFunc(ports, func(other MergedPort) bool { return other.Name == name }); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// carriedNames returns the carried name of each port.
func carriedNames(ports []MergedPort) []string {
	names := make([]string, len(ports))
	for i := range ports {
		names[i] = carriedName(ports, i)
	}
	return names
}
