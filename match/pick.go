package match

import (
	"math"
	"net/netip"
	"slices"
	"sort"
)

// Draw is the uniform numbers that one pick uses up.
type Draw struct{ Tier, Place, Target uint64 }

// Turn gives the draws of a round robin: the n-th of a sequence that fills every share evenly from the first few picks on (a Kronecker
// sequence; each part steps by an irrational of its own), also for unequal weights and for shares of shares.
func Turn(n uint64) Draw {
	// 2^64 times the fractional parts of 1/φ, √2 and √3. The golden ratio spreads best, and goes to the targets.
	return Draw{Tier: n * 0x6a09e667f3bcc909, Place: n * 0xbb67ae8584caa73b, Target: n * 0x9e3779b97f4a7c15}
}

// PickInput is what one pick depends on, besides the view.
type PickInput struct {
	Draw Draw
	// Hash replaces the draws where the cluster balances by RingHash and HasHash is set.
	Hash    uint64
	HasHash bool
	// Tried are the addresses that this request has tried: they are picked again only when no other is left.
	Tried []netip.AddrPort
	// Busy is the number of requests in flight at target i, for LeastRequest; nil: not known.
	Busy func(i int) int
}

// Choice is a picked target.
type Choice struct {
	Target      int // -1: there is none
	Tier, Place int
	Panic       bool // the tier was in panic
	Again       bool // all targets have been tried, this one too
}

// Pick chooses a target: the tier by its percentage, the place by its share, the target as the cluster balances. Where the choice falls
// on targets that were tried, the rest of the place is asked, then the rest of the tier, then the tiers from the first.
func (v *View) Pick(in PickInput) Choice {
	tier := v.pickTier(in.tierDraw())
	if tier < 0 {
		return Choice{Target: -1}
	}
	if c, ok := v.pickIn(tier, in); ok {
		return c
	}
	for t := range v.Tiers {
		if c, ok := v.pickIn(t, in); ok && t != tier {
			return c
		}
	}
	in.Tried = nil
	c, _ := v.pickIn(tier, in)
	c.Again = true
	return c
}

func (in *PickInput) tierDraw() uint64 {
	if in.HasHash {
		return mix(in.Hash)
	}
	return in.Draw.Tier
}

// pickTier returns the tier for a uniform number, -1 where none takes traffic.
func (v *View) pickTier(draw uint64) int {
	n := uint32(below(draw, 100))
	last := -1
	for t := range v.Tiers {
		p := v.Tiers[t].Percent
		if p == 0 || v.Tiers[t].whole() == 0 {
			continue
		}
		last = t
		if n < p {
			return t
		}
		n -= p
	}
	return last
}

// whole is the sum of the tier's shares; 0 where it has nobody to send to.
func (t *TierView) whole() float64 {
	if len(t.places) == 0 {
		return 0
	}
	return t.places[len(t.places)-1]
}

// pickIn picks within a tier; false where all its targets have been tried or there are none.
func (v *View) pickIn(tier int, in PickInput) (Choice, bool) {
	tv := &v.Tiers[tier]
	if tv.whole() == 0 {
		return Choice{Target: -1}, false
	}
	if in.HasHash && v.Balancing == RingHash {
		return v.pickByHash(tier, in)
	}
	x := float64(in.Draw.Place>>11) / (1 << 53) * tv.whole()
	first := sort.Search(len(tv.places)-1, func(i int) bool { return tv.places[i] > x })
	for i := range tv.Places {
		place := (first + i) % len(tv.Places)
		if n := v.pickTarget(&tv.Places[place], in); n >= 0 {
			return Choice{Target: n, Tier: tier, Place: place, Panic: tv.Panic}, true
		}
	}
	return Choice{Target: -1}, false
}

func (v *View) pickTarget(p *PlaceView, in PickInput) int {
	if len(p.targets) == 0 || p.Share == 0 {
		return -1
	}
	at := p.at(in.Draw.Target)
	if v.Balancing == LeastRequest && in.Busy != nil {
		// The power of two choices: the less busy of two, in proportion to their weights.
		other := p.at(mix(in.Draw.Target + 1))
		a, b := int(p.targets[at]), int(p.targets[other])
		if uint64(in.Busy(b)+1)*uint64(v.Set.Targets[a].Weight) < uint64(in.Busy(a)+1)*uint64(v.Set.Targets[b].Weight) {
			at = other
		}
	}
	for i := range p.targets {
		n := int(p.targets[(at+i)%len(p.targets)])
		if !slices.Contains(in.Tried, v.Set.Targets[n].Addr) {
			return n
		}
	}
	return -1
}

// at returns which of the place's targets a uniform number falls on.
func (p *PlaceView) at(draw uint64) int {
	total := p.sums[len(p.sums)-1]
	n := below(draw, total)
	if total == uint64(len(p.sums)) {
		return int(n) // all weigh 1
	}
	return sort.Search(len(p.sums)-1, func(i int) bool { return p.sums[i] > n })
}

// pickByHash takes the target with the highest score of (client, target), weighted (rendezvous hashing): a target that goes away moves
// only its own clients. It asks every target of the tier.
func (v *View) pickByHash(tier int, in PickInput) (Choice, bool) {
	best, score := Choice{Target: -1}, math.Inf(-1)
	tv := &v.Tiers[tier]
	for place := range tv.Places {
		p := &tv.Places[place]
		if len(p.targets) == 0 || p.Share == 0 {
			continue
		}
		scale := p.Share / float64(p.sums[len(p.sums)-1])
		for _, n := range p.targets {
			t := &v.Set.Targets[n]
			if slices.Contains(in.Tried, t.Addr) {
				continue
			}
			u := (float64(mix(in.Hash^t.hash)>>11) + 0.5) / (1 << 53)
			if s := -float64(t.Weight) * scale / math.Log(u); s > score {
				best, score = Choice{Target: int(n), Tier: tier, Place: place, Panic: tv.Panic}, s
			}
		}
	}
	return best, best.Target >= 0
}
