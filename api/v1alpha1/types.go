// Package v1alpha1 is group fairlead.dev: the kinds that no standard has. They live on the hub, in the namespace of the member
// that they belong to.
//
//   - Member: one cluster of the clusterset, its approval, drain and departure.
//   - ServiceRecord: the header of one exported service of one member.
//   - EndpointRecord: one EndpointSlice of one exported service of one member.
//
// A member writes its own records and nobody else's; importers validate everything (package mcs).
//
// +kubebuilder:object:generate=true
// +groupName=fairlead.dev
package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Group and Version of the kinds in this package.
const (
	Group      = "fairlead.dev"
	Version    = "v1alpha1"
	APIVersion = Group + "/" + Version
)

// Labels on records, by which they are selected. The values repeat spec fields, which are what counts.
const (
	LabelCluster   = "fairlead.dev/cluster"
	LabelNamespace = "fairlead.dev/namespace"
	LabelService   = "fairlead.dev/service"
)

// Properties of a ClusterProfile that Fairlead reads.
const (
	PropertyRegion  = "topology.kubernetes.io/region"
	PropertyZone    = "topology.kubernetes.io/zone"
	PropertyNetwork = "fairlead.dev/network"
	// PropertyAddress is the address on which the cluster's gateways, DNS and beacons are reached.
	PropertyAddress = "fairlead.dev/address"
)

// Member is one cluster of the clusterset. It stands in the member's namespace on the hub, under the cluster's name.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
type Member struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   MemberSpec   `json:"spec,omitempty"`
	Status MemberStatus `json:"status,omitempty"`
}

// MemberSpec is what the fleet's operator decides of a member, and the member's own description.
type MemberSpec struct {
	// Cluster is the cluster id (KEP-2149), immutable.
	Cluster string `json:"cluster"`
	Region  string `json:"region,omitempty"`
	Zone    string `json:"zone,omitempty"`
	// Network is the network of its pods; empty means "default".
	Network    string            `json:"network,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
	// Beacons are the addresses (host:port) of at least two beacons on its data path.
	Beacons []string `json:"beacons,omitempty"`
	// Drain takes all new traffic off the member, everywhere.
	Drain bool `json:"drain,omitempty"`
	// Leaving is the tombstone: the member has said goodbye, its records are to be removed.
	Leaving bool `json:"leaving,omitempty"`
}

// MemberStatus is written by the member: its marker.
type MemberStatus struct {
	// Marker accounts for what the member exports, so that importers can tell empty from not seen.
	Marker Marker `json:"marker,omitempty"`
}

// Marker is a member's account of its own records. It is written after the records that it counts are written, and before a
// record that it names as withdrawn is deleted.
type Marker struct {
	// Term grows by one whenever another replica of the member becomes the writer.
	Term int64 `json:"term,omitempty"`
	// Sequence grows by one with every change of the marker.
	Sequence int64 `json:"sequence,omitempty"`
	// Exports counts the member's ServiceRecords, Slices its EndpointRecords.
	Exports int32 `json:"exports"`
	Slices  int32 `json:"slices"`
	// Withdrawing names the records (object names) that are being deleted on purpose.
	Withdrawing []string `json:"withdrawing,omitempty"`
}

// MemberList is a list of Members.
//
// +kubebuilder:object:root=true
type MemberList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Member `json:"items"`
}

// ServiceRecord is the header of one exported service of one member.
//
// +kubebuilder:object:root=true
type ServiceRecord struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ServiceRecordSpec `json:"spec"`
}

// ServiceRecordSpec is what the other clusters must know of the service.
type ServiceRecordSpec struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// ExportedAt is the creation time of the ServiceExport: the oldest export wins conflicts (KEP-1645).
	ExportedAt metav1.Time `json:"exportedAt"`
	// Headless says that the service has no cluster IP.
	Headless bool `json:"headless,omitempty"`
	// Ports are the ports of the Service. An EndpointSlice port belongs to the port of the same name.
	Ports                 []ServicePort                        `json:"ports,omitempty"`
	IPFamilies            []corev1.IPFamily                    `json:"ipFamilies,omitempty"`
	SessionAffinity       corev1.ServiceAffinity               `json:"sessionAffinity,omitempty"`
	SessionAffinityConfig *corev1.SessionAffinityConfig        `json:"sessionAffinityConfig,omitempty"`
	InternalTrafficPolicy *corev1.ServiceInternalTrafficPolicy `json:"internalTrafficPolicy,omitempty"`
	TrafficDistribution   *string                              `json:"trafficDistribution,omitempty"`
	ExportedLabels        map[string]string                    `json:"exportedLabels,omitempty"`
	ExportedAnnotations   map[string]string                    `json:"exportedAnnotations,omitempty"`
}

// ServicePort is one port of an exported service.
type ServicePort struct {
	Name        string          `json:"name,omitempty"`
	Protocol    corev1.Protocol `json:"protocol,omitempty"`
	Port        int32           `json:"port"`
	AppProtocol *string         `json:"appProtocol,omitempty"`
}

// ServiceRecordList is a list of ServiceRecords.
//
// +kubebuilder:object:root=true
type ServiceRecordList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ServiceRecord `json:"items"`
}

// EndpointRecord is one EndpointSlice of an exported service, one to one.
//
// +kubebuilder:object:root=true
type EndpointRecord struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec EndpointRecordSpec `json:"spec"`
}

// EndpointRecordSpec is a slice, packed, beside a summary that a person can read.
type EndpointRecordSpec struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	// Service is the name of the Service, Slice that of the EndpointSlice.
	Service string `json:"service"`
	Slice   string `json:"slice"`
	// Summary reads like "3 endpoints, 2 ready, http:8080/TCP".
	Summary string `json:"summary,omitempty"`
	// Packed is a discovery.k8s.io/v1 EndpointSlice in protobuf, compressed with zstd: at most 1 MiB, and at most 8 MiB unpacked.
	Packed []byte `json:"packed"`
}

// EndpointRecordList is a list of EndpointRecords.
//
// +kubebuilder:object:root=true
type EndpointRecordList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []EndpointRecord `json:"items"`
}
