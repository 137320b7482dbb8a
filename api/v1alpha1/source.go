package v1alpha1

// FromCluster is an object that one cluster says of itself: each kind of this package.
//
// +kubebuilder:object:generate=false
type FromCluster interface {
	// SourceCluster returns the id of that cluster.
	SourceCluster() string
}

// SourceCluster implements FromCluster.
func (m *Member) SourceCluster() string { return m.Spec.Cluster }

// SourceCluster implements FromCluster.
func (r *ServiceRecord) SourceCluster() string { return r.Spec.Cluster }

// SourceCluster implements FromCluster.
func (r *EndpointRecord) SourceCluster() string { return r.Spec.Cluster }
