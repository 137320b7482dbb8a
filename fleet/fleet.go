// Package fleet holds the words that every other package speaks: clusters, localities, services, endpoints, endpoint
// groups and verdicts. It has no behaviour beyond printing, ordering and comparing them, imports nothing else of this
// project and no Kubernetes library, so that the data plane can share it.
//
// Values are plain and are never changed once they have been handed on; whoever wants another one makes a copy.
package fleet

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Name is the namespaced name of an object, printed as namespace/name. Namespace is empty for cluster-scoped kinds.
type Name struct {
	Namespace, Name string
}

// String returns namespace/name, or the bare name of a cluster-scoped object.
func (n Name) String() string {
	if n.Namespace == "" {
		return n.Name
	}
	return n.Namespace + "/" + n.Name
}

// ParseName reads what String wrote. A string without a slash is a cluster-scoped name.
func ParseName(s string) Name {
	if ns, name, ok := strings.Cut(s, "/"); ok {
		return Name{Namespace: ns, Name: name}
	}
	return Name{Name: s}
}

// Compare orders names by namespace, then by name.
func (n Name) Compare(o Name) int {
	return cmp.Or(cmp.Compare(n.Namespace, o.Namespace), cmp.Compare(n.Name, o.Name))
}

// Ref names an object of any kind, printed as "Kind namespace/name".
type Ref struct {
	Kind string
	Name
}

// String returns "Kind namespace/name".
func (r Ref) String() string { return r.Kind + " " + r.Name.String() }

// Compare orders references by kind, namespace and name.
func (r Ref) Compare(o Ref) int { return cmp.Or(cmp.Compare(r.Kind, o.Kind), r.Name.Compare(o.Name)) }

// Locality says where a cluster or an endpoint stands. Both parts may be empty: unknown.
type Locality struct {
	Region, Zone string
}

// String returns region/zone, with "-" for an unknown part.
func (l Locality) String() string { return orDash(l.Region) + "/" + orDash(l.Zone) }

// Cluster is what a member of the clusterset says of itself.
type Cluster struct {
	// Name is the cluster id of KEP-1645 and KEP-2149: an RFC 1123 label, or name.context. Unique in the clusterset.
	Name string
	Locality
	// Network is the network that its pods are on; pods of equal networks reach each other directly. Empty: "default".
	Network string
	// Labels are the further properties of its ClusterProfile, by property name.
	Labels map[string]string
}

// Protocol is TCP, UDP or SCTP, as in a Service port.
type Protocol string

// The protocols of a Service port.
const (
	TCP  Protocol = "TCP"
	UDP  Protocol = "UDP"
	SCTP Protocol = "SCTP"
)

// Port is one port of a service, or of one of its endpoint slices.
type Port struct {
	Name        string // DNS label, or empty for the only port of a service
	Protocol    Protocol
	Port        uint16
	AppProtocol string // as in the Service: kubernetes.io/h2c, kubernetes.io/ws, …, or empty
}

// String returns name:port/protocol, or port/protocol for an unnamed port.
func (p Port) String() string {
	s := fmt.Sprintf("%d/%s", p.Port, p.Protocol)
	if p.Name != "" {
		s = p.Name + ":" + s
	}
	return s
}

// Endpoint is one backend of a slice.
type Endpoint struct {
	Address  netip.Addr
	Hostname string // as in the EndpointSlice: set for the pods of a StatefulSet with a headless service
	Zone     string
	// Node is the node that it runs on; only of the own cluster's endpoints.
	Node string
	// Ready, Serving and Terminating are the conditions of an EndpointSlice endpoint, with nil read as its documentation
	// says: ready and serving unless told otherwise.
	Ready, Serving, Terminating bool
	// ForZones are the topology hints of the local cluster's own slices; always empty for imported ones.
	ForZones []string
}

// Slice is the endpoints of one EndpointSlice of one cluster (KEP-1645: an imported slice holds one source cluster).
// Slices of one service, one cluster and unequal names are disjoint.
type Slice struct {
	Cluster   string // the source cluster
	Service   Name
	Name      string // the source EndpointSlice, unique in (cluster, namespace)
	IPv6      bool   // the address family of all endpoints
	Ports     []Port // Port is the target port
	Endpoints []Endpoint
}

// GroupKind says whose endpoints a group holds.
type GroupKind string

const (
	// Import is a ServiceImport: endpoints of the whole clusterset.
	Import GroupKind = "import"
	// Local is a Service: endpoints of this cluster only (GEP-1748).
	Local GroupKind = "service"
)

// GroupID names an endpoint group: one port of a service or of a ServiceImport. Printed as kind/namespace/name:port, with /UDP or
// /SCTP behind it where it is not TCP, which is also the name of its xDS cluster and endpoint set.
type GroupID struct {
	Kind    GroupKind
	Service Name
	Port    uint16
	// Protocol is empty for TCP, so that equal ids are equal values.
	Protocol Protocol
}

// Over returns the id of the same port over a protocol.
func (g GroupID) Over(p Protocol) GroupID {
	if p == TCP {
		p = ""
	}
	g.Protocol = p
	return g
}

// String returns kind/namespace/name:port, or kind/namespace/name:port/protocol.
func (g GroupID) String() string {
	s := string(g.Kind) + "/" + g.Service.String() + ":" + strconv.Itoa(int(g.Port))
	if g.Protocol != "" {
		s += "/" + string(g.Protocol)
	}
	return s
}

// ParseGroupID reads what String wrote.
func ParseGroupID(s string) (GroupID, error) {
	kind, rest, ok := strings.Cut(s, "/")
	name, portText, ok2 := strings.Cut(rest, ":")
	portText, protocol, _ := strings.Cut(portText, "/")
	ns, svc, ok3 := strings.Cut(name, "/")
	port, err := strconv.ParseUint(portText, 10, 16)
	if !ok || !ok2 || !ok3 || err != nil || (GroupKind(kind) != Import && GroupKind(kind) != Local) {
		return GroupID{}, fmt.Errorf("%q is not an endpoint group: write import/NAMESPACE/NAME:PORT or service/NAMESPACE/NAME:PORT", s)
	}
	id := GroupID{Kind: GroupKind(kind), Service: Name{ns, svc}, Port: uint16(port)}
	return id.Over(Protocol(protocol)), nil
}

// Group is an endpoint group: what one port of a service resolves to, seen from one vantage. Tiers are in the order in
// which they are to be used.
type Group struct {
	ID          GroupID
	Protocol    Protocol
	AppProtocol string
	// SessionAffinity is ClientIP or None, as in the Service.
	SessionAffinity string
	AffinityTimeout int // seconds, with ClientIP
	Tiers           []Tier
	// Unreachable are the clusters that have endpoints for this port on another network than the vantage's; sorted. They are in no
	// tier.
	Unreachable []string
}

// Tier is the places that are used alike; the next tier is used as far as this one lacks healthy endpoints.
type Tier struct {
	Name   string // zone, region, rest, draining, lost, …: the selector that made it
	Places []Place
}

// Place is the endpoints of one cluster in one zone. Its xDS form is a locality with the sub-zone as the cluster.
type Place struct {
	Cluster string
	Locality
	Weight  uint32 // share of the tier's traffic, > 0
	Targets []Target
}

// Target is one endpoint of a group.
type Target struct {
	Addr     netip.AddrPort
	Hostname string
	Weight   uint32 // > 0; 1 for a pod, the number of pods behind it for a gateway
	Health   TargetHealth
}

// TargetHealth says how a target may be used. The data plane adds what it sees itself.
type TargetHealth uint8

const (
	// Healthy targets take traffic.
	Healthy TargetHealth = iota
	// Draining targets take no new request; those in flight end by themselves. xDS: DRAINING.
	Draining
	// Unready targets say of themselves that they are not ready. xDS: UNHEALTHY.
	Unready
	// LostTarget stands in a lost cluster: requests in flight there that are safe to retry are aborted. xDS: TIMEOUT.
	LostTarget
)

// String returns ready, draining, unready or lost.
func (h TargetHealth) String() string {
	return [...]string{"ready", "draining", "unready", "lost"}[h]
}

// Verdict is what one vantage holds of one cluster (and, through its endpoints, of a service there).
type Verdict uint8

const (
	// Serving clusters are used.
	Serving Verdict = iota
	// Suspect clusters have missed something, not enough to act on: still used.
	Suspect
	// DrainingCluster takes nothing new, by its operator's word.
	DrainingCluster
	// Lost clusters do not answer on their data path: withdrawn here, never removed.
	Lost
	// Gone clusters have left the clusterset: their records are removed.
	Gone
)

// String returns serving, suspect, draining, lost or gone.
func (v Verdict) String() string {
	return [...]string{"serving", "suspect", "draining", "lost", "gone"}[v]
}

// MarshalText and UnmarshalText make JSON show the word.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (v *Verdict) UnmarshalText(b []byte) error {
	for c := Serving; c <= Gone; c++ {
		if c.String() == string(b) {
			*v = c
			return nil
		}
	}
	return fmt.Errorf("%q is not a verdict", b)
}

// Condition is one condition of an object's status, as Kubernetes writes it, without its transition time: the edge that
// reports it sets that when Status changes.
type Condition struct {
	Type    string `json:"type"`
	Status  Status `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
}

// Status is True, False or Unknown.
type Status string

// The three values of a condition's status.
const (
	True    Status = "True"
	False   Status = "False"
	Unknown Status = "Unknown"
)

// String returns Type=Status/Reason.
func (c Condition) String() string { return c.Type + "=" + string(c.Status) + "/" + c.Reason }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
