package balance

import (
	"math"
	"slices"
	"strconv"

	"fairlead.dev/fairlead/fleet"
)

// defaultTiers is the order of the zero Policy.
var defaultTiers = []Selector{
	{Name: "zone", SameZone: true},
	{Name: "region", SameRegion: true},
	{Name: "rest"},
}

func selectors(p Policy) []Selector {
	if len(p.Tiers) > 0 {
		return p.Tiers
	}
	return defaultTiers
}

// tierNames returns the names of all tiers that a group may have, in order.
func tierNames(p Policy) []string {
	var names []string
	for i, s := range selectors(p) {
		name := s.Name
		if name == "" {
			name = "tier " + strconv.Itoa(i+1)
		}
		names = append(names, name)
	}
	return append(names, DrainingTier, LostTier)
}

// tierOf returns the index into tierNames of the tier that a place of a cluster is in, or -1 where no selector takes it: then
// it has no tier whatever its cluster's verdict.
func tierOf(p Policy, vantage fleet.Cluster, m Member, place fleet.Locality) int {
	all := selectors(p)
	i := slices.IndexFunc(all, func(s Selector) bool { return s.selects(vantage, m.Cluster, place) })
	switch {
	case i < 0:
		return -1
	case m.Verdict == fleet.DrainingCluster:
		return len(all)
	case m.Verdict == fleet.Lost:
		return len(all) + 1
	}
	return i
}

func (s Selector) selects(vantage, c fleet.Cluster, place fleet.Locality) bool {
	if s.SameZone && !sameZone(vantage, c, place) || s.SameRegion && !sameRegion(vantage, c, place) {
		return false
	}
	if len(s.Clusters) > 0 && !slices.Contains(s.Clusters, c.Name) {
		return false
	}
	for k, v := range s.Labels {
		if got, ok := c.Labels[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// sameZone says whether a place is in the vantage's zone. An unknown zone equals no other, but a cluster is near itself: its
// endpoints without a zone of their own are where it is. Zones of equal names in regions known to differ are different zones.
func sameZone(vantage, c fleet.Cluster, place fleet.Locality) bool {
	if c.Name == vantage.Name && place.Zone == vantage.Zone {
		return true
	}
	sameOrUnknown := place.Region == vantage.Region || place.Region == "" || vantage.Region == ""
	return place.Zone != "" && place.Zone == vantage.Zone && sameOrUnknown
}

func sameRegion(vantage, c fleet.Cluster, place fleet.Locality) bool {
	return c.Name == vantage.Name || place.Region != "" && place.Region == vantage.Region
}

// tiersOf builds the tiers from candidates sorted by place. Tiers without a place are left out.
func tiersOf(sorted []*candidate, names []string, weights map[string]uint32) []fleet.Tier {
	var tiers []fleet.Tier
	last := -1
	for len(sorted) > 0 {
		first := sorted[0]
		n := slices.IndexFunc(sorted, func(c *candidate) bool { return !c.samePlace(first) })
		if n < 0 {
			n = len(sorted)
		}
		if first.tier != last {
			tiers = append(tiers, fleet.Tier{Name: names[first.tier]})
			last = first.tier
		}
		t := &tiers[len(tiers)-1]
		t.Places = append(t.Places, placeOf(sorted[:n]))
		sorted = sorted[n:]
	}
	for _, t := range tiers {
		weigh(t.Places, weights)
	}
	return tiers
}

func placeOf(cs []*candidate) fleet.Place {
	p := fleet.Place{Cluster: cs[0].cluster, Locality: cs[0].Locality, Targets: make([]fleet.Target, len(cs))}
	for i, c := range cs {
		p.Targets[i] = c.target
	}
	return p
}

// weigh gives each place of a tier its share: its healthy targets, or all of them where none is healthy, times the policy's weight for
// its cluster. Envoy adds up the weights of a tier in 32 bits, so a larger sum is scaled down.
func weigh(places []fleet.Place, weights map[string]uint32) {
	shares := make([]uint64, len(places))
	sum := uint64(0)
	for i, p := range places {
		healthy, all := uint64(0), uint64(0)
		for _, t := range p.Targets {
			all += uint64(t.Weight)
			if t.Health == fleet.Healthy {
				healthy += uint64(t.Weight)
			}
		}
		if healthy == 0 {
			healthy = all
		}
		shares[i] = healthy * uint64(weightOf(weights, p.Cluster))
		sum += shares[i]
	}
	// Rounding up to 1 may add one for each place.
	scale := sum/(math.MaxUint32-uint64(len(places))) + 1
	for i := range places {
		places[i].Weight = uint32(max(1, shares[i]/scale))
	}
}
