package kube

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

var cart = fleet.Name{Namespace: "shop", Name: "cart"}

// wanted is what a picture imports of shop/cart: one IP, and a slice for each name.
func wanted(slices ...string) *mcs.Imported {
	in := &mcs.Imported{
		Object: &mcsv1beta1.ServiceImport{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"},
			Spec:       mcsv1beta1.ServiceImportSpec{Type: mcsv1beta1.ClusterSetIP, IPs: []string{"10.1.0.5"}, Ports: []mcsv1beta1.ServicePort{{Port: 80}}},
			Status:     mcsv1beta1.ServiceImportStatus{Conditions: []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Ready"}}},
		},
		Service: &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", Name: mcs.DerivedName("cart"),
				Labels: map[string]string{mcs.LabelManagedBy: mcs.ManagedBy, mcsv1beta1.LabelServiceName: "cart"},
			},
			Spec: corev1.ServiceSpec{
				Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.1.0.5", ClusterIPs: []string{"10.1.0.5"},
				IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol}, Ports: []corev1.ServicePort{{Port: 80}},
			},
		},
	}
	for _, name := range slices {
		in.Slices = append(in.Slices, slice(name, "10.50.0.1"))
	}
	return in
}

func slice(name string, addresses ...string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name,
			Labels: map[string]string{discoveryv1.LabelManagedBy: mcs.ManagedBy, mcsv1beta1.LabelServiceName: "cart"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for _, a := range addresses {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}})
	}
	return s
}

// standingAs is what stands where something was written just as it was wanted.
func standingAs(want *mcs.Imported) standing {
	object := ownImport(want.Object)
	at := standing{
		imported: &stoodImport{stood: stood{version: "1", says: importDigest(object)}, status: importStatusDigest(object)},
		service: &stoodService{
			stood: stood{version: "2", says: serviceDigest(want.Service)},
			ips:   []netip.Addr{netip.MustParseAddr("10.1.0.5")}, families: []corev1.IPFamily{corev1.IPv4Protocol},
		},
		slices: map[string]stood{},
	}
	for _, s := range want.Slices {
		at.slices[s.Name] = stood{version: "3", says: sliceDigest(s)}
	}
	return at
}

// lines are actions as one reads them.
func lines(actions []action) (out []string) {
	for _, a := range actions {
		line := fmt.Sprintf("%s %s %s", a.verb, kindOf(a.object), a.object.GetName())
		if v := a.object.GetResourceVersion(); v != "" {
			line += "@" + v
		}
		out = append(out, strings.ReplaceAll(line, mcs.DerivedName("cart"), "derived"))
	}
	return out
}

func TestDiffIsTheLeast(t *testing.T) {
	for _, c := range []struct {
		name string
		want *mcs.Imported
		has  func(*standing)
		out  []string
	}{
		{name: "nothing differs", want: wanted("a", "b"), has: func(*standing) {}},
		{
			name: "nothing is there", want: wanted("a"), has: func(s *standing) { *s = standing{} },
			out: []string{"create ServiceImport cart", "create Service derived", "create EndpointSlice a", "status ServiceImport cart"},
		},
		{
			name: "one slice differs", want: wanted("a", "b"), has: func(s *standing) { s.slices["a"] = stood{version: "7", says: 1} },
			out: []string{"update EndpointSlice a@7"},
		},
		{
			name: "one slice is too much", want: wanted("a"), has: func(s *standing) { s.slices["z"] = stood{version: "8"} },
			out: []string{"delete EndpointSlice z@8"},
		},
		{
			name: "a field that the API server dropped is not asked for again", want: wanted("a"),
			has: func(s *standing) {
				s.slices["a"] = stood{version: "7", says: 1, asked: s.slices["a"].says}
				s.service.says, s.service.asked = 1, s.service.says
				s.imported.says, s.imported.asked = 1, s.imported.says
				s.imported.status, s.imported.askedStatus = 1, s.imported.status
			},
		},
		{
			name: "the status alone differs", want: wanted(), has: func(s *standing) { s.imported.status = 1 },
			out: []string{"status ServiceImport cart"},
		},
		{
			name: "somebody edited the import", want: wanted(), has: func(s *standing) { s.imported.says = 1 },
			out: []string{"update ServiceImport cart@1"},
		},
		{
			name: "the derived Service was deleted", want: wanted(), has: func(s *standing) { s.service = nil },
			out: []string{"create Service derived"},
		},
		{
			name: "another type must be made anew", want: wanted(), has: func(s *standing) { s.service.headless = true },
			out: []string{"replace Service derived@2"},
		},
		{
			name: "another first family must be made anew", want: wanted(),
			has: func(s *standing) { s.service.families = []corev1.IPFamily{corev1.IPv6Protocol} },
			out: []string{"replace Service derived@2"},
		},
		{
			name: "a second family too many is taken away in place", want: wanted(),
			has: func(s *standing) { s.service.families = []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol} },
			out: []string{"update Service derived@2"},
		},
		{
			name: "an IP that differs is the API server's word", want: wanted(),
			has: func(s *standing) { s.service.ips = []netip.Addr{netip.MustParseAddr("10.1.0.9")} },
		},
		{
			name: "what is being deleted is waited for", want: wanted(),
			has: func(s *standing) { s.service.terminated, s.imported.terminated, s.imported.says = true, true, 1 },
		},
		{
			name: "not wanted", has: func(s *standing) { s.slices["a"] = stood{version: "3"} },
			out: []string{"delete ServiceImport cart@1", "delete Service derived@2", "delete EndpointSlice a@3"},
		},
		{
			name: "a foreign import is left alone", want: wanted("a"), has: func(s *standing) { *s = standing{foreignImport: true} },
		},
		{
			name: "what was begun under an import that turns out to be foreign is undone", want: wanted("a"),
			has: func(s *standing) { s.imported, s.foreignImport, s.theirs = nil, true, true },
			out: []string{"delete Service derived@2", "delete EndpointSlice a@3"},
		},
		{
			name: "an import that lost its label keeps its endpoints", want: wanted("a", "b"),
			has: func(s *standing) { s.imported, s.foreignImport = nil, true; delete(s.slices, "b") },
			out: []string{"create EndpointSlice b"},
		},
		{
			name: "a foreign Service is left alone", want: wanted(), has: func(s *standing) { s.service, s.foreignService = nil, true },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := c.want
			if base == nil {
				base = wanted()
			}
			has := standingAs(base)
			c.has(&has)
			actions, obstacle := diff(cart, c.want, has)
			if got := lines(actions); !slices.Equal(got, c.out) {
				t.Errorf("actions are %q, want %q", got, c.out)
			}
			if foreign := has.foreignImport || has.foreignService; foreign != (obstacle != "") {
				t.Errorf("obstacle is %q", obstacle)
			}
		})
	}
}

func TestDiffDoesNotTouchThePicture(t *testing.T) {
	want := wanted("a")
	before := want.Object.DeepCopy()
	actions, _ := diff(cart, want, standing{})
	for _, a := range actions {
		a.object.SetResourceVersion("9")
		a.object.SetNamespace("elsewhere")
	}
	if want.Object.ResourceVersion != before.ResourceVersion || want.Object.Labels != nil ||
		want.Slices[0].ResourceVersion != "" || want.Slices[0].Namespace != "shop" || want.Service.Namespace != "shop" {
		t.Error("what a picture holds was changed")
	}
}

func TestWhatAnAPIServerAddsIsNoDifference(t *testing.T) {
	want := wanted().Service
	stands := want.DeepCopy()
	stands.UID, stands.ResourceVersion, stands.Annotations = "x", "5", map[string]string{"cloud.example/neg": "{}"}
	stands.Spec.SessionAffinity = corev1.ServiceAffinityNone
	stands.Spec.InternalTrafficPolicy = new(corev1.ServiceInternalTrafficPolicyCluster)
	stands.Spec.IPFamilyPolicy = new(corev1.IPFamilyPolicySingleStack)
	stands.Spec.Ports[0].Protocol = corev1.ProtocolTCP
	stands.Spec.Ports[0].TargetPort.IntVal = 80
	if serviceDigest(want) != serviceDigest(stands) {
		t.Error("a Service differs by what the API server filled in")
	}
	for name, edit := range map[string]func(*corev1.Service){
		"selector":    func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "x"} },
		"external IP": func(s *corev1.Service) { s.Spec.ExternalIPs = []string{"192.0.2.1"} },
		"label":       func(s *corev1.Service) { s.Labels["service.kubernetes.io/service-proxy-name"] = "x" },
		"port":        func(s *corev1.Service) { s.Spec.Ports[0].Port = 81 },
		"affinity":    func(s *corev1.Service) { s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP },
		"records":     func(s *corev1.Service) { s.Annotations[mcs.AnnotationRecords] = "[]" },
	} {
		edited := stands.DeepCopy()
		edit(edited)
		if serviceDigest(edited) == serviceDigest(stands) {
			t.Errorf("an edit is not seen: %s", name)
		}
	}
}

func TestTransitionTimesStayWhereTheStatusDoes(t *testing.T) {
	long, now := metav1.Unix(1, 0), metav1.Unix(2, 0)
	had := []metav1.Condition{
		{Type: "Ready", Status: metav1.ConditionTrue, LastTransitionTime: long},
		{Type: "Valid", Status: metav1.ConditionTrue, LastTransitionTime: long},
	}
	is := []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue}, {Type: "Valid", Status: metav1.ConditionFalse}, {Type: "New"}}
	since(is, had, now)
	if is[0].LastTransitionTime != long || is[1].LastTransitionTime != now || is[2].LastTransitionTime != now {
		t.Errorf("transition times are %v", is)
	}
}
