package mcs

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
)

// Source is what a cluster knows of one exported name. Service is nil where only the ServiceExport exists.
type Source struct {
	Cluster string
	Export  *mcsv1beta1.ServiceExport
	Service *corev1.Service
	Slices  []*discoveryv1.EndpointSlice // all slices of the Service, in any order
}

// Exported is what a Source becomes.
type Exported struct {
	// Record is nil where nothing is exported (M3, M7).
	Record *v1alpha1.ServiceRecord
	// Endpoints holds one record per slice, sorted by name.
	Endpoints []*v1alpha1.EndpointRecord
	// Conditions is Valid, with its reason. Empty where there is no ServiceExport.
	Conditions []fleet.Condition
}

// Merged is one service of the clusterset (M4), the same in every cluster that has equal records.
type Merged struct {
	Name     fleet.Name
	Headless bool
	Ports    []MergedPort
	// Exporters are the exporting clusters, oldest export first, ties by cluster id.
	Exporters []Exporter

	IPFamilies            []corev1.IPFamily
	SessionAffinity       corev1.ServiceAffinity
	SessionAffinityConfig *corev1.SessionAffinityConfig
	InternalTrafficPolicy *corev1.ServiceInternalTrafficPolicy
	TrafficDistribution   *string
	Labels, Annotations   map[string]string

	// Conflicts is empty where all exports agree. Sorted by reason.
	Conflicts []Conflict
	// Stays says what stays as it was although the oldest export says otherwise, and until when (Standing); empty: nothing.
	Stays string
	// Records are what was merged, one of each exporter, in their order.
	Records []*v1alpha1.ServiceRecordSpec
}

// ExportedBy says whether a cluster is one of the exporters.
func (m *Merged) ExportedBy(cluster string) bool {
	return slices.ContainsFunc(m.Exporters, func(e Exporter) bool { return e.Cluster == cluster })
}

// Exporter is one cluster that exports a merged service.
type Exporter struct {
	Cluster    string
	ExportedAt time.Time
}

// MergedPort is one port of the union (M20).
type MergedPort struct {
	fleet.Port
	// Sources maps each cluster that exposes this very port to the name that the port has in its slices.
	Sources map[string]string
}

// Conflict is one property on which exports disagree (M18).
type Conflict struct {
	Reason  string // a condition reason of mcs-api v1beta1, such as PortConflict
	Message string // who has what, and what was taken
}

// Imported is what a merged service becomes in one importing cluster.
type Imported struct {
	// Object is the ServiceImport, spec and status: what a controller would write.
	Object *mcsv1beta1.ServiceImport
	// Service carries the clusterset IP (M15): what a controller would write, without what the API server fills in. Its name is
	// DerivedName. Nil where the cluster speaks no family of the service; then nothing can be reached through the import, and nothing is kept of
	// its records for a restart.
	Service *corev1.Service
	// Slices are the EndpointSlices to write (M16): each of one source cluster, mapped one to one from its source slice, labelled,
	// without targetRef, foreign labels, foreign nodeName and foreign hints. Those of clusters whose verdict is draining or lost say
	// ready: false. They may share memory with what Import was given, and with each other: nobody changes them.
	Slices []*discoveryv1.EndpointSlice
	// ExportConditions are Ready and Conflict of this cluster's own ServiceExport; empty where it has none.
	ExportConditions []fleet.Condition
}
