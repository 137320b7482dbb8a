package balance

import "fairlead.dev/fairlead/fleet"

// Policy orders clusters into tiers. The zero Policy is the default: same zone, same region, rest.
type Policy struct {
	// Tiers replaces the default order. A place is in the first tier that selects it; one that no tier selects gets no traffic.
	Tiers []Selector
	// Weights multiplies the share of a cluster within its tier; a missing entry means 1, 0 means none.
	Weights map[string]uint32
}

// Selector picks clusters for a tier. Empty fields match all. SameZone and SameRegion compare with the vantage.
type Selector struct {
	Name                 string // shown in pictures; empty: "tier N", counted from 1
	SameZone, SameRegion bool
	Clusters             []string
	Labels               map[string]string
}

// Input is all that a group depends on.
type Input struct {
	ID       fleet.GroupID
	Vantage  fleet.Cluster
	Clusters map[string]Member // every cluster that has slices here, the vantage too
	Slices   []*fleet.Slice
	// PortName maps a cluster to the name of the wanted port in its slices; a cluster without an entry does not expose the port.
	PortName        map[string]string
	Protocol        fleet.Protocol // empty: TCP
	AppProtocol     string
	SessionAffinity string
	AffinityTimeout int
	Policy          Policy
}

// Member is a cluster with its verdict.
type Member struct {
	fleet.Cluster
	Verdict fleet.Verdict
}
