package mcs

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
)

// Restore reads the other clusters' records back from the objects that Import made of them: the derived Service of one import, or nil, and
// its EndpointSlices. Their names and labels are those that Export gave them, so that they are recognised when the hub tells them again. Own
// records are passed over: they come from the own cluster's objects.
//
// Whatever cannot be read, or would be refused from the hub, is passed over too: people edit annotations.
func Restore(service *corev1.Service, slices []*discoveryv1.EndpointSlice, own string) (records []*v1alpha1.ServiceRecord, endpoints []*v1alpha1.EndpointRecord) {
	if service != nil {
		records = restoreRecords(service, own)
	}
	for _, s := range slices {
		if r := restoreEndpoints(s, own); r != nil {
			endpoints = append(endpoints, r)
		}
	}
	return records, endpoints
}

func restoreRecords(service *corev1.Service, own string) (records []*v1alpha1.ServiceRecord) {
	name := fleet.Name{Namespace: service.Namespace, Name: service.Labels[mcsv1beta1.LabelServiceName]}
	seen := map[string]bool{own: true}
	for _, spec := range readRecords(service.Annotations[AnnotationRecords]) {
		if (fleet.Name{Namespace: spec.Namespace, Name: spec.Name}) != name || seen[spec.Cluster] {
			continue
		}
		spec.ExportedAt = wholeSeconds(spec.ExportedAt)
		if r := newServiceRecord(spec); ValidateRecord(r) == "" {
			seen[spec.Cluster] = true
			records = append(records, r)
		}
	}
	return records
}

// readRecords reads what KeepRecords wrote.
func readRecords(kept string) (specs []v1alpha1.ServiceRecordSpec) {
	text := []byte(kept)
	if !strings.HasPrefix(kept, "[") {
		packed, err := base64.StdEncoding.DecodeString(kept)
		if err != nil {
			return nil
		}
		if text, err = decompressor().DecodeAll(packed, nil); err != nil {
			return nil
		}
	}
	if json.Unmarshal(text, &specs) != nil {
		return nil
	}
	return specs
}

func restoreEndpoints(s *discoveryv1.EndpointSlice, own string) *v1alpha1.EndpointRecord {
	packed, err := base64.StdEncoding.DecodeString(s.Annotations[AnnotationRecord])
	cluster := s.Labels[mcsv1beta1.LabelSourceCluster]
	if err != nil || len(packed) == 0 || cluster == own {
		return nil
	}
	r := newEndpointRecord(v1alpha1.EndpointRecordSpec{
		Cluster: cluster, Namespace: s.Namespace, Service: s.Labels[mcsv1beta1.LabelServiceName],
		Slice: s.Annotations[AnnotationSourceSlice], Packed: packed,
	})
	source, reason := open(r)
	if reason != "" {
		return nil
	}
	r.Spec.Summary = summary(source)
	return r
}
