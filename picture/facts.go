package picture

import (
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/balance"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/route"
)

// Vantage is from where a picture is seen: the cluster and what its operator set. It does not change while a Centre lives.
type Vantage struct {
	fleet.Cluster
	// Addresses are where Gateways listen that name no address.
	Addresses []netip.Addr
	// Families are those of the cluster's Services, primary first, where an API server allocates their IPs: a real cluster. Then
	// clusterset IPs are those of derived Services (Derived), and the objects of an import keep what a restart needs (mcs.Restore).
	Families []corev1.IPFamily
	// ServiceRanges are the ranges of the cluster's service IPs. Without Families, clusterset IPs are taken from them, one per family,
	// primary first. No endpoint of another cluster is taken there.
	ServiceRanges []netip.Prefix
	Health        health.Policy
	Balance       balance.Policy
}

// Fact is one thing observed: a Kubernetes object of the own cluster, a record of another one, or a probe's result. It is one of
//
//	*corev1.Namespace, *corev1.Service, *corev1.Secret, *discoveryv1.EndpointSlice, *mcsv1beta1.ServiceExport,
//	*gatewayv1.Gateway, *gatewayv1.HTTPRoute, *gatewayv1.ReferenceGrant      of the own cluster
//	*v1alpha1.Member, *v1alpha1.ServiceRecord, *v1alpha1.EndpointRecord     from the hub
//	*Observed, *Derived, *Complaint, *Unopened                              from the edges
//
// and belongs to the centre once it was given: nobody changes it any more.
type Fact any

// Observed is what this vantage saw of one cluster.
type Observed struct {
	Cluster string
	// MarkerSeen is when the member's marker was last seen to change, on the observer's clock; zero: never.
	MarkerSeen time.Time
	Probes     []health.Probe
	// Released is the operator's word that a braked mass withdrawal may go on.
	Released bool
}

// Derived is what the own cluster's API server made of the derived Service of an imported one: of the Service mcs.DerivedName, which
// picture.Service has in Imported.
type Derived struct {
	// Service is the imported service, not the derived one.
	Service fleet.Name
	// IPs, Headless and Families are what stands. Where nothing does, Families is empty, and IPs are those to ask for again, if any.
	IPs      []netip.Addr
	Headless bool
	Families []corev1.IPFamily
	// Refused is why the API server does not take what the picture wants; it may be so while something older stands.
	Refused string
}

// Complaint is something that an edge could not read; it is shown with what was rejected. An object that is complained of may
// still be there in its last good state.
type Complaint struct {
	Object  fleet.Ref
	Where   string // file:line, or empty
	Message string
}

// Unopened is an address of a Gateway that the data plane could not open, with the reason and the remedy.
type Unopened struct {
	Server  route.ServerID
	Message string
}

// Unwatched stands in a Change in place of a record of another cluster: the record is not watched any more, as nothing of its namespace is
// imported here. Whether it still exists is not known and does not matter: it is forgotten, and its absence needs no explanation.
type Unwatched struct{}

// Change is a fact that is now so, or with a nil Fact, one that is gone.
type Change struct {
	Key  Key
	Fact Fact
}

// Key names a fact or a computed value: a kind and a path of words, most significant first, compared word by word.
type Key struct {
	Kind Kind
	// Path is words joined by slashes; what they are depends on the kind.
	Path string
}

// String returns kind/path.
func (k Key) String() string { return string(k.Kind) + "/" + k.Path }

// Kind is the kind of a fact or of a computed value.
type Kind string

// KeyOf returns the key of a fact. It panics on a type that is no fact: our bug.
func KeyOf(f Fact) Key {
	switch f := f.(type) {
	case *corev1.Namespace:
		return Key{"Namespace", f.Name}
	case *corev1.Service:
		return Key{"Service", f.Namespace + "/" + f.Name}
	case *corev1.Secret:
		return Key{"Secret", f.Namespace + "/" + f.Name}
	case *discoveryv1.EndpointSlice:
		return Key{"EndpointSlice", f.Namespace + "/" + f.Labels[discoveryv1.LabelServiceName] + "/" + f.Name}
	case *mcsv1beta1.ServiceExport:
		return Key{"ServiceExport", f.Namespace + "/" + f.Name}
	case *gatewayv1.Gateway:
		return Key{"Gateway", f.Namespace + "/" + f.Name}
	case *gatewayv1.HTTPRoute:
		return Key{"HTTPRoute", f.Namespace + "/" + f.Name}
	case *gatewayv1.ReferenceGrant:
		return Key{"ReferenceGrant", f.Namespace + "/" + f.Name}
	case *v1alpha1.Member:
		return Key{"Member", f.Spec.Cluster}
	case *v1alpha1.ServiceRecord:
		return Key{"ServiceRecord", f.Spec.Namespace + "/" + f.Spec.Name + "/" + f.Spec.Cluster}
	case *v1alpha1.EndpointRecord:
		return Key{"EndpointRecord", f.Spec.Namespace + "/" + f.Spec.Service + "/" + f.Spec.Cluster + "/" + f.Spec.Slice}
	case *Derived:
		return Key{"Derived", f.Service.String()}
	case *Observed:
		return Key{"Observed", f.Cluster}
	case *Unopened:
		return Key{"Unopened", f.Server.String()}
	case *Complaint:
		return Key{"Complaint", f.Object.Kind + "/" + f.Object.Name.String() + "/" + f.Where}
	}
	panic("picture: not a fact")
}
