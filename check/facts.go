package check

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/dns/stub"
)

// Facts are what was gathered of one cluster, of the hub, and of the paths from it.
type Facts struct {
	Cluster Cluster
	// Hub is nil where none was named.
	Hub *Hub
	// Neighbours are the other clusters that were named, whether they are members or not.
	Neighbours []Neighbour
	// Walks are what pods saw, one of each cluster that was named.
	Walks []Walked
	// Unread is what could not be read.
	Unread []Unread
}

// Unread is something that could not be read.
type Unread struct{ What, Err string }

// Cluster is what is known of the cluster that is checked. A list that could not be read is empty, and in Facts.Unread.
type Cluster struct {
	// Context is what the operator's kubeconfig calls it.
	Context string
	// ID is its cluster id, empty before it has joined; UID that of its namespace kube-system.
	ID, UID string
	// Joined says that the agent is installed there.
	Joined bool
	// HubServer is the URL by which its agent reaches the hub; empty before it has joined.
	HubServer string
	// Network is the network of its pods; empty: "default".
	Network                  string
	Kubernetes               string
	PodRanges, ServiceRanges []netip.Prefix
	CRDs                     []CRD
	Controllers              []Controller
	// Imports counts the ServiceImports that somebody else keeps, by who does.
	Imports map[string]int
	// Policies are those in the namespaces where they can be in the way: Fairlead's own, and those with exports.
	Policies []networkingv1.NetworkPolicy
	// Denied are the permissions that the operator lacks.
	Denied []Permission
	// Resolvers are the cluster's; none where it has no CoreDNS. Server is the address of Fairlead's DNS servers.
	Resolvers []stub.Resolver
	Server    netip.Addr
	// Resolution is what the cluster's own resolver said; nil where it was not asked.
	Resolution *Resolution
}

// Neighbour is another cluster that the cluster is compared with.
type Neighbour struct {
	Name, UID                string
	PodRanges, ServiceRanges []netip.Prefix
}

// Hub is what is known of the hub.
type Hub struct {
	Context    string
	Kubernetes string
	// Installed says that the hub's kinds are served there.
	Installed bool
	Members   []v1alpha1.Member
	Denied    []Permission
	// Skew is how far the cluster's clock is ahead of the hub's, as far as the two could be compared.
	Skew      time.Duration
	SkewKnown bool
}

// CRD is a kind of the Multi-Cluster Services API that is served in the cluster.
type CRD struct {
	Name   string
	Served []string
}

// Controller is another product that is known to keep the same kinds or to serve the same names.
type Controller struct {
	Product string
	// Where is the object by which it was recognised.
	Where string
	// Does says what it does that cannot be done twice.
	Does string
}

// Permission is something that the operator would have to be allowed to do.
type Permission struct {
	Verb, Resource, Namespace string
}

// Walked is what a pod in one cluster saw.
type Walked struct {
	From string
	// Err says why no pod of it could be sent.
	Err string
	Report
}

// member returns the Member of the cluster that is checked, nil if there is none.
func (f *Facts) member() *v1alpha1.Member {
	if f.Hub == nil {
		return nil
	}
	for i := range f.Hub.Members {
		if m := &f.Hub.Members[i]; f.own(m) {
			return m
		}
	}
	return nil
}

func (f *Facts) own(m *v1alpha1.Member) bool {
	if f.Cluster.ID != "" {
		return m.Spec.Cluster == f.Cluster.ID
	}
	return m.Spec.ClusterUID != "" && m.Spec.ClusterUID == f.Cluster.UID
}

// Beacons are those that the other members on the cluster's network have.
func (f *Facts) Beacons() (all []Target) {
	for _, m := range f.near() {
		for _, address := range slices.Concat(m.Spec.Beacons, m.Status.Beacons) {
			all = append(all, Target{To: m.Spec.Cluster, Address: address})
		}
	}
	return all
}

// near returns the other members whose pods are on the cluster's network.
func (f *Facts) near() []*v1alpha1.Member {
	return slices.DeleteFunc(f.others(), func(m *v1alpha1.Member) bool {
		return cmp.Or(m.Spec.Network, "default") != cmp.Or(f.Cluster.Network, "default")
	})
}

// neighbours returns all that the cluster shares a network with: the other members, and the clusters that were named and are not among
// them.
func (f *Facts) neighbours() (all []Neighbour) {
	known := map[string]bool{"": false, f.Cluster.UID: true}
	for _, m := range f.near() {
		known[m.Spec.ClusterUID] = m.Spec.ClusterUID != ""
		all = append(all, Neighbour{m.Spec.Cluster, m.Spec.ClusterUID, prefixes(m.Status.PodRanges), prefixes(m.Status.ServiceRanges)})
	}
	for _, n := range f.Neighbours {
		if !known[n.UID] {
			all = append(all, n)
		}
	}
	return all
}

// others returns the members beside the cluster, those aside that are leaving.
func (f *Facts) others() (all []*v1alpha1.Member) {
	if f.Hub == nil {
		return nil
	}
	for i := range f.Hub.Members {
		if m := &f.Hub.Members[i]; !f.own(m) && !m.Spec.Leaving {
			all = append(all, m)
		}
	}
	return all
}
