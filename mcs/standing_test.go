package mcs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/mcs"
)

func TestStanding(t *testing.T) {
	headless := func(s *v1alpha1.ServiceRecordSpec) { s.Headless = true }
	type families = []corev1.IPFamily
	both := families{v4, v6}
	for name, row := range map[string]struct {
		records  []*v1alpha1.ServiceRecord
		headless bool
		families families // that stand
		spoken   families
		want     string
	}{
		"as merged":                          {[]*v1alpha1.ServiceRecord{record("west", 1)}, false, families{v4}, both, "ClusterSetIP [IPv4]"},
		"nobody is of the old type any more": {[]*v1alpha1.ServiceRecord{record("west", 1, headless)}, false, families{v4}, both, "Headless [IPv4]"},
		"somebody is": {[]*v1alpha1.ServiceRecord{record("west", 1, headless), record("east", 2), record("north", 3)}, false, families{v4}, both,
			"ClusterSetIP [IPv4] it stays ClusterSetIP while east and north export that type\n" +
				"TypeConflict: type: Headless in west (the oldest export), ClusterSetIP in east and north; here it stays ClusterSetIP while east and north export that type"},
		"a second family is added":              {[]*v1alpha1.ServiceRecord{record("west", 1, withFamilies(v4, v6))}, false, families{v4}, both, "ClusterSetIP [IPv4 IPv6]"},
		"nobody has the second family any more": {[]*v1alpha1.ServiceRecord{record("west", 1)}, false, both, both, "ClusterSetIP [IPv4]"},
		"somebody has the second family": {[]*v1alpha1.ServiceRecord{record("west", 1), record("east", 2, withFamilies(v4, v6))}, false, both, both,
			"ClusterSetIP [IPv4 IPv6] it stays on IPv4,IPv6 while west and east export that\n" +
				"IPFamilyConflict: ipFamilies: IPv4 in west (the oldest export), IPv4,IPv6 in east; traffic over IPv6 does not reach west; here it stays on IPv4,IPv6 while west and east export that"},
		"nobody has the first family any more": {[]*v1alpha1.ServiceRecord{record("west", 1, withFamilies(v6))}, false, families{v4}, both, "ClusterSetIP [IPv6]"},
		"the order stays": {[]*v1alpha1.ServiceRecord{record("west", 1, withFamilies(v6, v4))}, false, both, both,
			"ClusterSetIP [IPv4 IPv6] it stays on IPv4,IPv6 while west exports that"},
		"a family that the cluster does not speak": {[]*v1alpha1.ServiceRecord{record("west", 1, withFamilies(v6, v4))}, false, families{v4}, families{v4}, "ClusterSetIP [IPv6 IPv4]"},
		"exports that name no family may have any": {[]*v1alpha1.ServiceRecord{record("west", 1, withFamilies())}, false, families{v4}, families{v4}, "ClusterSetIP []"},
	} {
		t.Run(name, func(t *testing.T) {
			m := mcs.Merge(cart, row.records)
			before := fmt.Sprint(m.Conflicts, m.IPFamilies)
			out := m.Standing(row.headless, row.families, row.spoken)
			got := "ClusterSetIP"
			if out.Headless {
				got = "Headless"
			}
			got = strings.TrimSpace(fmt.Sprint(got, " ", out.IPFamilies, " ", out.Stays))
			for _, c := range out.Conflicts {
				if out.Stays != "" {
					got += "\n" + c.Reason + ": " + c.Message
				}
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
			if fmt.Sprint(m.Conflicts, m.IPFamilies) != before {
				t.Error("what was merged has changed")
			}
		})
	}
}

// What stands as it was decided stands on, and a family that anybody has is never taken away.
func TestStandingIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		families := rapid.SliceOfNDistinct(rapid.SampledFrom([]corev1.IPFamily{v4, v6}), 0, 2, rapid.ID)
		spoken := rapid.SliceOfNDistinct(rapid.SampledFrom([]corev1.IPFamily{v4, v6}), 1, 2, rapid.ID).Draw(t, "spoken")
		var records []*v1alpha1.ServiceRecord
		for i, c := range []string{"west", "east", "north"}[:rapid.IntRange(1, 3).Draw(t, "exporters")] {
			records = append(records, record(c, i, withFamilies(families.Draw(t, "families")...), func(s *v1alpha1.ServiceRecordSpec) { s.Headless = rapid.Bool().Draw(t, "headless") }))
		}
		speak := func(m *mcs.Merged) []corev1.IPFamily {
			return mcs.Import(mcs.ImportInput{Merged: m, Families: spoken, NamespaceExists: true}).Object.Spec.IPFamilies
		}
		var stands []corev1.IPFamily
		for _, f := range families.Draw(t, "standing") {
			if slices.Contains(spoken, f) {
				stands = append(stands, f)
			}
		}
		m := mcs.Merge(cart, records)
		once := m.Standing(rapid.Bool().Draw(t, "stands headless"), stands, spoken)
		if again := m.Standing(once.Headless, speak(once), spoken); !slices.Equal(speak(again), speak(once)) || again.Headless != once.Headless {
			t.Fatalf("first %v %v, then %v %v", once.Headless, speak(once), again.Headless, speak(again))
		}
		for _, f := range stands {
			if slices.ContainsFunc(records, func(r *v1alpha1.ServiceRecord) bool { return slices.Contains(r.Spec.IPFamilies, f) }) && !slices.Contains(speak(once), f) {
				t.Fatalf("%s was taken away", f)
			}
		}
	})
}
