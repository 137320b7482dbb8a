package balance

// TierHealth is what Load must know of one tier: the weights of its healthy targets and of all of them.
type TierHealth struct {
	Healthy, Total int
}

// TierShare is what one tier gets.
type TierShare struct {
	// Percent of the traffic. The shares of all tiers add up to 100, or are all 0 where there is no target at all.
	Percent uint32
	// Panic says that the tier spreads its traffic over all its targets, whatever their health.
	Panic bool
}

// LoadPolicy is the numbers that Load works by. The zero LoadPolicy is Envoy's defaults.
type LoadPolicy struct {
	// Overprovisioning is how much more than its share a tier can carry, in percent; 0 means 140. A tier counts as full until fewer than
	// 100/140 of its targets are healthy.
	Overprovisioning int
	// PanicBelow is the percentage of healthy targets below which a tier panics; 0 means 50.
	PanicBelow int
	// NoPanic turns panic off: without a healthy target requests fail at once.
	NoPanic bool
}

// Load shares traffic among tiers in the order given, as Envoy does among priorities (its documentation on priority levels and on the
// panic threshold; degraded hosts do not exist here).
//
// The availability of a tier is the part of its targets that are healthy, times the overprovisioning, at most 100 %. Each tier
// takes as much of the traffic as it is available, and leaves the rest to the next:
//
//	healthy  100%, 100%  →  100, 0
//	healthy   50%, 100%  →   70, 30
//	healthy   25%,  25%  →   50, 50     together they are available for only 70 %; both panic
//
// As long as the tiers together make 100 % no tier panics. Below, shares are scaled up to 100, and a tier with fewer
// healthy targets than PanicBelow panics. When every tier panics the traffic is spread by the number of targets. What rounding leaves
// goes to the first tier that takes any.
func Load(tiers []TierHealth, p LoadPolicy) []TierShare {
	shares := make([]TierShare, len(tiers))
	available, totals := make([]int, len(tiers)), make([]int, len(tiers))
	sum, hosts := 0, 0
	for i, t := range tiers {
		t = t.sane()
		available[i], totals[i] = p.availability(t), t.Total
		sum += available[i]
		hosts += t.Total
	}
	switch {
	case hosts == 0:
	case sum < 100 && p.panics(tiers, shares), sum == 0:
		// A sum of 0 without panic is NoPanic's: nothing can be picked, and the shares must add up all the same.
		spread(shares, totals, hosts)
	default:
		spread(shares, available, min(100, sum))
	}
	return shares
}

// panics marks the tiers that panic and says whether all do.
func (p LoadPolicy) panics(tiers []TierHealth, shares []TierShare) (all bool) {
	threshold := p.PanicBelow
	if threshold == 0 {
		threshold = 50
	}
	all = true
	for i, t := range tiers {
		t = t.sane()
		// A tier without targets panics too, so that it does not keep the others from being in total panic.
		shares[i].Panic = !p.NoPanic && (t.Total == 0 || 100*t.Healthy < threshold*t.Total)
		all = all && shares[i].Panic
	}
	return all
}

// spread hands out 100 percent in order, to each its part of the whole as far as there is any left. What rounding leaves goes to the
// first that has a part.
func spread(shares []TierShare, parts []int, whole int) {
	left, first := 100, -1
	for i, part := range parts {
		if first < 0 && part > 0 {
			first = i
		}
		share := min(left, 100*part/whole)
		shares[i].Percent = uint32(share)
		left -= share
	}
	shares[first].Percent += uint32(left)
}

func (p LoadPolicy) availability(t TierHealth) int {
	factor := p.Overprovisioning
	if factor == 0 {
		factor = 140
	}
	if t.Total == 0 {
		return 0
	}
	return min(100, factor*t.Healthy/t.Total)
}

// sane reads numbers that cannot be as the nearest that can.
func (t TierHealth) sane() TierHealth {
	t.Total = max(0, t.Total)
	t.Healthy = min(max(0, t.Healthy), t.Total)
	return t
}
