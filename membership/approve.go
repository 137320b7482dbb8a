package membership

import (
	"cmp"
	"context"
)

// Approved is what Approve did.
type Approved struct {
	Cluster    string `json:"cluster"`
	UID        string `json:"uid"`
	Kubernetes string `json:"kubernetes,omitempty"`
	Region     string `json:"region,omitempty"`
	Zone       string `json:"zone,omitempty"`
}

// Approve lets a member in that was invited and has introduced itself: from now on it is held to be the cluster that it said it is, reads
// the clusterset and writes its own records.
func Approve(ctx context.Context, h *Access, cluster, version string) (Approved, error) {
	r, err := Call(ctx, h, version)
	if err != nil {
		return Approved{}, err
	}
	if err := checkHub(r); err != nil {
		return Approved{}, err
	}
	if err := approvable(r, cluster); err != nil {
		return Approved{}, err
	}
	m := r.member(cluster)
	spec := *m.Spec.DeepCopy()
	spec.Pending, spec.ClusterUID = false, m.Status.ClusterUID
	spec.Region, spec.Zone = cmp.Or(spec.Region, m.Status.Region), cmp.Or(spec.Zone, m.Status.Zone)
	if err := h.enrol(ctx, spec); err != nil {
		return Approved{}, err
	}
	return Approved{Cluster: cluster, UID: spec.ClusterUID, Kubernetes: m.Status.Kubernetes, Region: spec.Region, Zone: spec.Zone}, nil
}
