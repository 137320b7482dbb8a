package balance_test

import (
	"testing"

	"pgregory.net/rapid"

	"fairlead.dev/fairlead/balance"
)

// The rows are those of Envoy's documentation on priority levels and panic thresholds, with percentages as hosts of 100. Its tables are
// drawn up by hand in places: {25, 25, 20} as 36, 36, 28, and {50, 60} and {25, 100} without overprovisioning. There, its code counts.
func TestLoadSharesAsEnvoyDocuments(t *testing.T) {
	type shares []uint32
	for _, row := range []struct {
		healthy []int
		want    shares
		panics  []bool
	}{
		{[]int{100, 100}, shares{100, 0}, nil},
		{[]int{72, 100}, shares{100, 0}, nil},
		{[]int{71, 100}, shares{99, 1}, nil},
		{[]int{70, 100}, shares{98, 2}, nil},
		{[]int{50, 100}, shares{70, 30}, nil},
		{[]int{25, 100}, shares{35, 65}, nil},
		{[]int{0, 100}, shares{0, 100}, nil},

		{[]int{72, 72}, shares{100, 0}, nil},
		{[]int{71, 71}, shares{99, 1}, nil},
		{[]int{50, 50}, shares{70, 30}, nil},
		{[]int{50, 60}, shares{70, 30}, nil},
		{[]int{25, 25}, shares{50, 50}, []bool{true, true}},
		{[]int{5, 65}, shares{8, 92}, []bool{true, false}},

		{[]int{100, 100, 100}, shares{100, 0, 0}, nil},
		{[]int{72, 72, 100}, shares{100, 0, 0}, nil},
		{[]int{71, 71, 100}, shares{99, 1, 0}, nil},
		{[]int{50, 50, 100}, shares{70, 30, 0}, nil},
		{[]int{25, 100, 100}, shares{35, 65, 0}, nil},
		{[]int{25, 25, 100}, shares{35, 35, 30}, nil},
		{[]int{25, 25, 20}, shares{34, 33, 33}, []bool{true, true, true}},
	} {
		tiers := make([]balance.TierHealth, len(row.healthy))
		for i, h := range row.healthy {
			tiers[i] = balance.TierHealth{Healthy: h, Total: 100}
		}
		got := balance.Load(tiers, balance.LoadPolicy{})
		for i := range got {
			wantPanic := row.panics != nil && row.panics[i]
			if got[i].Percent != row.want[i] || got[i].Panic != wantPanic {
				t.Errorf("healthy %v: tier %d gets %+v, want %d%%, panic %v", row.healthy, i, got[i], row.want[i], wantPanic)
			}
		}
	}
}

func TestLoad(t *testing.T) {
	type tiers []balance.TierHealth
	for name, row := range map[string]struct {
		tiers  tiers
		policy balance.LoadPolicy
		want   []balance.TierShare
	}{
		"no tiers":                      {tiers{}, balance.LoadPolicy{}, []balance.TierShare{}},
		"no hosts":                      {tiers{{0, 0}, {0, 0}}, balance.LoadPolicy{}, []balance.TierShare{{}, {}}},
		"an empty tier takes nothing":   {tiers{{0, 0}, {3, 3}}, balance.LoadPolicy{}, []balance.TierShare{{}, {Percent: 100}}},
		"two of three, the rest spills": {tiers{{2, 3}, {1, 1}}, balance.LoadPolicy{}, []balance.TierShare{{Percent: 93}, {Percent: 7}}},
		"total panic goes by hosts": {tiers{{0, 3}, {0, 1}}, balance.LoadPolicy{},
			[]balance.TierShare{{Percent: 75, Panic: true}, {Percent: 25, Panic: true}}},
		"total panic leaves empty tiers out": {tiers{{0, 0}, {0, 3}, {0, 3}}, balance.LoadPolicy{},
			[]balance.TierShare{{Panic: true}, {Percent: 50, Panic: true}, {Percent: 50, Panic: true}}},
		"rounding goes to the first that has hosts": {tiers{{0, 1}, {0, 1000}}, balance.LoadPolicy{},
			[]balance.TierShare{{Percent: 1, Panic: true}, {Percent: 99, Panic: true}}},
		"scaled up without total panic": {tiers{{1, 10}, {6, 10}}, balance.LoadPolicy{},
			[]balance.TierShare{{Percent: 15, Panic: true}, {Percent: 85}}},
		"without panic, nothing healthy": {tiers{{0, 0}, {0, 2}}, balance.LoadPolicy{NoPanic: true},
			[]balance.TierShare{{}, {Percent: 100}}},
		"without panic, shares are scaled up to 100": {tiers{{25, 100}, {25, 100}, {20, 100}}, balance.LoadPolicy{NoPanic: true},
			[]balance.TierShare{{Percent: 37}, {Percent: 35}, {Percent: 28}}},
		"no overprovisioning":       {tiers{{9, 10}, {9, 10}}, balance.LoadPolicy{Overprovisioning: 100}, []balance.TierShare{{Percent: 90}, {Percent: 10}}},
		"a threshold of its own":    {tiers{{6, 10}}, balance.LoadPolicy{PanicBelow: 70}, []balance.TierShare{{Percent: 100, Panic: true}}},
		"impossible numbers":        {tiers{{-3, 2}, {9, 2}, {1, -1}}, balance.LoadPolicy{}, []balance.TierShare{{}, {Percent: 100}, {}}},
		"more healthy than total":   {tiers{{7, 5}}, balance.LoadPolicy{}, []balance.TierShare{{Percent: 100}}},
		"one healthy of one":        {tiers{{1, 1}}, balance.LoadPolicy{}, []balance.TierShare{{Percent: 100}}},
		"panic only below the half": {tiers{{1, 2}}, balance.LoadPolicy{}, []balance.TierShare{{Percent: 100}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := balance.Load(row.tiers, row.policy)
			if len(got) != len(row.want) {
				t.Fatalf("%d shares for %d tiers", len(got), len(row.tiers))
			}
			for i := range got {
				if got[i] != row.want[i] {
					t.Errorf("tier %d: got %+v, want %+v", i, got[i], row.want[i])
				}
			}
		})
	}
}

func anyTiers(t *rapid.T) []balance.TierHealth {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) balance.TierHealth {
		total := rapid.IntRange(0, 1<<32).Draw(t, "total")
		if rapid.Bool().Draw(t, "few") {
			total %= 20
		}
		return balance.TierHealth{Healthy: rapid.IntRange(0, total).Draw(t, "healthy"), Total: total}
	}), 0, 6).Draw(t, "tiers")
}

func TestLoadSharesAddUpTo100(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tiers := anyTiers(t)
		policy := balance.LoadPolicy{
			Overprovisioning: rapid.SampledFrom([]int{0, 1, 100, 140, 1000}).Draw(t, "overprovisioning"),
			PanicBelow:       rapid.IntRange(0, 100).Draw(t, "panic below"),
			NoPanic:          rapid.Bool().Draw(t, "no panic"),
		}
		hosts, sum := 0, uint32(0)
		for i, s := range balance.Load(tiers, policy) {
			hosts += tiers[i].Total
			sum += s.Percent
			if s.Percent > 0 && tiers[i].Total == 0 {
				t.Fatalf("tier %d has no target and gets %d%%", i, s.Percent)
			}
		}
		if want := uint32(100); hosts > 0 && sum != want || hosts == 0 && sum != 0 {
			t.Fatalf("%v: the shares add up to %d", tiers, sum)
		}
	})
}

// While there is health enough in all, one more healthy target in a tier never lowers the share of that tier and those before it.
func TestLoadIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tiers := append(anyTiers(t), balance.TierHealth{Healthy: 1, Total: 1})
		i := rapid.IntRange(0, len(tiers)-1).Draw(t, "tier")
		if tiers[i].Healthy == tiers[i].Total {
			return
		}
		before := balance.Load(tiers, balance.LoadPolicy{})
		tiers[i].Healthy++
		after := balance.Load(tiers, balance.LoadPolicy{})
		down, up := uint32(0), uint32(0)
		for j := 0; j <= i; j++ {
			down, up = down+before[j].Percent, up+after[j].Percent
		}
		if up < down {
			t.Fatalf("with one more healthy target in tier %d the tiers up to it get %d%% instead of %d%%", i, up, down)
		}
		if before[i].Panic || after[i].Panic {
			t.Fatal("a tier panics although the last one is wholly healthy")
		}
	})
}

// Panic needs a lack of health overall.
func TestLoadPanicsOnlyBelow100(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tiers := anyTiers(t)
		available := 0
		for _, h := range tiers {
			if h.Total > 0 {
				available += min(100, 140*h.Healthy/h.Total)
			}
		}
		for i, s := range balance.Load(tiers, balance.LoadPolicy{}) {
			if s.Panic && available >= 100 {
				t.Fatalf("tier %d panics while %d%% are available", i, available)
			}
		}
	})
}
