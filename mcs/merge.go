package mcs

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
)

// Merge makes one service of the records that clusters have of it (M4). Equal records give an equal service, in whatever order and
// however often they come: no cluster has to ask another one, and none leads.
//
// Precedence goes to the oldest export, among equally old ones to the lesser cluster id. How old an export can be is for Since to say. Ports are united (M20); every other
// property is taken from the oldest export (M21), for IP families from the oldest that names any. Each property on which exports
// disagree is a Conflict (M18). As an example:
//
//	west, the older:  http:80/TCP                     ClientIP
//	east:             http:8080/TCP, metrics:9090/TCP  None
//	merged:           http:80/TCP (west), metrics:9090/TCP (east), ClientIP
//	                  PortConflict, SessionAffinityConflict
//
// Of two records of one cluster the one that sorts first by export time and object name counts. Records of other services are passed
// over. Without any record there is no service: nil. Records are expected to have passed ValidateRecord; one that has not does no harm
// but to its own service.
//
// Nothing is remembered: when a conflict disappears, the service follows what the exports now agree on (M19 allows either), save what
// cannot be changed while it stands (Standing).
func Merge(name fleet.Name, records []*v1alpha1.ServiceRecord) *Merged {
	specs := precedence(name, records)
	if len(specs) == 0 {
		return nil
	}
	oldest := specs[0]
	m := &Merged{
		Name:                  name,
		Records:               specs,
		Headless:              oldest.Headless,
		IPFamilies:            slices.Clone(mergedFamilies(specs)),
		SessionAffinity:       affinityOf(*oldest),
		SessionAffinityConfig: affinityConfigOf(*oldest),
		InternalTrafficPolicy: clone(oldest.InternalTrafficPolicy),
		TrafficDistribution:   clone(oldest.TrafficDistribution),
		Labels:                maps.Clone(oldest.ExportedLabels),
		Annotations:           maps.Clone(oldest.ExportedAnnotations),
	}
	for _, s := range specs {
		m.Exporters = append(m.Exporters, Exporter{Cluster: s.Cluster, ExportedAt: s.ExportedAt.UTC()})
	}
	m.Ports = union(specs)
	m.Conflicts = conflicts(specs, m)
	return m
}

// precedence returns one spec per cluster, the one with the most to say first.
func precedence(name fleet.Name, records []*v1alpha1.ServiceRecord) []*v1alpha1.ServiceRecordSpec {
	own := make([]*v1alpha1.ServiceRecord, 0, len(records))
	for _, r := range records {
		if r != nil && r.Spec.Namespace == name.Namespace && r.Spec.Name == name.Name {
			own = append(own, r)
		}
	}
	slices.SortFunc(own, byPrecedence)
	seen := make(map[string]bool, len(own))
	specs := make([]*v1alpha1.ServiceRecordSpec, 0, len(own))
	for _, r := range own {
		if !seen[r.Spec.Cluster] {
			seen[r.Spec.Cluster] = true
			specs = append(specs, &r.Spec)
		}
	}
	return specs
}

// byPrecedence compares times in whole seconds, which is what an API server keeps of them.
func byPrecedence(a, b *v1alpha1.ServiceRecord) int {
	if d := cmp.Or(
		cmp.Compare(a.Spec.ExportedAt.Unix(), b.Spec.ExportedAt.Unix()),
		cmp.Compare(a.Spec.Cluster, b.Spec.Cluster),
		cmp.Compare(a.Name, b.Name),
	); d != 0 || a == b {
		return d
	}
	// Two records of one cluster under one name and of one age: any order will do as long as everybody has the same one.
	return cmp.Compare(text(a.Spec), text(b.Spec))
}

func text(spec v1alpha1.ServiceRecordSpec) string {
	b, err := json.Marshal(spec)
	if err != nil {
		panic("mcs: marshal a record: " + err.Error())
	}
	return string(b)
}

// mergedFamilies returns those of the oldest export that names any. They are not narrowed to what all exports have, as a newcomer would
// take addresses away from clients that use them (M10, M19).
func mergedFamilies(specs []*v1alpha1.ServiceRecordSpec) []corev1.IPFamily {
	for _, s := range specs {
		if len(s.IPFamilies) > 0 {
			return s.IPFamilies
		}
	}
	return nil
}

// The properties as they are to be compared and taken: with the API's defaults for what is not set.

func protocolOf(p v1alpha1.ServicePort) corev1.Protocol {
	return cmp.Or(p.Protocol, corev1.ProtocolTCP)
}

func affinityOf(s v1alpha1.ServiceRecordSpec) corev1.ServiceAffinity {
	return cmp.Or(s.SessionAffinity, corev1.ServiceAffinityNone)
}

// affinityConfigOf returns the configuration of an affinity by client, and nil for none.
func affinityConfigOf(s v1alpha1.ServiceRecordSpec) *corev1.SessionAffinityConfig {
	if affinityOf(s) == corev1.ServiceAffinityNone {
		return nil
	}
	t := timeoutOf(s)
	return &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: &t}}
}

func timeoutOf(s v1alpha1.ServiceRecordSpec) int32 {
	if c := s.SessionAffinityConfig; c != nil && c.ClientIP != nil && c.ClientIP.TimeoutSeconds != nil {
		return *c.ClientIP.TimeoutSeconds
	}
	return corev1.DefaultClientIPServiceAffinitySeconds
}

func internalPolicyOf(s v1alpha1.ServiceRecordSpec) corev1.ServiceInternalTrafficPolicy {
	return orElse(s.InternalTrafficPolicy, corev1.ServiceInternalTrafficPolicyCluster)
}

// distributionOf reads PreferClose as PreferSameZone, whose older name it is: KEP-3015.
func distributionOf(s v1alpha1.ServiceRecordSpec) string {
	d := orElse(s.TrafficDistribution, "")
	if d == corev1.ServiceTrafficDistributionPreferClose {
		return corev1.ServiceTrafficDistributionPreferSameZone
	}
	return d
}
