package mcs

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
)

// ReasonInvalidService is the reason of Valid=False where the Service is of an exportable type, and yet importers would refuse its
// record. An API server does not let such a Service in; a file may hold one.
const ReasonInvalidService = "InvalidService"

// Export turns what a cluster knows of one exported name into the records that tell the others (M1 to M8).
//
// Nothing is exported without a ServiceExport (M3), nor while it is being deleted (M5). A Service of type NodePort or LoadBalancer is
// exported by its ports like any other (M8); ExternalName cannot be (M7). Labels and annotations come from the spec of the
// ServiceExport and from nowhere else (M6). Slices of names instead of addresses have no record.
func Export(src Source) Exported {
	if src.Export == nil || src.Export.DeletionTimestamp != nil {
		return Exported{}
	}
	if valid := validity(src); valid.Status != fleet.True {
		return Exported{Conditions: []fleet.Condition{valid}}
	}
	record := serviceRecord(src)
	if reason := ValidateRecord(record); reason != "" {
		return Exported{Conditions: []fleet.Condition{invalid(ReasonInvalidService, reason)}}
	}
	out := Exported{Record: record, Conditions: []fleet.Condition{{
		Type: string(mcsv1beta1.ServiceExportConditionValid), Status: fleet.True,
		Reason: string(mcsv1beta1.ServiceExportReasonValid), Message: "the Service can be exported",
	}}}
	for _, s := range src.Slices {
		if s.AddressType != discoveryv1.AddressTypeFQDN {
			out.Endpoints = append(out.Endpoints, endpointRecord(src, s))
		}
	}
	slices.SortFunc(out.Endpoints, func(a, b *v1alpha1.EndpointRecord) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// validity returns the condition Valid as far as the Service itself decides it.
func validity(src Source) fleet.Condition {
	name := fleet.Name{Namespace: src.Export.Namespace, Name: src.Export.Name}
	switch {
	case src.Service == nil:
		return invalid(string(mcsv1beta1.ServiceExportReasonNoService),
			fmt.Sprintf("there is no Service %s in this cluster: create it, or delete the ServiceExport", name))
	case src.Service.Spec.Type == corev1.ServiceTypeExternalName:
		return invalid(string(mcsv1beta1.ServiceExportReasonInvalidServiceType),
			fmt.Sprintf("spec.type of Service %s is ExternalName, which cannot be exported: use a Service with a selector or endpoint slices", name))
	}
	return fleet.Condition{Status: fleet.True}
}

func invalid(reason, message string) fleet.Condition {
	return fleet.Condition{Type: string(mcsv1beta1.ServiceExportConditionValid), Status: fleet.False, Reason: reason, Message: message}
}

func serviceRecord(src Source) *v1alpha1.ServiceRecord {
	spec := src.Service.Spec
	out := v1alpha1.ServiceRecordSpec{
		Cluster:               src.Cluster,
		Namespace:             src.Export.Namespace,
		Name:                  src.Export.Name,
		ExportedAt:            wholeSeconds(src.Export.CreationTimestamp),
		Headless:              spec.ClusterIP == corev1.ClusterIPNone,
		IPFamilies:            familiesOf(spec),
		SessionAffinity:       spec.SessionAffinity,
		SessionAffinityConfig: spec.SessionAffinityConfig.DeepCopy(),
		InternalTrafficPolicy: clone(spec.InternalTrafficPolicy),
		TrafficDistribution:   clone(spec.TrafficDistribution),
		ExportedLabels:        maps.Clone(src.Export.Spec.ExportedLabels),
		ExportedAnnotations:   maps.Clone(src.Export.Spec.ExportedAnnotations),
	}
	for _, p := range spec.Ports {
		out.Ports = append(out.Ports, v1alpha1.ServicePort{
			Name: p.Name, Protocol: cmp.Or(p.Protocol, corev1.ProtocolTCP), Port: p.Port, AppProtocol: clone(p.AppProtocol),
		})
	}
	return newServiceRecord(out)
}

func endpointRecord(src Source, s *discoveryv1.EndpointSlice) *v1alpha1.EndpointRecord {
	s = lean(s)
	return newEndpointRecord(v1alpha1.EndpointRecordSpec{
		Cluster:   src.Cluster,
		Namespace: src.Export.Namespace,
		Service:   src.Export.Name,
		Slice:     s.Name,
		Summary:   summary(s),
		Packed:    Pack(s),
	})
}

func newServiceRecord(spec v1alpha1.ServiceRecordSpec) *v1alpha1.ServiceRecord {
	return &v1alpha1.ServiceRecord{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: "ServiceRecord"},
		ObjectMeta: recordMeta(spec.Cluster, spec.Namespace, spec.Name),
		Spec:       spec,
	}
}

func newEndpointRecord(spec v1alpha1.EndpointRecordSpec) *v1alpha1.EndpointRecord {
	return &v1alpha1.EndpointRecord{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: "EndpointRecord"},
		ObjectMeta: recordMeta(spec.Cluster, spec.Namespace, spec.Service, spec.Slice),
		Spec:       spec,
	}
}

// recordMeta leaves the namespace empty: the hub's edge knows the member's.
func recordMeta(cluster, namespace, service string, slice ...string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: objectName(append([]string{namespace, service}, slice...)...),
		Labels: map[string]string{
			v1alpha1.LabelCluster:   cluster,
			v1alpha1.LabelNamespace: namespace,
			v1alpha1.LabelService:   service,
		},
	}
}

// summary reads like "3 endpoints, 2 ready, http:8080/TCP".
func summary(s *discoveryv1.EndpointSlice) string {
	ready := 0
	for _, e := range s.Endpoints {
		if orElse(e.Conditions.Ready, true) {
			ready++
		}
	}
	words := []string{plural(len(s.Endpoints), "endpoint"), fmt.Sprintf("%d ready", ready)}
	for _, p := range slicePorts(s) {
		words = append(words, p.String())
	}
	return strings.Join(words, ", ")
}

// familiesOf returns the families of a Service; of one that no API server has seen, those of its addresses.
func familiesOf(spec corev1.ServiceSpec) []corev1.IPFamily {
	if len(spec.IPFamilies) > 0 {
		return slices.Clone(spec.IPFamilies)
	}
	ips := spec.ClusterIPs
	if len(ips) == 0 {
		ips = []string{spec.ClusterIP}
	}
	var families []corev1.IPFamily
	for _, text := range ips {
		if ip, err := netip.ParseAddr(text); err == nil && !slices.Contains(families, familyOf(ip)) {
			families = append(families, familyOf(ip))
		}
	}
	return families
}

func familyOf(ip netip.Addr) corev1.IPFamily {
	if ip.Is4() {
		return corev1.IPv4Protocol
	}
	return corev1.IPv6Protocol
}

// wholeSeconds is what is left of a time once it has been written to an API server, so that a cluster's own record equals what others
// read of it. The zero time stays zero.
func wholeSeconds(t metav1.Time) metav1.Time {
	if t.IsZero() {
		return metav1.Time{}
	}
	return metav1.Time{Time: t.UTC().Truncate(time.Second)}
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

func orElse[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
