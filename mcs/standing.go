package mcs

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// Standing returns the service as it is to be in a cluster where its Service stands already: headless or not, over these families in this
// order. An API server changes neither the type nor the first family of a Service that stands; it must be deleted, and its IP with it. So
// both wait for as long as any exporter is still of the old kind: traffic that flows is not disturbed (M19), and the conflicts say what
// stays. A family that stands keeps its place while an exporter has it; others are added behind it.
//
// spoken are the families that the cluster speaks; nil: all. Where nothing stands, what was merged holds.
func (m *Merged) Standing(headless bool, families, spoken []corev1.IPFamily) *Merged {
	out := *m
	var stays []string
	if of := m.exporting(func(s *v1alpha1.ServiceRecordSpec) bool { return s.Headless == headless }); headless != m.Headless && len(of) > 0 {
		out.Headless = headless
		stays = append(stays, string(typeOf(headless))+" while "+clusters(of)+exports(of)+"that type")
	}
	wanted := importFamilies(ImportInput{Merged: m, Families: spoken})
	standing := slices.DeleteFunc(slices.Clone(families), func(f corev1.IPFamily) bool {
		return spoken != nil && !slices.Contains(spoken, f) || len(m.exporting(speaks(f))) == 0
	})
	if kept := join(standing, wanted); !slices.Equal(kept, wanted) {
		of := m.exporting(speaks(standing...))
		out.IPFamilies = join(kept, m.IPFamilies)
		stays = append(stays, "on "+familiesText(kept)+" while "+clusters(of)+exports(of)+"that")
	}
	if len(stays) == 0 {
		return m
	}
	out.Stays = "it stays " + strings.Join(stays, ", and ")
	out.Conflicts = conflicts(m.Records, &out)
	for i, c := range out.Conflicts {
		if c.Reason == string(mcsv1beta1.ServiceExportReasonTypeConflict) || c.Reason == string(mcsv1beta1.ServiceExportReasonIPFamilyConflict) {
			out.Conflicts[i].Message = strings.Replace(c.Message, takenOldest, " (the oldest export)", 1) + "; here " + out.Stays
		}
	}
	return &out
}

// exporting returns the clusters whose export is of some kind, in order of precedence.
func (m *Merged) exporting(kind func(*v1alpha1.ServiceRecordSpec) bool) (names []string) {
	for _, s := range m.Records {
		if kind(s) {
			names = append(names, s.Cluster)
		}
	}
	return names
}

// speaks returns the exports that have one of some families; an export that names none may have any.
func speaks(families ...corev1.IPFamily) func(*v1alpha1.ServiceRecordSpec) bool {
	return func(s *v1alpha1.ServiceRecordSpec) bool {
		return len(s.IPFamilies) == 0 ||
			slices.ContainsFunc(families, func(f corev1.IPFamily) bool { return slices.Contains(s.IPFamilies, f) })
	}
}

// join returns the first families and those of the second that are not among them.
func join(first, second []corev1.IPFamily) []corev1.IPFamily {
	out := slices.Clone(first)
	for _, f := range second {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// exports is the verb for one cluster or for several.
func exports(of []string) string {
	if len(of) == 1 {
		return " exports "
	}
	return " export "
}
