package health_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
)

var (
	policy = health.DefaultPolicy()
	noon   = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
)

// probes gives the misses of two beacons as seen by each prober: probes("3,4", "0,0") is two probers.
func probes(probers ...string) []health.Probe {
	var out []health.Probe
	for i, text := range probers {
		var a, b int
		if _, err := fmt.Sscanf(text, "%d,%d", &a, &b); err != nil {
			panic(err)
		}
		prober := fmt.Sprintf("prober-%d", i)
		out = append(out, health.Probe{Prober: prober, Path: "10.2.0.1:9901", Misses: a}, health.Probe{Prober: prober, Path: "10.2.0.2:9901", Misses: b})
	}
	return out
}

func drainingProbes(probes []health.Probe) []health.Probe {
	probes[len(probes)-1].Draining = true
	return probes
}

func member(edits ...func(*v1alpha1.MemberSpec)) *v1alpha1.Member {
	m := &v1alpha1.Member{}
	for _, e := range edits {
		e(&m.Spec)
	}
	return m
}

func drain(s *v1alpha1.MemberSpec)   { s.Drain = true }
func leaving(s *v1alpha1.MemberSpec) { s.Leaving = true }

func TestJudge(t *testing.T) {
	lost := health.State{Verdict: fleet.Lost, Since: noon.Add(-time.Minute)}
	answering := health.State{Verdict: fleet.Lost, Since: noon.Add(-time.Minute), AnsweringSince: noon.Add(-400 * time.Millisecond)}
	answered := health.State{Verdict: fleet.Lost, Since: noon.Add(-time.Minute), AnsweringSince: noon.Add(-time.Second)}
	dead := probes("3,3", "4,9")
	const silent = 90 * time.Second
	for name, row := range map[string]struct {
		prior health.State
		o     health.Observation
		want  fleet.Verdict
		why   string
		wake  time.Duration // after noon; 0: never
	}{
		"not probed, never seen":             {o: health.Observation{Member: member()}, want: fleet.Serving, why: "it is not probed from here", wake: silent},
		"a marker that is not watched":       {o: health.Observation{Member: member(), MarkerAge: -1}, want: fleet.Serving, why: "it is not probed from here"},
		"all answer":                         {o: health.Observation{Member: member(), Probes: probes("0,0", "0,0")}, want: fleet.Serving, why: "its beacons answer", wake: silent},
		"one beacon is dead":                 {o: health.Observation{Member: member(), Probes: probes("9,0", "9,0")}, want: fleet.Serving, why: "its beacons answer", wake: silent},
		"each prober misses another beacon":  {o: health.Observation{Member: member(), Probes: probes("9,0", "0,9")}, want: fleet.Serving, why: "its beacons answer", wake: silent},
		"one prober is blind":                {o: health.Observation{Member: member(), Probes: probes("1,1", "0,0")}, want: fleet.Suspect, why: "no path answers 1 of 2 probers", wake: silent},
		"both are, for less than 3 probes":   {o: health.Observation{Member: member(), Probes: probes("2,3", "3,3")}, want: fleet.Suspect, why: "no path answers both probers", wake: silent},
		"lost":                               {o: health.Observation{Member: member(), Probes: dead}, want: fleet.Lost, why: "3 probes in a row missed on both paths by both probers"},
		"never lost by one prober":           {o: health.Observation{Member: member(), Probes: probes("9,9")}, want: fleet.Suspect, why: "3 probes in a row missed on both paths by the only prober: one prober alone does not make it lost", wake: silent},
		"never lost when all others are":     {o: health.Observation{Member: member(), Probes: dead, OthersAllDead: true}, want: fleet.Suspect, why: "3 probes in a row missed on both paths by both probers, as of every other cluster: suspect yourself", wake: silent},
		"not even if it was for a moment":    {prior: health.State{Verdict: fleet.Lost, Since: noon.Add(-time.Second / 2)}, o: health.Observation{Member: member(), Probes: dead, OthersAllDead: true}, want: fleet.Suspect, why: "3 probes in a row missed on both paths by both probers, as of every other cluster: suspect yourself", wake: silent},
		"unless it was lost before the rest": {prior: lost, o: health.Observation{Member: member(), Probes: dead, OthersAllDead: true}, want: fleet.Lost, why: "3 probes in a row missed on both paths by both probers"},
		"drained by its operator":            {o: health.Observation{Member: member(drain), Probes: probes("0,0")}, want: fleet.DrainingCluster, why: "its operator drains it"},
		"drained by its own word":            {o: health.Observation{Member: member(), Probes: drainingProbes(probes("0,0"))}, want: fleet.DrainingCluster, why: "its beacon 10.2.0.2:9901 says that it drains"},
		"lost beats draining":                {o: health.Observation{Member: member(drain), Probes: dead}, want: fleet.Lost, why: "3 probes in a row missed on both paths by both probers"},
		"draining beats suspect":             {o: health.Observation{Member: member(drain), Probes: probes("1,1")}, want: fleet.DrainingCluster, why: "its operator drains it"},
		"leaving beats lost":                 {prior: lost, o: health.Observation{Member: member(leaving), Probes: dead}, want: fleet.Gone, why: "it has left the clusterset: its Member says leaving"},
		"gone stays gone without a Member":   {prior: health.State{Verdict: fleet.Gone, Since: noon}, o: health.Observation{}, want: fleet.Gone, why: "it has left the clusterset, and its Member is no more"},
		"gone comes back with a new Member":  {prior: health.State{Verdict: fleet.Gone, Since: noon}, o: health.Observation{Member: member()}, want: fleet.Serving, why: "it is not probed from here", wake: silent},
		"a silent marker, a living path":     {o: health.Observation{Member: member(), MarkerAge: silent, Probes: probes("0,2", "1,0")}, want: fleet.Serving, why: "its marker has not changed for 1m30s, but its data path lives"},
		"a silent marker, no path known":     {o: health.Observation{Member: member(), MarkerAge: time.Hour}, want: fleet.Serving, why: "its marker has not changed for 1m30s, but its data path lives"},
		"a silent marker, nothing answers":   {o: health.Observation{Member: member(), MarkerAge: silent, Probes: probes("1,1", "1,1")}, want: fleet.Suspect, why: "no path answers both probers, and its marker has not changed for 1m30s"},
		"a marker that will be silent":       {o: health.Observation{Member: member(), MarkerAge: silent - time.Second}, want: fleet.Serving, why: "it is not probed from here", wake: time.Second},
		"still lost":                         {prior: lost, o: health.Observation{Member: member(), Probes: probes("9,9", "0,9")}, want: fleet.Lost, why: "no path answers 1 of 2 probers since it was lost"},
		"still lost with one prober less":    {prior: lost, o: health.Observation{Member: member(), Probes: probes("9,9")}, want: fleet.Lost, why: "no path answers the only prober since it was lost"},
		"still lost with no prober at all":   {prior: lost, o: health.Observation{Member: member()}, want: fleet.Lost, why: "it is not probed from here since it was lost"},
		"lost and answering":                 {prior: lost, o: health.Observation{Member: member(), Probes: probes("0,0", "0,0")}, want: fleet.Lost, why: "it answers again, and must go on for 1s", wake: time.Second},
		"lost and answering for a while":     {prior: answering, o: health.Observation{Member: member(), Probes: probes("0,0", "0,0")}, want: fleet.Lost, why: "it answers again, and must go on for 1s", wake: 600 * time.Millisecond},
		"lost, answering, and silent again":  {prior: answering, o: health.Observation{Member: member(), Probes: probes("1,1", "0,0")}, want: fleet.Lost, why: "no path answers 1 of 2 probers since it was lost"},
		"lost and found":                     {prior: answered, o: health.Observation{Member: member(), Probes: probes("0,0", "0,0")}, want: fleet.Serving, why: "its beacons answer", wake: silent},
		"lost, found, and drained":           {prior: answered, o: health.Observation{Member: member(drain), Probes: probes("0,0", "0,0")}, want: fleet.DrainingCluster, why: "its operator drains it"},
		"no Member, never seen":              {o: health.Observation{}, want: fleet.Serving, why: "its Member is missing without an explanation: the verdict is kept"},
		"no Member: drained as before":       {prior: health.State{Verdict: fleet.DrainingCluster, Since: noon}, o: health.Observation{}, want: fleet.DrainingCluster, why: "its Member is missing without an explanation: the verdict is kept"},
		"no Member: suspect as before":       {prior: health.State{Verdict: fleet.Suspect, Since: noon}, o: health.Observation{Probes: probes("0,0", "0,0")}, want: fleet.Suspect, why: "its Member is missing without an explanation: the verdict is kept"},
		"no Member: what is dead is dead":    {prior: health.State{Since: noon}, o: health.Observation{Probes: dead}, want: fleet.Lost, why: "3 probes in a row missed on both paths by both probers"},
		"no Member: what is found is found":  {prior: answered, o: health.Observation{Probes: probes("0,0", "0,0")}, want: fleet.Serving, why: "its Member is missing without an explanation: the verdict is kept"},
		"no Member: the beacon's own word":   {o: health.Observation{Probes: drainingProbes(probes("0,0"))}, want: fleet.DrainingCluster, why: "its beacon 10.2.0.2:9901 says that it drains"},
		"no Member: never lost, if all seem": {prior: health.State{Verdict: fleet.Lost, Since: noon.Add(-time.Second / 2)}, o: health.Observation{Probes: dead, OthersAllDead: true}, want: fleet.Suspect, why: "its Member is missing without an explanation: the verdict is kept"},
	} {
		t.Run(name, func(t *testing.T) {
			got, wake := health.Judge(policy, row.o, row.prior, noon)
			if got.Verdict != row.want || got.Reason != row.why {
				t.Errorf("got %v: %s\nwant %v: %s", got.Verdict, got.Reason, row.want, row.why)
			}
			if row.wake == 0 && !wake.IsZero() || row.wake > 0 && !wake.Equal(noon.Add(row.wake)) {
				t.Errorf("look again at %v, want %v after noon", wake, row.wake)
			}
			since := noon
			if got.Verdict == row.prior.Verdict && !row.prior.Since.IsZero() {
				since = row.prior.Since
			}
			if !got.Since.Equal(since) {
				t.Errorf("since %v, want %v", got.Since, since)
			}
		})
	}
}

// A cluster that is lost and found, step by step.
func TestJudgeLosesAndFinds(t *testing.T) {
	now, state := noon, health.State{}
	for _, step := range []struct {
		after  time.Duration
		probes []health.Probe
		want   fleet.Verdict
	}{
		{0, probes("0,0", "0,0"), fleet.Serving},
		{200 * time.Millisecond, probes("1,1", "1,1"), fleet.Suspect},
		{200 * time.Millisecond, probes("2,2", "2,2"), fleet.Suspect},
		{200 * time.Millisecond, probes("3,3", "3,3"), fleet.Lost},
		{time.Hour, probes("9,9", "9,9"), fleet.Lost},
		{200 * time.Millisecond, probes("0,9", "0,9"), fleet.Lost},
		{900 * time.Millisecond, probes("0,0", "0,0"), fleet.Lost},
		{50 * time.Millisecond, probes("1,1", "1,1"), fleet.Lost}, // a break: it must answer anew
		{200 * time.Millisecond, probes("0,0", "0,0"), fleet.Lost},
		{900 * time.Millisecond, probes("0,0", "0,0"), fleet.Lost},
		{100 * time.Millisecond, probes("0,0", "0,0"), fleet.Serving},
	} {
		now = now.Add(step.after)
		state, _ = health.Judge(policy, health.Observation{Member: member(), Probes: step.probes}, state, now)
		if state.Verdict != step.want {
			t.Fatalf("%v after noon it is %v (%s), want %v", now.Sub(noon), state.Verdict, state.Reason, step.want)
		}
	}
}

func anyObservation(t *rapid.T) health.Observation {
	o := health.Observation{
		MarkerAge:     time.Duration(rapid.IntRange(-1, 180).Draw(t, "marker age")) * time.Second,
		OthersAllDead: rapid.Bool().Draw(t, "others dead"),
		Probes: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) health.Probe {
			return health.Probe{
				Prober: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "prober"), Path: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "path"),
				Misses: rapid.SampledFrom([]int{0, 1, 2, 3, 9, 9, 9, -1}).Draw(t, "misses"), Draining: rapid.IntRange(0, 9).Draw(t, "draining") == 0,
			}
		}), 0, 6).Draw(t, "probes"),
	}
	if rapid.IntRange(0, 3).Draw(t, "with member") > 0 {
		o.Member = member()
		o.Member.Spec.Drain = rapid.IntRange(0, 3).Draw(t, "drain") == 0
		o.Member.Spec.Leaving = rapid.IntRange(0, 9).Draw(t, "leaving") == 0
	}
	return o
}

func anyState(t *rapid.T) health.State {
	s := health.State{Verdict: rapid.SampledFrom([]fleet.Verdict{fleet.Serving, fleet.Suspect, fleet.DrainingCluster, fleet.Lost, fleet.Lost, fleet.Gone}).Draw(t, "prior")}
	if rapid.Bool().Draw(t, "with since") {
		s.Since = noon.Add(-time.Minute)
	}
	if s.Verdict == fleet.Lost && rapid.Bool().Draw(t, "answering") {
		s.AnsweringSince = noon.Add(time.Duration(rapid.IntRange(-2000, 10).Draw(t, "answering since")) * time.Millisecond)
	}
	return s
}

func TestJudgeAlways(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, prior := anyObservation(t), anyState(t)
		p := policy
		if rapid.IntRange(0, 9).Draw(t, "zero policy") == 0 {
			p = health.Policy{}
		}
		s, wake := health.Judge(p, o, prior, noon)
		if again, wakeAgain := health.Judge(p, o, s, noon); again != s || !wakeAgain.Equal(wake) {
			t.Fatalf("judged twice: %+v, then %+v", s, again)
		}
		if s.Reason == "" || s.Since.IsZero() {
			t.Fatalf("no reason or no time: %+v", s)
		}
		if !wake.IsZero() && !wake.After(noon) {
			t.Fatalf("look again at %v, which is not after %v", wake, noon)
		}

		probers, answered := map[string]bool{}, false
		for _, probe := range o.Probes {
			probers[probe.Prober] = true
			answered = answered || probe.Misses < max(1, p.Misses)
		}
		newlyLost := s.Verdict == fleet.Lost && prior.Verdict != fleet.Lost
		switch {
		case newlyLost && len(probers) < 2:
			t.Fatalf("lost by %d probers", len(probers))
		case newlyLost && answered:
			t.Fatal("lost although a probe was answered lately")
		case s.Verdict == fleet.Lost && o.OthersAllDead && prior.Verdict != fleet.Lost:
			t.Fatal("lost although every other cluster seems dead too")
		case prior.Verdict == fleet.Lost && s.Verdict == fleet.Serving && !o.OthersAllDead && !prior.AnsweringSince.IsZero() && max(0, noon.Sub(prior.AnsweringSince)) < p.Recover:
			t.Fatal("found too soon")
		case prior.Verdict == fleet.Lost && prior.AnsweringSince.IsZero() && p.Recover > 0 && !o.OthersAllDead && s.Verdict != fleet.Lost && s.Verdict != fleet.Gone:
			t.Fatalf("lost, then at once %v", s.Verdict)
		case s.Verdict == fleet.Gone && prior.Verdict != fleet.Gone && (o.Member == nil || !o.Member.Spec.Leaving):
			t.Fatal("gone without a goodbye")
		}
	})
}

// Time alone changes nothing before the moment that Judge named.
func TestJudgeNamesTheNextMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, prior := anyObservation(t), anyState(t)
		s, wake := health.Judge(policy, o, prior, noon)
		later := time.Duration(rapid.IntRange(1, 200_000).Draw(t, "later")) * time.Millisecond
		if !wake.IsZero() {
			later = min(later, wake.Sub(noon)-1)
		}
		if o.MarkerAge >= 0 {
			o.MarkerAge += later
		}
		if after, _ := health.Judge(policy, o, s, noon.Add(later)); after.Verdict != s.Verdict || after.Reason != s.Reason {
			t.Fatalf("%v later: %v (%s) became %v (%s), and nobody was told to look", later, s.Verdict, s.Reason, after.Verdict, after.Reason)
		}
	})
}
