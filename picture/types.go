package picture

import (
	"net/netip"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/route"
)

// Member is one cluster of the clusterset as the vantage sees it.
type Member struct {
	fleet.Cluster
	Verdict fleet.Verdict
	Reason  string
	Since   time.Time
	// Beacons are the addresses to probe.
	Beacons []netip.AddrPort
	// Held counts the records that are missing without an explanation and are therefore kept.
	Held int
}

// Service is one service of the clusterset as the vantage sees it.
type Service struct {
	*mcs.Merged
	// IPs are the clusterset IPs in the order of IPFamilies; none for a headless service.
	IPs []netip.Addr
	// Imported is what a controller would write here; nil where the namespace does not exist (M9).
	Imported *mcs.Imported
	// Slices are the endpoints with every verdict applied: Ready is false for what is not to be used from here.
	Slices []*fleet.Slice
	// Held are the clusters of whose records something is held.
	Held []string
}

// Export is what the own cluster exports under one name.
type Export struct {
	Service   fleet.Name
	Record    *v1alpha1.ServiceRecord
	Endpoints []*v1alpha1.EndpointRecord
}

// Status is the status of one object of the own cluster, as it is to be reported.
type Status struct {
	Object     fleet.Ref
	Generation int64
	// Conditions of the object itself.
	Conditions []fleet.Condition
	// Listeners are those of a Gateway, with the number of routes attached to each.
	Listeners []ListenerStatus
	// Parents are those of a route.
	Parents []route.ParentStatus
	// Addresses are those of a Gateway.
	Addresses []netip.Addr
}

// ListenerStatus is the status of a Gateway's listener.
type ListenerStatus struct {
	route.ListenerStatus
	AttachedRoutes int32
}

// Rejection says what was not taken and why.
type Rejection struct {
	Object  fleet.Ref
	Where   string
	Message string
}
