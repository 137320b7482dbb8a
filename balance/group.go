package balance

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"fairlead.dev/fairlead/fleet"
)

// The tiers that come after all that the policy names. No selector makes them: a cluster's verdict does.
const (
	DrainingTier = "draining"
	LostTier     = "lost"
)

// Group returns the endpoint group of one port as the vantage sees it. It never returns nil, does not depend on the order of
// the slices, and changes nothing that it is given.
//
// Places of serving and suspect clusters stand in the tiers of the policy; those of draining clusters follow in a tier of their
// own, those of lost ones in the last, both out of use unless nothing else is left (see lastResort). Clusters that are gone, that
// no tier selects or that weigh 0 are nowhere; those on another network than the vantage are named in Unreachable. An
// address that stands in several slices of a cluster, as happens while slices are repacked, counts once, in its best state. A pod
// with an IPv4 and an IPv6 address counts as two targets.
func Group(in Input) *fleet.Group {
	g := &fleet.Group{
		ID:              in.ID,
		Protocol:        cmp.Or(in.Protocol, fleet.TCP),
		AppProtocol:     in.AppProtocol,
		SessionAffinity: in.SessionAffinity,
		AffinityTimeout: in.AffinityTimeout,
	}
	found, unreachable := candidates(in, g.Protocol)
	g.Unreachable = unreachable
	lastResort(found)
	slices.SortFunc(found, (*candidate).byPlace)
	g.Tiers = tiersOf(found, tierNames(in.Policy), in.Policy.Weights)
	return g
}

// candidate is one endpoint on its way into the group.
type candidate struct {
	tier    int // index into tierNames
	cluster string
	fleet.Locality
	target  fleet.Target
	verdict fleet.Verdict
	// ready and terminating are what the endpoint says of itself, whatever its cluster's verdict is.
	ready, terminating bool
}

// byAddress brings what is one target together, its best state first. Like byPlace it stops at the first difference: a
// thousand endpoints are sorted in a hurry.
func (c *candidate) byAddress(o *candidate) int {
	if d := strings.Compare(c.cluster, o.cluster); d != 0 {
		return d
	}
	if d := c.target.Addr.Compare(o.target.Addr); d != 0 {
		return d
	}
	return cmp.Or(
		compareBool(o.ready, c.ready), compareBool(o.terminating, c.terminating),
		cmp.Compare(c.tier, o.tier), cmp.Compare(c.Zone, o.Zone), cmp.Compare(c.target.Hostname, o.target.Hostname),
	)
}

func (c *candidate) byPlace(o *candidate) int {
	if c.tier != o.tier {
		return cmp.Compare(c.tier, o.tier)
	}
	if d := strings.Compare(c.cluster, o.cluster); d != 0 {
		return d
	}
	if c.Locality != o.Locality {
		return cmp.Or(cmp.Compare(c.Region, o.Region), cmp.Compare(c.Zone, o.Zone))
	}
	return c.target.Addr.Compare(o.target.Addr)
}

func (c *candidate) samePlace(o *candidate) bool {
	return c.tier == o.tier && c.cluster == o.cluster && c.Locality == o.Locality
}

func candidates(in Input, protocol fleet.Protocol) (found []*candidate, unreachable []string) {
	size := 0
	for _, s := range in.Slices {
		size += len(s.Endpoints)
	}
	found = make([]*candidate, 0, size)
	room := make([]candidate, 0, size)
	cut := map[string]bool{}
	for _, s := range in.Slices {
		member := memberOf(in.Clusters, s.Cluster)
		port, ok := slicePort(in, s, protocol)
		if !ok || member.Verdict == fleet.Gone || weightOf(in.Policy.Weights, s.Cluster) == 0 {
			continue
		}
		for _, e := range s.Endpoints {
			c := candidateOf(e, port, member)
			c.tier = tierOf(in.Policy, in.Vantage, member, c.Locality)
			switch {
			case c.tier < 0:
			case !Reachable(in.Vantage, member.Cluster):
				cut[s.Cluster] = true
			default:
				room = append(room, c)
				found = append(found, &room[len(room)-1])
			}
		}
	}
	slices.SortFunc(found, (*candidate).byAddress)
	found = slices.CompactFunc(found, func(a, b *candidate) bool { return a.cluster == b.cluster && a.target.Addr == b.target.Addr })
	return found, slices.Sorted(maps.Keys(cut))
}

func candidateOf(e fleet.Endpoint, port uint16, m Member) candidate {
	c := candidate{
		cluster:     m.Name,
		Locality:    fleet.Locality{Region: m.Region, Zone: cmp.Or(e.Zone, m.Zone)},
		target:      fleet.Target{Addr: netip.AddrPortFrom(e.Address, port), Hostname: e.Hostname, Weight: 1},
		verdict:     m.Verdict,
		ready:       e.Ready,
		terminating: !e.Ready && e.Serving && e.Terminating,
	}
	switch {
	case m.Verdict == fleet.Lost:
		c.target.Health = fleet.LostTarget
	case c.terminating, c.ready && m.Verdict == fleet.DrainingCluster:
		c.target.Health = fleet.Draining
	case !c.ready:
		c.target.Health = fleet.Unready
	}
	return c
}

// slicePort returns the target port of the wanted port in one slice.
func slicePort(in Input, s *fleet.Slice, protocol fleet.Protocol) (uint16, bool) {
	name, ok := in.PortName[s.Cluster]
	if !ok {
		return 0, false
	}
	for _, p := range s.Ports {
		if p.Name == name && p.Protocol == protocol && p.Port != 0 {
			return p.Port, true
		}
	}
	return 0, false
}

// memberOf returns the member of a name. A cluster that nobody has described is taken to serve, on the default network, in an
// unknown place.
func memberOf(members map[string]Member, name string) Member {
	m := members[name]
	m.Name = name
	return m
}

// Reachable says whether the vantage's network carries packets to the pods of a cluster. There are no tunnels yet.
func Reachable(vantage, c fleet.Cluster) bool {
	return vantage.Name == c.Name || networkOf(vantage) == networkOf(c)
}

func networkOf(c fleet.Cluster) string { return cmp.Or(c.Network, "default") }

func weightOf(weights map[string]uint32, cluster string) uint32 {
	if w, ok := weights[cluster]; ok {
		return w
	}
	return 1
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
