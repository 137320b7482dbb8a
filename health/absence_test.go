package health_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/health"
)

func names(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("record-%02d", i))
	}
	return out
}

// endpoints says that the names from one number to another are EndpointRecords.
func endpoints(from, to int, serviceSeen bool) map[string]bool {
	out := map[string]bool{}
	for _, name := range names(to)[from:] {
		out[name] = serviceSeen
	}
	return out
}

func joined(a, b map[string]bool) map[string]bool {
	maps.Copy(a, b)
	return a
}

func TestAbsence(t *testing.T) {
	marker := func(exports, slices int32, withdrawing ...string) *v1alpha1.Marker {
		return &v1alpha1.Marker{Term: 1, Sequence: 7, Exports: exports, Slices: slices, Withdrawing: withdrawing}
	}
	for name, row := range map[string]struct {
		in     health.AbsenceInput
		held   int
		obeyed int
		why    string
		braked time.Duration // BrakedSince, before noon; -1: none
		wake   time.Duration // after noon; 0: never
	}{
		"nothing is missing": {in: health.AbsenceInput{Known: 3, Marker: marker(3, 0), SeenExports: 3, BrakedSince: noon}, braked: -1},
		"the marker counts what is seen": {in: health.AbsenceInput{Known: 3, Missing: names(1), Marker: marker(2, 4), SeenExports: 2, SeenSlices: 4},
			obeyed: 1, why: "1 record is withdrawn", braked: -1},
		"the marker names it": {in: health.AbsenceInput{Known: 3, Missing: names(2), Marker: marker(3, 4, "record-00", "record-01"), SeenExports: 1},
			obeyed: 2, why: "2 records are withdrawn", braked: -1},
		"the marker names one of two": {in: health.AbsenceInput{Known: 3, Missing: names(2), Marker: marker(3, 4, "record-01"), SeenExports: 1, SeenSlices: 4},
			held: 1, obeyed: 1, why: "1 record is withdrawn; 1 record is missing without an explanation, held: the member's marker counts 3 services and 4 slices, seen are 1 and 4", braked: -1},
		"the marker counts more": {in: health.AbsenceInput{Known: 3, Missing: names(3), Marker: marker(3, 3)},
			held: 3, why: "3 records are missing without an explanation, held: the member's marker counts 3 services and 3 slices, seen are 0 and 0", braked: -1},
		"no marker": {in: health.AbsenceInput{Known: 3, Missing: names(3)},
			held: 3, why: "3 records are missing without an explanation, held: the member's marker is not seen", braked: -1},
		"a marker that was never written": {in: health.AbsenceInput{Known: 3, Missing: names(3), Marker: &v1alpha1.Marker{}},
			held: 3, why: "3 records are missing without an explanation, held: the member's marker is not seen", braked: -1},
		"a written marker of nothing": {in: health.AbsenceInput{Known: 3, Missing: names(3), Marker: marker(0, 0)},
			obeyed: 3, why: "3 records are withdrawn", braked: -1},
		"the member leaves": {in: health.AbsenceInput{Known: 50, Missing: names(50), Leaving: true},
			obeyed: 50, why: "50 records are gone: the member leaves", braked: -1},
		"as many as the brake allows": {in: health.AbsenceInput{Known: 20, Missing: names(20), Marker: marker(0, 0)},
			obeyed: 20, why: "20 records are withdrawn", braked: -1},
		"the share that the brake allows": {in: health.AbsenceInput{Known: 60, Missing: names(30), Marker: marker(30, 0), SeenExports: 30},
			obeyed: 30, why: "30 records are withdrawn", braked: -1},
		"a mass withdrawal": {in: health.AbsenceInput{Known: 40, Missing: names(21), Marker: marker(19, 0), SeenExports: 19},
			held: 21, why: "21 records are withdrawn, 21 services of 40 at once: held for 1m0s, or until released", wake: time.Minute},
		"the first of many that are announced": {in: health.AbsenceInput{Known: 26, Missing: names(1), Marker: marker(4, 0, names(22)...), SeenExports: 25},
			held: 1, why: "1 record is withdrawn, 22 services of 26 at once: held for 1m0s, or until released", braked: 0, wake: time.Minute},
		"endpoints of a service that stays, while many are announced": {in: health.AbsenceInput{Known: 26, Missing: names(1), Endpoints: endpoints(0, 1, true), Marker: marker(4, 0, names(23)...), SeenExports: 26},
			obeyed: 1, why: "1 record is withdrawn", braked: -1},
		"a mass withdrawal, a while ago": {in: health.AbsenceInput{Known: 40, Missing: names(21), Marker: marker(19, 0), SeenExports: 19, BrakedSince: noon.Add(-20 * time.Second)},
			held: 21, why: "21 records are withdrawn, 21 services of 40 at once: held for 1m0s, or until released", braked: 20 * time.Second, wake: 40 * time.Second},
		"a mass withdrawal, long ago": {in: health.AbsenceInput{Known: 40, Missing: names(21), Marker: marker(19, 0), SeenExports: 19, BrakedSince: noon.Add(-time.Minute)},
			obeyed: 21, why: "21 records are withdrawn", braked: time.Minute},
		"a mass withdrawal, released": {in: health.AbsenceInput{Known: 40, Missing: names(21), Marker: marker(19, 0), SeenExports: 19, Released: true},
			obeyed: 21, why: "21 records are withdrawn"},
		"the operator's word explains nothing": {in: health.AbsenceInput{Known: 40, Missing: names(40), Marker: marker(40, 0), Released: true},
			held: 40, why: "40 records are missing without an explanation, held: the member's marker counts 40 services and 0 slices, seen are 0 and 0", braked: -1},
		"endpoints in any number are let go, where the service stays": {in: health.AbsenceInput{Known: 3, Missing: names(50), Endpoints: endpoints(0, 50, true), Marker: marker(3, 0), SeenExports: 3},
			obeyed: 50, why: "50 records are withdrawn", braked: -1},
		"endpoints do not make a mass of services": {in: health.AbsenceInput{Known: 20, Missing: names(40), Endpoints: endpoints(20, 40, false), Marker: marker(0, 0)},
			obeyed: 40, why: "40 records are withdrawn", braked: -1},
		"braked services keep their endpoints, others do not": {in: health.AbsenceInput{Known: 30, Missing: names(50), Endpoints: joined(endpoints(25, 45, false), endpoints(45, 50, true)), Marker: marker(5, 7), SeenExports: 5, SeenSlices: 7},
			held: 45, obeyed: 5, why: "50 records are withdrawn, 25 services of 30 at once: held for 1m0s, or until released", wake: time.Minute},
		"one by one is a mass too": {in: health.AbsenceInput{Known: 19, Missing: names(1), Recent: 21, Marker: marker(18, 0, names(1)...), SeenExports: 18},
			held: 1, why: "1 record is withdrawn, 22 services of 40 at once: held for 1m0s, or until released", wake: time.Minute},
		"a few after many are no mass": {in: health.AbsenceInput{Known: 80, Missing: names(1), Recent: 21, Marker: marker(79, 0, names(1)...), SeenExports: 79},
			obeyed: 1, why: "1 record is withdrawn", braked: -1},
		"a mass withdrawal beside what is unexplained": {in: health.AbsenceInput{Known: 30, Missing: names(25), Marker: marker(6, 0, names(22)...), SeenExports: 5},
			held: 25, why: "22 records are withdrawn, 22 services of 30 at once: held for 1m0s, or until released; 3 records are missing without an explanation, held: the member's marker counts 6 services and 0 slices, seen are 5 and 0", wake: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			got := health.Absence(policy, row.in, noon)
			if len(got.Held) != row.held || len(got.Obeyed) != row.obeyed {
				t.Errorf("%d held and %d obeyed, want %d and %d", len(got.Held), len(got.Obeyed), row.held, row.obeyed)
			}
			if diff := cmp.Diff(row.why, got.Reason); diff != "" {
				t.Error(diff)
			}
			if row.braked < 0 != got.BrakedSince.IsZero() || row.braked >= 0 && !got.BrakedSince.Equal(noon.Add(-row.braked)) {
				t.Errorf("braked since %v", got.BrakedSince)
			}
			if row.wake == 0 && !got.Wake.IsZero() || row.wake > 0 && !got.Wake.Equal(noon.Add(row.wake)) {
				t.Errorf("look again at %v", got.Wake)
			}
		})
	}
}

// An importer that sees some namespaces of a member learns from the marker's account of them what is no more.
func TestAbsenceByNamespace(t *testing.T) {
	account := func(exports, slices int32, names ...string) v1alpha1.Account {
		var d v1alpha1.RecordDigest
		for _, name := range names {
			d = d.Flip(name)
		}
		return v1alpha1.Account{Exports: exports, Slices: slices, Digest: d.String()}
	}
	type accounts = map[string]v1alpha1.Account
	for name, row := range map[string]struct {
		marker  accounts
		seen    accounts
		missing map[string]string // name -> namespace
		held    []string
		why     string
	}{
		"what is seen is all that there is": {
			marker: accounts{"shop": account(1, 0, "a"), "bank": account(7, 9, "x")}, seen: accounts{"shop": account(1, 0, "a")},
			missing: map[string]string{"b": "shop"}, why: "1 record is withdrawn",
		},
		"there is nothing any more": {
			marker: accounts{"bank": account(7, 9, "x")}, seen: accounts{"shop": {}},
			missing: map[string]string{"a": "shop", "b": "shop"}, why: "2 records are withdrawn",
		},
		"there is more": {
			marker: accounts{"shop": account(2, 0, "a", "b")}, seen: accounts{"shop": account(1, 0, "a")},
			missing: map[string]string{"b": "shop"}, held: []string{"b"},
			why: "1 record is missing without an explanation, held: the member's marker counts 2 services and 0 slices, seen are 1 and 0",
		},
		"as many, and others": {
			marker: accounts{"shop": account(1, 0, "b")}, seen: accounts{"shop": account(1, 0, "a")},
			missing: map[string]string{"b": "shop"}, held: []string{"b"},
			why: "1 record is missing without an explanation, held: the member's marker accounts for other records than those that are seen",
		},
		"each namespace for itself": {
			marker: accounts{"shop": account(1, 0, "a"), "bank": account(2, 1, "x", "y", "z")}, seen: accounts{"shop": account(1, 0, "a"), "bank": account(1, 0, "x")},
			missing: map[string]string{"b": "shop", "y": "bank"}, held: []string{"y"},
			why: "1 record is withdrawn; 1 record is missing without an explanation, held: the member's marker counts 2 services and 1 slices, seen are 1 and 0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := health.AbsenceInput{
				Known: len(row.missing), Missing: slices.Sorted(maps.Keys(row.missing)), Namespaces: row.missing, Seen: row.seen,
				Marker: &v1alpha1.Marker{Term: 1, Exports: 9, Slices: 9, Namespaces: row.marker},
			}
			got := health.Absence(policy, in, noon)
			if !slices.Equal(got.Held, row.held) || got.Reason != row.why {
				t.Errorf("held %v, %s", got.Held, got.Reason)
			}
		})
	}
}

// The brake counts what the marker announces for the namespaces that are seen here, not what the member exports elsewhere.
func TestTheBrakeForeseesWhatIsAnnouncedForTheNamespacesSeen(t *testing.T) {
	in := health.AbsenceInput{
		Known: 26, Missing: names(1), Namespaces: map[string]string{"record-00": "shop"},
		Seen:   map[string]v1alpha1.Account{"shop": {Exports: 25}},
		Marker: &v1alpha1.Marker{Exports: 1004, Namespaces: map[string]v1alpha1.Account{"shop": {Exports: 4}, "bank": {Exports: 1000}}, Withdrawing: names(22)},
	}
	if got := health.Absence(policy, in, noon); len(got.Held) != 1 || got.Wake.IsZero() {
		t.Errorf("let go: %+v", got)
	}
}

func TestAbsenceAlways(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := health.AbsenceInput{
			Known:       rapid.IntRange(0, 60).Draw(t, "known"),
			Missing:     names(rapid.IntRange(0, 50).Draw(t, "missing")),
			SeenExports: rapid.IntRange(0, 2).Draw(t, "exports"),
			SeenSlices:  rapid.IntRange(0, 2).Draw(t, "slices"),
			Leaving:     rapid.IntRange(0, 9).Draw(t, "leaving") == 0,
			Released:    rapid.Bool().Draw(t, "released"),
			Recent:      rapid.IntRange(0, 30).Draw(t, "recent"),
		}
		if rapid.Bool().Draw(t, "with endpoints") {
			in.Endpoints = rapid.MapOfN(rapid.SampledFrom(names(50)), rapid.Bool(), 0, 30).Draw(t, "endpoints")
		}
		if rapid.IntRange(0, 9).Draw(t, "with marker") > 0 {
			in.Marker = &v1alpha1.Marker{
				Exports: rapid.Int32Range(0, 2).Draw(t, "counted exports"), Slices: rapid.Int32Range(0, 2).Draw(t, "counted slices"),
				Withdrawing: names(rapid.IntRange(0, 50).Draw(t, "withdrawing")),
			}
			account := rapid.SampledFrom([]v1alpha1.Account{{}, {Exports: 1}, {Exports: 1, Digest: "a"}})
			accounts := rapid.MapOf(rapid.SampledFrom([]string{"shop", "bank"}), account)
			if rapid.Bool().Draw(t, "by namespace") {
				in.Marker.Namespaces, in.Seen = accounts.Draw(t, "counted"), accounts.Draw(t, "seen")
				in.Namespaces = rapid.MapOf(rapid.SampledFrom(names(50)), rapid.SampledFrom([]string{"shop", "bank"})).Draw(t, "namespaces")
			}
		}
		if rapid.Bool().Draw(t, "braked") {
			in.BrakedSince = noon.Add(-time.Duration(rapid.IntRange(-5, 90).Draw(t, "braked since")) * time.Second)
		}
		before := slices.Clone(in.Missing)
		got := health.Absence(policy, in, noon)

		both := slices.Concat(got.Held, got.Obeyed)
		slices.Sort(both)
		if !slices.Equal(both, before) || !slices.Equal(in.Missing, before) || !slices.IsSorted(got.Held) {
			t.Fatalf("%v were missing, %v are held and %v obeyed", before, got.Held, got.Obeyed)
		}
		if (got.Reason == "") != (len(before) == 0) {
			t.Fatalf("reason %q", got.Reason)
		}
		if !got.Wake.IsZero() && (!got.Wake.After(noon) || len(got.Held) == 0) {
			t.Fatalf("look again at %v", got.Wake)
		}
		if strings.Contains(got.Reason, "at once") != !got.Wake.IsZero() {
			t.Fatalf("the brake must have an end: %s", got.Reason)
		}
		in.BrakedSince = got.BrakedSince
		if again := health.Absence(policy, in, noon); !cmp.Equal(got, again) {
			t.Fatalf("asked twice: %+v, then %+v", got, again)
		}
		if got.Wake.IsZero() {
			return
		}
		if later := health.Absence(policy, in, got.Wake); len(later.Obeyed) == 0 || !later.Wake.IsZero() {
			t.Fatalf("at the end of the brake: %+v", later)
		}
	})
}

func BenchmarkAbsence(b *testing.B) {
	for _, known := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("known=%d", known), func(b *testing.B) {
			in := health.AbsenceInput{Known: known, Missing: names(1), SeenExports: known - 1, Marker: &v1alpha1.Marker{Exports: int32(known), Withdrawing: names(1)}}
			for b.Loop() {
				health.Absence(policy, in, noon)
			}
		})
	}
}
