// Package v1beta1 is the About API of KEP-2149, group about.k8s.io: ClusterProperty. The upstream module cannot be verified
// against the checksum database, so its one small kind is declared here, with the same wire form.
//
// +kubebuilder:object:generate=true
// +groupName=about.k8s.io
package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// The well-known properties (KEP-2149).
const (
	// ClusterName is the property that names the cluster within its clusterset: unique, immutable during membership.
	ClusterName = "cluster.clusterset.k8s.io"
	// ClusterSet is the property that names the clusterset: immutable, present during membership only.
	ClusterSet = "clusterset.k8s.io"
)

// ClusterProperty is one named fact about the cluster that holds it. Cluster-scoped.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:metadata:annotations="api-approved.kubernetes.io=https://github.com/kubernetes/enhancements/tree/master/keps/sig-multicluster/2149-clusterid"
// +kubebuilder:printcolumn:name="Value",type=string,JSONPath=`.spec.value`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ClusterProperty struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ClusterPropertySpec `json:"spec"`
}

// ClusterPropertySpec is the value of a property.
type ClusterPropertySpec struct {
	// Value is the property's value: at most 128 thousand characters.
	// +kubebuilder:validation:MaxLength=128000
	// +kubebuilder:validation:MinLength=1
	Value string `json:"value"`
}

// ClusterPropertyList is a list of ClusterProperties.
//
// +kubebuilder:object:root=true
type ClusterPropertyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterProperty `json:"items"`
}
