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

// AnnotationReleased stands on a Member: when the operator last said that a mass withdrawal by it, which the others hold for a while, is
// meant. Each change of it releases what is held then.
const AnnotationReleased = "fairlead.dev/released"

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
// +kubebuilder:resource:categories=fairlead
// +kubebuilder:printcolumn:name="Region",type=string,JSONPath=`.spec.region`
// +kubebuilder:printcolumn:name="Zone",type=string,JSONPath=`.spec.zone`
// +kubebuilder:printcolumn:name="Pending",type=boolean,JSONPath=`.spec.pending`
// +kubebuilder:printcolumn:name="Drain",type=boolean,JSONPath=`.spec.drain`
// +kubebuilder:printcolumn:name="Leaving",type=boolean,JSONPath=`.spec.leaving`
// +kubebuilder:printcolumn:name="Exports",type=integer,JSONPath=`.status.marker.exports`
// +kubebuilder:printcolumn:name="Agent",type=string,JSONPath=`.status.agent`
// +kubebuilder:printcolumn:name="Kubernetes",type=string,JSONPath=`.status.kubernetes`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name == self.spec.cluster",message="metadata.name must be spec.cluster: a Member is named after its cluster"
type Member struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec   MemberSpec   `json:"spec,omitempty"`
	Status MemberStatus `json:"status,omitempty"`
}

// MemberSpec is what the fleet's operator decides of a member, and the member's own description.
//
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.clusterUID) || oldSelf.clusterUID.size() == 0 || (has(self.clusterUID) && self.clusterUID == oldSelf.clusterUID)",message="clusterUID is immutable once it is set: let the cluster leave, and the other one join"
type MemberSpec struct {
	// Cluster is the cluster id (KEP-2149): a DNS label, or two joined by a dot. Immutable.
	//
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)?$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cluster is immutable: a renamed cluster leaves and joins again"
	Cluster string `json:"cluster"`
	// +kubebuilder:validation:MaxLength=253
	Region string `json:"region,omitempty"`
	// +kubebuilder:validation:MaxLength=253
	Zone string `json:"zone,omitempty"`
	// Network is the network of its pods; empty means "default".
	//
	// +kubebuilder:validation:MaxLength=253
	Network string `json:"network,omitempty"`
	// +kubebuilder:validation:MaxProperties=64
	Properties map[string]string `json:"properties,omitempty"`
	// Beacons are the addresses (host:port) of at least two beacons on its data path, where they are fixed. Those that come and go are in
	// the status.
	//
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=300
	Beacons []string `json:"beacons,omitempty"`
	// ClusterUID is the uid of the member's namespace kube-system. It tells a renamed cluster, or another one of the same name, from
	// the one that joined. Empty until the member has joined.
	//
	// +kubebuilder:validation:MaxLength=64
	ClusterUID string `json:"clusterUID,omitempty"`
	// Pending says that the member was invited and not approved yet: it may introduce itself, and nobody takes its records.
	Pending bool `json:"pending,omitempty"`
	// Namespaces are those whose services it may export; empty: all.
	//
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:items:MaxLength=63
	// +listType=set
	Namespaces []string `json:"namespaces,omitempty"`
	// Drain takes all new traffic off the member, everywhere.
	Drain bool `json:"drain,omitempty"`
	// Leaving is the tombstone: the member has said goodbye, its records are to be removed.
	Leaving bool `json:"leaving,omitempty"`
}

// MemberStatus is what the member says of itself.
type MemberStatus struct {
	// Marker accounts for what the member exports, so that importers can tell empty from not seen.
	Marker Marker `json:"marker,omitempty"`
	// Beacons are the addresses (host:port) of the beacons that run now, besides those of the spec.
	//
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=300
	Beacons []string `json:"beacons,omitempty"`
	// ClusterUID is the uid of its namespace kube-system: what an invited member introduces itself by. An approval copies it to the spec.
	//
	// +kubebuilder:validation:MaxLength=64
	ClusterUID string `json:"clusterUID,omitempty"`
	// Region and Zone are those that all of its nodes agree on. An approval copies them to the spec where that has none.
	//
	// +kubebuilder:validation:MaxLength=253
	Region string `json:"region,omitempty"`
	// +kubebuilder:validation:MaxLength=253
	Zone string `json:"zone,omitempty"`
	// Kubernetes is the version of its API server, Agent that of its Fairlead agent.
	//
	// +kubebuilder:validation:MaxLength=128
	Kubernetes string `json:"kubernetes,omitempty"`
	// +kubebuilder:validation:MaxLength=128
	Agent string `json:"agent,omitempty"`
	// ServiceRanges and PodRanges are the CIDRs of its cluster IPs and pods, as far as it knows them. Nobody takes an endpoint in a
	// service range: it means nothing outside of its cluster.
	//
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=64
	ServiceRanges []string `json:"serviceRanges,omitempty"`
	// +kubebuilder:validation:MaxItems=10000
	// +kubebuilder:validation:items:MaxLength=64
	PodRanges []string `json:"podRanges,omitempty"`
}

// Marker is a member's account of its own records. It is written after the records that it counts are written, and before a
// record that it names as withdrawn is deleted.
type Marker struct {
	// Term grows by one whenever another replica of the member becomes the writer.
	//
	// +kubebuilder:validation:Minimum=0
	Term int64 `json:"term,omitempty"`
	// Sequence grows by one with every change of the marker.
	//
	// +kubebuilder:validation:Minimum=0
	Sequence int64 `json:"sequence,omitempty"`
	// Exports counts the member's ServiceRecords, Slices its EndpointRecords.
	//
	// +kubebuilder:validation:Minimum=0
	Exports int32 `json:"exports"`
	// +kubebuilder:validation:Minimum=0
	Slices int32 `json:"slices"`
	// Withdrawing names the records (object names) that are being deleted on purpose.
	//
	// +kubebuilder:validation:MaxItems=20000
	// +kubebuilder:validation:items:MaxLength=63
	Withdrawing []string `json:"withdrawing,omitempty"`
	// Namespaces accounts for the records by the namespace of their services. An importer sees the records of its own namespaces only,
	// so the totals cannot explain to it what it does not see, and this can: the records of a namespace are all seen when number and
	// digest agree. A namespace that is not named has none. Nil, the marker was written by an agent that kept totals only.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=20000
	Namespaces map[string]Account `json:"namespaces,omitempty"`
}

// Account counts the records of one namespace, and tells by a digest which ones they are.
type Account struct {
	// +kubebuilder:validation:Minimum=0
	Exports int32 `json:"exports"`
	// +kubebuilder:validation:Minimum=0
	Slices int32 `json:"slices,omitempty"`
	// Digest is made from the names of all these records: see RecordDigest.
	//
	// +kubebuilder:validation:MaxLength=16
	Digest string `json:"digest,omitempty"`
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
// +kubebuilder:resource:shortName=srec,categories=fairlead
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.cluster`
// +kubebuilder:printcolumn:name="Service-Namespace",type=string,JSONPath=`.spec.namespace`
// +kubebuilder:printcolumn:name="Service",type=string,JSONPath=`.spec.name`
// +kubebuilder:printcolumn:name="Headless",type=boolean,JSONPath=`.spec.headless`
// +kubebuilder:printcolumn:name="Exported",type=date,JSONPath=`.spec.exportedAt`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ServiceRecord struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ServiceRecordSpec `json:"spec"`
}

// ServiceRecordSpec is what the other clusters must know of the service.
type ServiceRecordSpec struct {
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cluster is immutable: it identifies the record"
	Cluster string `json:"cluster"`
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="namespace is immutable: it identifies the record"
	Namespace string `json:"namespace"`
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="name is immutable: it identifies the record"
	Name string `json:"name"`
	// ExportedAt is the creation time of the ServiceExport: the oldest export wins conflicts (KEP-1645).
	ExportedAt metav1.Time `json:"exportedAt"`
	// Headless says that the service has no cluster IP.
	Headless bool `json:"headless,omitempty"`
	// Ports are the ports of the Service. An EndpointSlice port belongs to the port of the same name.
	//
	// +kubebuilder:validation:MaxItems=250
	Ports []ServicePort `json:"ports,omitempty"`
	// +kubebuilder:validation:MaxItems=2
	IPFamilies []corev1.IPFamily `json:"ipFamilies,omitempty"`
	// +kubebuilder:validation:Enum=None;ClientIP
	SessionAffinity       corev1.ServiceAffinity        `json:"sessionAffinity,omitempty"`
	SessionAffinityConfig *corev1.SessionAffinityConfig `json:"sessionAffinityConfig,omitempty"`
	// +kubebuilder:validation:Enum=Cluster;Local
	InternalTrafficPolicy *corev1.ServiceInternalTrafficPolicy `json:"internalTrafficPolicy,omitempty"`
	// +kubebuilder:validation:MaxLength=317
	TrafficDistribution *string `json:"trafficDistribution,omitempty"`
	// +kubebuilder:validation:MaxProperties=1000
	ExportedLabels map[string]string `json:"exportedLabels,omitempty"`
	// +kubebuilder:validation:MaxProperties=1000
	ExportedAnnotations map[string]string `json:"exportedAnnotations,omitempty"`
}

// ServicePort is one port of an exported service.
type ServicePort struct {
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`
	// +kubebuilder:validation:Enum=TCP;UDP;SCTP
	Protocol corev1.Protocol `json:"protocol,omitempty"`
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// +kubebuilder:validation:MaxLength=317
	AppProtocol *string `json:"appProtocol,omitempty"`
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
// +kubebuilder:resource:shortName=erec,categories=fairlead
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.cluster`
// +kubebuilder:printcolumn:name="Service-Namespace",type=string,JSONPath=`.spec.namespace`
// +kubebuilder:printcolumn:name="Service",type=string,JSONPath=`.spec.service`
// +kubebuilder:printcolumn:name="Summary",type=string,JSONPath=`.spec.summary`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type EndpointRecord struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec EndpointRecordSpec `json:"spec"`
}

// EndpointRecordSpec is a slice, packed, beside a summary that a person can read.
type EndpointRecordSpec struct {
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cluster is immutable: it identifies the record"
	Cluster string `json:"cluster"`
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="namespace is immutable: it identifies the record"
	Namespace string `json:"namespace"`
	// Service is the name of the Service, Slice that of the EndpointSlice.
	//
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="service is immutable: it identifies the record"
	Service string `json:"service"`
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="slice is immutable: it identifies the record"
	Slice string `json:"slice"`
	// Summary reads like "3 endpoints, 2 ready, http:8080/TCP".
	//
	// +kubebuilder:validation:MaxLength=16384
	Summary string `json:"summary,omitempty"`
	// Packed is a discovery.k8s.io/v1 EndpointSlice in protobuf, compressed with zstd: at most 128 KiB, and at most 8 MiB unpacked.
	//
	// +kubebuilder:validation:MaxLength=174764
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
