package mcs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// property is one property on which exports may disagree, as text by which it is compared and shown. Empty text does not take
// part; where the oldest export has none, there is nothing to disagree with.
type property struct {
	reason mcsv1beta1.ServiceExportConditionReason
	field  string
	value  func(v1alpha1.ServiceRecordSpec) string
}

// wholeService are the properties that the oldest export decides (M21), sorted by reason. Ports and IP families have rules of their own.
var wholeService = []property{
	{mcsv1beta1.ServiceExportReasonAnnotationsConflict, "exportedAnnotations", annotationsText},
	{mcsv1beta1.ServiceExportReasonInternalTrafficPolicyConflict, "internalTrafficPolicy", internalPolicyText},
	{mcsv1beta1.ServiceExportReasonLabelsConflict, "exportedLabels", labelsText},
	{mcsv1beta1.ServiceExportReasonSessionAffinityConfigConflict, "sessionAffinityConfig", affinityConfigText},
	{mcsv1beta1.ServiceExportReasonSessionAffinityConflict, "sessionAffinity", affinityText},
	{mcsv1beta1.ServiceExportReasonTrafficDistributionConflict, "trafficDistribution", distributionText},
	{mcsv1beta1.ServiceExportReasonTypeConflict, "type", typeText},
}

// takenOldest follows what the oldest export has, where that decides.
const takenOldest = " (taken: the oldest export)"

// conflicts returns what the exports disagree on, sorted by reason. The specs are in order of precedence.
func conflicts(specs []*v1alpha1.ServiceRecordSpec, m *Merged) []Conflict {
	if !slices.ContainsFunc(specs, func(s *v1alpha1.ServiceRecordSpec) bool { return !alike(s, specs[0]) }) {
		return nil
	}
	var found []Conflict
	for _, p := range wholeService {
		if held := tally(specs, p.value); len(held) > 1 && p.value(*specs[0]) != "" {
			found = append(found, Conflict{string(p.reason), p.field + ": " + sentence(held, takenOldest)})
		}
	}
	if c, ok := portConflict(specs, m); ok {
		found = append(found, c)
	}
	if c, ok := familyConflict(specs, m.IPFamilies); ok {
		found = append(found, c)
	}
	slices.SortFunc(found, func(a, b Conflict) int { return strings.Compare(a.Reason, b.Reason) })
	return found
}

// alike compares two exports to the letter. What is alike does not conflict, which is nearly always so and found out cheaply here.
func alike(a, b *v1alpha1.ServiceRecordSpec) bool {
	return a.Headless == b.Headless &&
		slices.EqualFunc(a.Ports, b.Ports, func(p, q v1alpha1.ServicePort) bool {
			return p.Name == q.Name && protocolOf(p) == protocolOf(q) && p.Port == q.Port && orElse(p.AppProtocol, "") == orElse(q.AppProtocol, "")
		}) &&
		slices.Equal(a.IPFamilies, b.IPFamilies) &&
		affinityOf(*a) == affinityOf(*b) && timeoutOf(*a) == timeoutOf(*b) &&
		internalPolicyOf(*a) == internalPolicyOf(*b) && distributionOf(*a) == distributionOf(*b) &&
		maps.Equal(a.ExportedLabels, b.ExportedLabels) && maps.Equal(a.ExportedAnnotations, b.ExportedAnnotations)
}

// portConflict is raised where exports do not have the same ports (M20), whatever their order.
func portConflict(specs []*v1alpha1.ServiceRecordSpec, m *Merged) (Conflict, bool) {
	held := tally(specs, portsText)
	if len(held) < 2 {
		return Conflict{}, false
	}
	merged := make([]string, 0, len(m.Ports))
	for _, p := range m.Ports {
		merged = append(merged, portText(p.Port.String(), p.AppProtocol)+" from "+clusters(slices.Sorted(maps.Keys(p.Sources))))
	}
	return Conflict{
		Reason:  string(mcsv1beta1.ServiceExportReasonPortConflict),
		Message: "ports: " + sentence(held, "") + "; taken: " + listing(merged, ", "),
	}, true
}

// familyConflict is raised where an export lacks a family that the merged service has: over it, traffic reaches only the others (M11).
// An export with more families than the merged service is reached over each of those that it has, and is no conflict.
func familyConflict(specs []*v1alpha1.ServiceRecordSpec, merged []corev1.IPFamily) (Conflict, bool) {
	var missing []string
	for _, f := range merged {
		var without []string
		for _, s := range specs {
			if len(s.IPFamilies) > 0 && !slices.Contains(s.IPFamilies, f) {
				without = append(without, s.Cluster)
			}
		}
		if len(without) > 0 {
			missing = append(missing, fmt.Sprintf("traffic over %s does not reach %s", f, clusters(without)))
		}
	}
	if len(missing) == 0 {
		return Conflict{}, false
	}
	held := tally(specs, func(s v1alpha1.ServiceRecordSpec) string { return familiesText(s.IPFamilies) })
	return Conflict{
		Reason:  string(mcsv1beta1.ServiceExportReasonIPFamilyConflict),
		Message: "ipFamilies: " + sentence(held, takenOldest) + "; " + strings.Join(missing, ", "),
	}, true
}

// holding is one value and the clusters that have it, in order of precedence.
type holding struct {
	value    string
	clusters []string
}

// tally groups clusters by what they have, the oldest export's value first.
func tally(specs []*v1alpha1.ServiceRecordSpec, value func(v1alpha1.ServiceRecordSpec) string) []holding {
	var held []holding
	index := map[string]int{}
	for _, s := range specs {
		v := value(*s)
		if v == "" {
			continue
		}
		i, ok := index[v]
		if !ok {
			i = len(held)
			index[v] = i
			held = append(held, holding{value: v})
		}
		held[i].clusters = append(held[i].clusters, s.Cluster)
	}
	return held
}

// sentence reads like "ClientIP in west (taken: the oldest export), None in east and north".
func sentence(held []holding, afterFirst string) string {
	parts := make([]string, 0, len(held))
	for i, h := range held {
		part := shorten(h.value) + " in " + clusters(h.clusters)
		if i == 0 {
			part += afterFirst
		}
		parts = append(parts, part)
	}
	return listing(parts, ", ")
}

// clusters reads like "west", "west and east", or for many "west, east, north and 97 more".
func clusters(names []string) string {
	const most = 4
	switch n := len(names); {
	case n == 0:
		return "no cluster"
	case n == 1:
		return names[0]
	case n <= most:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	default:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most-1], ", "), n-most+1)
	}
}

// listing joins the first few of many parts: a condition's message has its bounds, and a reader too.
func listing(parts []string, separator string) string {
	const most = 12
	if len(parts) > most {
		parts = append(slices.Clone(parts[:most]), fmt.Sprintf("and %d more", len(parts)-most))
	}
	return strings.Join(parts, separator)
}

// shorten keeps a value of many words readable.
func shorten(s string) string {
	const most = 160
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
