package match

import (
	"math"

	"fairlead.dev/fairlead/balance"
	"fairlead.dev/fairlead/fleet"
)

// View is an endpoint set with one opinion of who can be used: the shares of tiers, places and targets, ready to pick from. It is
// immutable; a new opinion makes a new view, which costs as much as the set has targets.
//
// Who counts how: a target that is Healthy and that the caller finds usable takes traffic. One that is Healthy but not usable, or
// that is not ready, takes none and weighs down its tier's health, so that traffic spills as in Envoy. One that drains or is lost
// was withdrawn on purpose: it takes none and does not count at all. In panic a tier's traffic goes to all its Healthy targets,
// whatever the caller finds; never to those that the control plane has withdrawn.
type View struct {
	Set       *Endpoints
	Balancing Balancing
	Tiers     []TierView
}

// TierView is one tier's part of a view. Healthy and Total are sums of weights.
type TierView struct {
	Percent        uint32
	Panic          bool
	Healthy, Total int
	Places         []PlaceView
	places         []float64 // ascending sums of the places' shares; the last is the whole
}

// PlaceView is one place's part of a view.
type PlaceView struct {
	// Share is the place's part of its tier's traffic, 0 to 1.
	Share   float64
	targets []int32
	sums    []uint64 // ascending sums of the targets' weights
}

// Targets are the numbers of the targets that take the place's traffic. The caller must not change them.
func (p *PlaceView) Targets() []int32 { return p.targets }

// View computes the shares. usable is the data plane's own opinion of target i; nil: all are usable.
func (e *Endpoints) View(c *Cluster, usable func(i int) bool) *View {
	v := &View{Set: e, Balancing: c.Balancing, Tiers: make([]TierView, len(e.Tiers))}
	ok := make([]bool, len(e.Targets))
	eligible := make([]balance.TierHealth, len(e.Tiers))
	health := make([]balance.TierHealth, len(e.Tiers))
	anyHealthy := false
	for i := range e.Targets {
		t := &e.Targets[i]
		w := int(t.Weight)
		switch t.Health {
		case fleet.Healthy:
			eligible[t.Tier].Total += w
			health[t.Tier].Total += w
			if ok[i] = usable == nil || usable(i); ok[i] {
				health[t.Tier].Healthy += w
				anyHealthy = true
			}
		case fleet.Unready:
			health[t.Tier].Total += w
		}
	}
	if !anyHealthy {
		health = eligible // total panic goes where there is somebody to ask
	}
	policy := c.Load
	if e.Overprovisioning > 0 {
		policy.Overprovisioning = e.Overprovisioning
	}
	shares := balance.Load(health, policy)
	for t := range e.Tiers {
		v.Tiers[t] = tierView(e, t, health[t], shares[t], ok, overprovisioning(policy))
	}
	return v
}

// overprovisioning is the factor that balance.Load works by.
func overprovisioning(p balance.LoadPolicy) float64 {
	if p.Overprovisioning > 0 {
		return float64(p.Overprovisioning) / 100
	}
	return 1.4
}

func tierView(e *Endpoints, n int, h balance.TierHealth, s balance.TierShare, ok []bool, factor float64) TierView {
	tier := &e.Tiers[n]
	tv := TierView{Percent: s.Percent, Panic: s.Panic, Healthy: h.Healthy, Total: h.Total, Places: make([]PlaceView, len(tier.Places))}
	sum := 0.0
	for i := range tier.Places {
		p := &tier.Places[i]
		pv := &tv.Places[i]
		var weight, total, all uint64
		for n := p.First; n < p.Last; n++ {
			t := &e.Targets[n]
			if t.Health == fleet.Healthy || t.Health == fleet.Unready {
				all += uint64(t.Weight)
			}
			if t.Health == fleet.Healthy && (ok[n] || s.Panic) {
				weight += uint64(t.Weight)
				total += uint64(t.Weight)
				pv.targets = append(pv.targets, int32(n))
				pv.sums = append(pv.sums, total)
			}
		}
		if weight > 0 {
			// Envoy: a place keeps its whole weight as long as overprovisioning makes up for what it lacks.
			pv.Share = float64(p.Weight) * math.Min(1, factor*float64(weight)/float64(all))
		}
		sum += pv.Share
		tv.places = append(tv.places, sum)
	}
	for i := range tv.Places {
		if sum > 0 {
			tv.Places[i].Share /= sum
		}
	}
	return tv
}
