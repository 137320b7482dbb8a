package route

import (
	"net/netip"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// ClassName is the GatewayClass that is served; Gateways of other classes are left alone.
const ClassName = "fairlead"

// ControllerName stands in every status that is written here.
const ControllerName = "fairlead.dev/gateway"

// View is what routes may read of the world. Each method returns nil (or false) for what is not there. A caller may record what
// was read: an answer depends on nothing else.
type View interface {
	// Gateway returns the Gateway and what it compiled to.
	Gateway(fleet.Name) (*gatewayv1.Gateway, *Compiled)
	// Namespace returns the labels of a namespace.
	Namespace(name string) (map[string]string, bool)
	Service(fleet.Name) *corev1.Service
	// Import returns the merged service of the clusterset.
	Import(fleet.Name) *mcs.Merged
	// Grants returns the ReferenceGrants in a namespace, sorted by name.
	Grants(namespace string) []*gatewayv1.ReferenceGrant
	Secret(fleet.Name) *corev1.Secret
	// Claimant returns the Gateway that owns an address and port: the oldest of those that want it, ties by name. The zero Name:
	// nobody asked for it.
	Claimant(netip.AddrPort) fleet.Name
}

// ServerID names what one Gateway opens on one port; printed as namespace/name:port. It is the name of the xDS listener and of its
// route configuration.
type ServerID struct {
	Gateway fleet.Name
	Port    uint16
}

// String returns namespace/name:port.
func (s ServerID) String() string { return s.Gateway.String() + ":" + strconv.Itoa(int(s.Port)) }

// Server is what one Gateway opens on one port.
type Server struct {
	ID        ServerID
	Addresses []netip.Addr
	TLS       bool // HTTPS listeners: TLS is terminated here
	// Listeners are the accepted listeners on this port, each with a hostname of its own.
	Listeners []Listener
}

// Listener is one accepted listener of a Gateway.
type Listener struct {
	Name     string
	Hostname string // "*" for all, "*.suffix", or exact
	// Certificates are the Secrets to present, with TLS.
	Certificates []Certificate
}

// Certificate is a TLS Secret that was found, granted and parsed.
type Certificate struct {
	Secret    fleet.Name
	Cert, Key []byte // PEM
}

// Compiled is a Gateway with its status.
type Compiled struct {
	Servers    []*Server
	Addresses  []netip.Addr
	Conditions []fleet.Condition // Accepted, Programmed
	Listeners  []ListenerStatus  // in the order of the spec
}

// ListenerStatus is the status of one listener. AttachedRoutes is counted by the caller, from Attachment.Attached.
type ListenerStatus struct {
	Name           gatewayv1.SectionName
	SupportedKinds []gatewayv1.RouteGroupKind
	Conditions     []fleet.Condition // Accepted, Programmed, ResolvedRefs, Conflicted, OverlappingTLSConfig
}

// Attachment is an HTTPRoute with its statuses.
type Attachment struct {
	Parents []ParentStatus
	// Parts are the rules of this route for each server and hostname that it is attached to.
	Parts []Part
	// Attached lists each listener that accepted the route, once; also those that are not programmed.
	Attached []ListenerID
	// Unattached has a sentence for each parentRef that names a Gateway which does not exist, and for a route without any. The API has
	// no status for these, but their author wants to know.
	Unattached []string
}

// ListenerID names a listener of a Gateway.
type ListenerID struct {
	Gateway  fleet.Name
	Listener string
}

// String returns namespace/name/listener.
func (l ListenerID) String() string { return l.Gateway.String() + "/" + l.Listener }

// ParentStatus is the status of a route for one of its parentRefs.
type ParentStatus struct {
	Parent     gatewayv1.ParentReference
	Conditions []fleet.Condition // Accepted, ResolvedRefs, PartiallyInvalid
}

// HostID names one hostname of a server; printed as server/hostname, which is the name of its xDS virtual host.
type HostID struct {
	Server   ServerID
	Hostname string // "*" for all, "*.suffix", or exact; lower case
}

// String returns server/hostname.
func (h HostID) String() string { return h.Server.String() + "/" + h.Hostname }

// Part is what one route gives to one virtual host.
type Part struct {
	Host     HostID
	Listener string // the listener that the part came through
	// Hostname is the route's own hostname that led here, "*" where it names none; it covers Host.Hostname, and parts are ordered by it.
	Hostname string
	Route    fleet.Name // the HTTPRoute
	Created  time.Time
	Rules    []*Rule
}

// VirtualHost is the rules for one hostname, the first match wins.
type VirtualHost struct {
	ID       HostID
	Listener string
	Rules    []*Rule
}

// Rule is one match of one rule of a route, with what is done then. Exactly one of Redirect, Respond and Backends says where the
// request goes; a rule with none of them answers 500 (it has no backend that could be used).
type Rule struct {
	// Name is unique in the virtual host: namespace/route/rule/match by number.
	Name  string
	Route fleet.Ref
	// Section is the rule's own name, where it has one.
	Section string

	Match    Match
	Redirect *Redirect
	Respond  *Respond
	Backends []Backend

	Rewrite         *Rewrite
	RequestHeaders  HeaderEdit
	ResponseHeaders HeaderEdit
	Mirrors         []Mirror
	CORS            *CORS
	// RequestTimeout bounds the whole request, BackendTimeout each try; 0 is none.
	RequestTimeout, BackendTimeout time.Duration
	Retry                          *Retry
}

// PathMatch says how a path is compared.
type PathMatch string

// The ways to compare a path.
const (
	Exact  PathMatch = "="
	Prefix PathMatch = "/" // by whole path elements
	Regex  PathMatch = "~" // RE2, the whole path
)

// Match is what a request must be like; all parts must hold.
type Match struct {
	Path    PathMatch
	Value   string // of the path
	Method  string // empty: any
	Headers []KeyMatch
	Query   []KeyMatch
}

// KeyMatch compares one header or query parameter. Header names are lower case.
type KeyMatch struct {
	Name, Value string
	Regex       bool
}

// Backend is a share of a rule's traffic.
type Backend struct {
	// Group is the endpoint group. Invalid says that the reference could not be resolved: its share of requests is answered 500.
	Group           fleet.GroupID
	Invalid         bool
	Weight          uint32
	RequestHeaders  HeaderEdit
	ResponseHeaders HeaderEdit
}

// HeaderEdit changes headers: set replaces, add appends, remove deletes. Names are lower case.
type HeaderEdit struct {
	Set, Add []Header
	Remove   []string
}

// Header is a name and a value.
type Header struct{ Name, Value string }

// Redirect answers with a Location. Empty fields keep what the request had; Port 0 follows the Gateway API's rules for the scheme.
type Redirect struct {
	Scheme, Hostname string
	Port             uint16
	Path             *PathEdit
	Code             int
}

// Respond answers at once.
type Respond struct {
	Code int
	Body string
}

// Rewrite changes the request before it goes to a backend.
type Rewrite struct {
	Hostname string
	Path     *PathEdit
}

// PathEdit replaces the whole path, or the prefix that the rule matched.
type PathEdit struct {
	Prefix bool // Value replaces the matched prefix
	Value  string
}

// Mirror sends a copy of a share of the requests to a group and drops the answer.
type Mirror struct {
	Group                  fleet.GroupID
	Numerator, Denominator uint32
}

// CORS is the CORS filter of the Gateway API.
type CORS struct {
	AllowOrigins, AllowMethods, AllowHeaders, ExposeHeaders []string
	AllowCredentials                                        bool
	MaxAge                                                  time.Duration
}

// Retry says what is tried again, on top of what always is: requests that never reached a backend.
type Retry struct {
	Attempts int
	Codes    []int
	Backoff  time.Duration
}
