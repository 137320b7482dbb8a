package trace

import (
	"fmt"
	"math/rand/v2"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/xds"
)

// cluster picks an endpoint of a cluster; f is nil on the way past all routes.
func (w *walk) cluster(name string, f *match.Forward) {
	w.answer.Group = name
	c, e, why := w.compile(name)
	if why != "" {
		status := 0
		if f != nil {
			status = f.NotFound
		}
		w.refuse(status, why)
		return
	}
	v := e.View(c, nil)
	in := match.PickInput{Draw: draw(w.random)}
	if f != nil && c.Balancing == match.RingHash {
		in.Hash, in.HasHash = f.Hash(w.request)
	} else if c.Balancing == match.RingHash && w.request.Source.IsValid() {
		in.Hash, in.HasHash = match.HashAddr(w.request.Source), true
	}
	choice := v.Pick(in)
	w.tiers(name, v, choice)
	if choice.Target < 0 {
		status := 503
		if f == nil {
			status = 0
		}
		w.refuse(status, "no endpoint takes traffic")
		return
	}
	t := &e.Targets[choice.Target]
	w.answer.Endpoint = &Endpoint{
		Address: t.Addr.String(), Hostname: t.Hostname, Cluster: e.Tiers[t.Tier].Places[t.Place].Cluster, Chosen: true,
	}
}

// compile reads a published cluster with its endpoints; why is not empty where there is none.
func (w *walk) compile(name string) (c *match.Cluster, e *match.Endpoints, why string) {
	if name == xds.InvalidCluster {
		return nil, nil, "the backend's reference could not be resolved"
	}
	cluster, endpoints := &clusterv3.Cluster{}, &endpointv3.ClusterLoadAssignment{}
	if !unpack(w.set.Get(xds.ClusterType, name), cluster) || !unpack(w.set.Get(xds.EndpointsType, name), endpoints) {
		return nil, nil, "the backend " + name + " does not exist"
	}
	c, err := match.CompileCluster(cluster)
	if err == nil {
		e, err = match.CompileEndpoints(endpoints)
	}
	if err != nil {
		return nil, nil, "the backend " + name + " is not taken by the proxy: " + err.Error()
	}
	return c, e, ""
}

func draw(r *rand.Rand) match.Draw {
	return match.Draw{Tier: r.Uint64(), Place: r.Uint64(), Target: r.Uint64()}
}

// tiers tells of every tier, place and endpoint, and why each was not chosen.
func (w *walk) tiers(group string, v *match.View, choice match.Choice) {
	names := w.tierNames(group)
	for i := range v.Set.Tiers {
		tv := &v.Tiers[i]
		t := Tier{Name: fmt.Sprint("priority ", i), Percent: tv.Percent, Panic: tv.Panic, Why: tierWhy(v, i, names)}
		if i < len(names) && names[i] != "" {
			t.Name = names[i]
		}
		for j := range v.Set.Tiers[i].Places {
			t.Places = append(t.Places, placeOf(v, i, j, choice))
		}
		w.answer.Tiers = append(w.answer.Tiers, t)
	}
}

// tierNames are the words of the picture for the priorities of a group.
func (w *walk) tierNames(group string) (names []string) {
	id, err := fleet.ParseGroupID(group)
	if err != nil {
		return nil
	}
	if g := w.pic.Group(id); g != nil {
		for i := range g.Tiers {
			names = append(names, g.Tiers[i].Name)
		}
	}
	return names
}

// tierWhy says why a tier takes no traffic, or less than all for lack of its own; empty where nothing needs to be said.
func tierWhy(v *match.View, tier int, names []string) string {
	tv := &v.Tiers[tier]
	switch {
	case tv.Panic && tv.Percent > 0:
		return "too few are usable, so all are asked"
	case tv.Percent > 0:
		return ""
	}
	worst := fleet.Healthy
	for i := range v.Set.Targets {
		if t := &v.Set.Targets[i]; t.Tier == tier {
			if t.Health == fleet.Healthy {
				return "held back: " + takers(v, names)
			}
			worst = max(worst, t.Health)
		}
	}
	if worst == fleet.Healthy {
		return "nobody is there"
	}
	return targetWhy[worst]
}

// takers says which tiers take the traffic.
func takers(v *match.View, names []string) string {
	var takers []string
	for i := range v.Tiers {
		switch {
		case v.Tiers[i].Percent == 0:
		case i < len(names):
			takers = append(takers, names[i])
		default:
			takers = append(takers, fmt.Sprint("priority ", i))
		}
	}
	if len(takers) == 1 {
		return takers[0] + " takes all"
	}
	return strings.Join(takers, " and ") + " take all"
}

var targetWhy = map[fleet.TargetHealth]string{
	fleet.Draining:   "draining",
	fleet.Unready:    "not ready",
	fleet.LostTarget: "lost",
}

func placeOf(v *match.View, tier, place int, choice match.Choice) Place {
	in, pv := &v.Set.Tiers[tier].Places[place], &v.Tiers[tier].Places[place]
	out := Place{Cluster: in.Cluster, Region: in.Region, Zone: in.Zone, Percent: 100 * pv.Share}
	for n := in.First; n < in.Last; n++ {
		t := &v.Set.Targets[n]
		e := Endpoint{Address: t.Addr.String(), Hostname: t.Hostname, Cluster: in.Cluster, Chosen: n == choice.Target}
		switch {
		case e.Chosen:
		case t.Health != fleet.Healthy:
			e.Why = targetWhy[t.Health]
		case v.Tiers[tier].Percent == 0:
			e.Why = "its tier is held back"
		default:
			e.Why = "the draw fell on another"
		}
		out.Endpoints = append(out.Endpoints, e)
	}
	return out
}
