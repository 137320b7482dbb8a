package e2e

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/test/lab"
)

// disagreement is one property on which the exports of west, the older, and east differ.
type disagreement struct {
	reason     string
	west, east func(*corev1.Service, *mcsv1beta1.ServiceExport)
	taken      func(*mcsv1beta1.ServiceImport) bool
}

func asIs(*corev1.Service, *mcsv1beta1.ServiceExport) {}

func sticky(seconds int32) func(*corev1.Service, *mcsv1beta1.ServiceExport) {
	return func(s *corev1.Service, _ *mcsv1beta1.ServiceExport) {
		s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
		s.Spec.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: &seconds}}
	}
}

func spread(d string) func(*corev1.Service, *mcsv1beta1.ServiceExport) {
	return func(s *corev1.Service, _ *mcsv1beta1.ServiceExport) { s.Spec.TrafficDistribution = &d }
}

func labelled(team string) func(*corev1.Service, *mcsv1beta1.ServiceExport) {
	return func(_ *corev1.Service, e *mcsv1beta1.ServiceExport) {
		e.Spec.ExportedLabels = map[string]string{"team": team}
	}
}

func annotated(note string) func(*corev1.Service, *mcsv1beta1.ServiceExport) {
	return func(_ *corev1.Service, e *mcsv1beta1.ServiceExport) {
		e.Spec.ExportedAnnotations = map[string]string{"shop.example/note": note}
	}
}

// disagreements has every reason for a conflict but that of families, which takes clusters of two families (M18, M20, M21).
var disagreements = []disagreement{
	{
		"PortConflict", asIs, func(s *corev1.Service, _ *mcsv1beta1.ServiceExport) { s.Spec.Ports[0].Port = 8888 },
		func(i *mcsv1beta1.ServiceImport) bool { return len(i.Spec.Ports) == 1 && i.Spec.Ports[0].Port == 80 },
	},
	{
		"TypeConflict", asIs, func(s *corev1.Service, _ *mcsv1beta1.ServiceExport) { s.Spec.ClusterIP = corev1.ClusterIPNone },
		func(i *mcsv1beta1.ServiceImport) bool {
			return i.Spec.Type == mcsv1beta1.ClusterSetIP && len(i.Spec.IPs) == 1
		},
	},
	{
		"SessionAffinityConflict", sticky(60), asIs,
		func(i *mcsv1beta1.ServiceImport) bool {
			return i.Spec.SessionAffinity == corev1.ServiceAffinityClientIP
		},
	},
	{
		"SessionAffinityConfigConflict", sticky(60), sticky(120),
		func(i *mcsv1beta1.ServiceImport) bool {
			return *i.Spec.SessionAffinityConfig.ClientIP.TimeoutSeconds == 60
		},
	},
	{
		"LabelsConflict", labelled("red"), labelled("blue"),
		func(i *mcsv1beta1.ServiceImport) bool { return i.Labels["team"] == "red" },
	},
	{
		"AnnotationsConflict", annotated("one"), annotated("two"),
		func(i *mcsv1beta1.ServiceImport) bool { return i.Annotations["shop.example/note"] == "one" },
	},
	{
		"InternalTrafficPolicyConflict", asIs,
		func(s *corev1.Service, _ *mcsv1beta1.ServiceExport) {
			s.Spec.InternalTrafficPolicy = new(corev1.ServiceInternalTrafficPolicyLocal)
		},
		func(i *mcsv1beta1.ServiceImport) bool {
			return *i.Spec.InternalTrafficPolicy == corev1.ServiceInternalTrafficPolicyCluster
		},
	},
	{
		"TrafficDistributionConflict", spread(corev1.ServiceTrafficDistributionPreferClose), asIs,
		func(i *mcsv1beta1.ServiceImport) bool {
			return *i.Spec.TrafficDistribution == corev1.ServiceTrafficDistributionPreferClose
		},
	},
}

func TestEveryConflictIsToldToAllAndTheOldestExportDecides(t *testing.T) {
	for _, d := range disagreements {
		t.Run(d.reason, func(t *testing.T) {
			t.Parallel()
			s := tell(t)
			s.west.disagrees(d.west)
			s.east.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
			time.Sleep(1100 * time.Millisecond) // creation times are whole seconds
			s.east.disagrees(d.east)
			for _, p := range []*place{s.west, s.east} {
				message := p.says("cart", mcsv1beta1.ServiceExportConditionConflict, "True "+d.reason)
				if !strings.Contains(message, "west") || !strings.Contains(message, "east") {
					t.Errorf("the message does not name the clusters: %q", message)
				}
			}
			for _, p := range s.everywhere() {
				i, err := p.imported(t.Context(), "cart")
				if err != nil || !d.taken(i) {
					t.Errorf("%s has not taken what west, the oldest, has: %v %v", p.Name, i.Spec, err)
				}
			}
		})
	}
}

// disagrees offers and exports cart with a property of its own.
func (p *place) disagrees(change func(*corev1.Service, *mcsv1beta1.ServiceExport)) {
	p.story.Helper()
	export := lab.Export(p.story.namespace, "cart")
	p.offers("cart", 1, func(service *corev1.Service) { change(service, export) })
	p.makes(export)
}

// TestFamiliesThatDoNotReachAllAreAConflict has a member on the hub whose older export speaks IPv6 too (M11).
func TestFamiliesThatDoNotReachAllAreAConflict(t *testing.T) {
	s := tell(t)
	dual := s.mocks("dual")
	service := lab.Service(s.namespace, "cart")
	service.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol}
	dual.tells(dual.Records(service, time.Now(), lab.Slice(s.namespace, "cart", "cart-1", s.west.addresses(3)[2]))...)
	s.north.sees("cart", "ClusterSetIP http:80/TCP from "+dual.Cluster+" 1/1")
	time.Sleep(1100 * time.Millisecond)
	s.west.offers("cart", 1)
	s.west.exports("cart")
	message := s.west.says("cart", mcsv1beta1.ServiceExportConditionConflict, "True IPFamilyConflict")
	if !strings.Contains(message, "IPv6 does not reach west") {
		t.Errorf("the message does not say what is not reached: %q", message)
	}
	s.north.sees("cart", "ClusterSetIP http:80/TCP from "+dual.Cluster+" 1/1, west 1/1")
}

// TestWhenAConflictClearsNothingElseMoves: the younger export, which disagreed, goes (M19).
func TestWhenAConflictClearsNothingElseMoves(t *testing.T) {
	s := tell(t)
	s.west.disagrees(asIs)
	s.north.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
	time.Sleep(1100 * time.Millisecond)
	s.east.disagrees(func(s *corev1.Service, _ *mcsv1beta1.ServiceExport) {
		s.Spec.Ports = append(s.Spec.Ports, lab.Port("admin", 9000))
	})
	s.west.says("cart", mcsv1beta1.ServiceExportConditionConflict, "True PortConflict")
	s.north.sees("cart", "ClusterSetIP http:80/TCP admin:9000/TCP from east 1/1, west 1/1")
	before := s.north.address("cart")

	s.east.unexports("cart")
	s.west.says("cart", mcsv1beta1.ServiceExportConditionConflict, "False NoConflicts")
	s.north.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
	if after := s.north.address("cart"); after != before {
		t.Errorf("the clusterset IP moved from %s to %s", before, after)
	}
}

// TestATypeFlipsOnlyWhenTheOldTypeHasNoExporterLeft: the IPs stay for as long as somebody serves them.
func TestATypeFlipsOnlyWhenTheOldTypeHasNoExporterLeft(t *testing.T) {
	headless := func(s *corev1.Service, _ *mcsv1beta1.ServiceExport) {
		s.Spec.ClusterIP, s.Spec.IPFamilyPolicy = corev1.ClusterIPNone, new(corev1.IPFamilyPolicySingleStack)
	}
	s := tell(t)
	s.west.disagrees(headless)
	s.north.sees("cart", "Headless http:80/TCP from west 1/1")
	time.Sleep(1100 * time.Millisecond)
	s.east.disagrees(asIs)
	s.east.says("cart", mcsv1beta1.ServiceExportConditionConflict, "True TypeConflict")
	s.north.sees("cart", "Headless http:80/TCP from east 1/1, west 1/1")
	s.west.unexports("cart")
	s.north.sees("cart", "ClusterSetIP http:80/TCP from east 1/1")
	s.north.address("cart")
}
