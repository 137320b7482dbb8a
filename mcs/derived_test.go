package mcs_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

func TestDerivedService(t *testing.T) {
	got := mcs.Import(importInput(func(in *mcs.ImportInput) { in.Records = "[]" })).Service
	want := &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: mcs.DerivedName("cart"),
			Labels:      map[string]string{"app.kubernetes.io/managed-by": "fairlead.dev", "multicluster.kubernetes.io/service-name": "cart"},
			Annotations: map[string]string{"fairlead.dev/records": "[]"},
		},
		Spec: corev1.ServiceSpec{
			Type:      corev1.ServiceTypeClusterIP,
			ClusterIP: "10.96.0.7", ClusterIPs: []string{"10.96.0.7", "fd00::7"},
			IPFamilies: []corev1.IPFamily{v4, v6}, IPFamilyPolicy: ptr(corev1.IPFamilyPolicyRequireDualStack),
			Ports:                 []corev1.ServicePort{{Name: "http", Protocol: "TCP", Port: 80}},
			SessionAffinity:       corev1.ServiceAffinityClientIP,
			SessionAffinityConfig: timeout(60),
			InternalTrafficPolicy: ptr(corev1.ServiceInternalTrafficPolicyCluster),
			TrafficDistribution:   ptr("PreferSameZone"),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDerivedAddresses(t *testing.T) {
	ips := func(texts ...string) (out []netip.Addr) {
		for _, text := range texts {
			out = append(out, netip.MustParseAddr(text))
		}
		return out
	}
	for name, row := range map[string]struct {
		edit     func(*mcs.ImportInput)
		ips      string
		families string
		policy   corev1.IPFamilyPolicy
	}{
		"known ones are asked for, in the order of the families": {func(*mcs.ImportInput) {}, "10.96.0.7,fd00::7", "IPv4,IPv6", "RequireDualStack"},
		"the API server chooses what is not known":               {func(in *mcs.ImportInput) { in.IPs = nil }, "", "IPv4,IPv6", "RequireDualStack"},
		"the first alone":                            {func(in *mcs.ImportInput) { in.IPs = ips("10.96.0.7") }, "10.96.0.7", "IPv4,IPv6", "RequireDualStack"},
		"never the second alone":                     {func(in *mcs.ImportInput) { in.IPs = ips("fd00::7") }, "", "IPv4,IPv6", "RequireDualStack"},
		"the families that the cluster speaks (M11)": {func(in *mcs.ImportInput) { in.Families = []corev1.IPFamily{v6} }, "fd00::7", "IPv6", "SingleStack"},
		"none for a headless service (M10)":          {func(in *mcs.ImportInput) { in.Merged.Headless = true }, "None", "IPv4,IPv6", "RequireDualStack"},
		"no service without a family in common":      {func(in *mcs.ImportInput) { in.Families = []corev1.IPFamily{} }, "-", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := mcs.Import(importInput(row.edit)).Service
			if s == nil {
				if row.ips != "-" {
					t.Fatal("no Service")
				}
				return
			}
			var families []string
			for _, f := range s.Spec.IPFamilies {
				families = append(families, string(f))
			}
			if got := strings.Join(s.Spec.ClusterIPs, ","); got != row.ips || strings.Join(families, ",") != row.families || *s.Spec.IPFamilyPolicy != row.policy {
				t.Errorf("got %s %s %s", got, families, *s.Spec.IPFamilyPolicy)
			}
			if first, _, _ := strings.Cut(row.ips, ","); s.Spec.ClusterIP != first {
				t.Errorf("clusterIP %q, clusterIPs %q", s.Spec.ClusterIP, s.Spec.ClusterIPs)
			}
		})
	}
}

// A Service of several ports names each, and its slices have the same names; the ServiceImport says what was exported.
func TestAPortWithoutANameBesideOthersIsCalledAfterItsNumber(t *testing.T) {
	unnamed := slice("cart-a", "10.1.0.1")
	unnamed.Ports[0].Name = ptr("")
	for name, row := range map[string]struct{ west, east, imported, carried string }{
		"alone":                {"80/TCP", "80/TCP", "|", "|"},
		"beside another":       {"80/TCP", "metrics:9090/TCP", "|metrics", "port-80-tcp|metrics"},
		"whose name is taken":  {"80/TCP", "port-80-tcp:81/TCP", "|port-80-tcp", "port-80-tcp-2|port-80-tcp"},
		"that has one already": {"web:80/TCP", "81/TCP", "web|", "web|port-81-tcp"},
	} {
		t.Run(name, func(t *testing.T) {
			m := mcs.Merge(cart, []*v1alpha1.ServiceRecord{record("west", 1, withPorts(row.west)), record("east", 2, withPorts(row.east))})
			out := mcs.Import(mcs.ImportInput{Merged: m, NamespaceExists: true, Slices: []*fleet.Slice{mcs.SliceOf("west", unnamed), mcs.SliceOf("east", unnamed)}})
			var imported, carried []string
			for i, p := range out.Object.Spec.Ports {
				imported = append(imported, p.Name)
				carried = append(carried, out.Service.Spec.Ports[i].Name)
			}
			if got := strings.Join(imported, "|"); got != strings.TrimSuffix(row.imported, "|") && got != row.imported {
				t.Errorf("imported %q, want %q", got, row.imported)
			}
			if got := strings.Join(carried, "|"); got != strings.TrimSuffix(row.carried, "|") && got != row.carried {
				t.Errorf("carried %q, want %q", got, row.carried)
			}
			for _, s := range out.Slices {
				for _, p := range s.Ports {
					if !strings.Contains("|"+row.carried+"|", "|"+*p.Name+"|") {
						t.Errorf("the slice of %s has port %q", s.Labels["multicluster.kubernetes.io/source-cluster"], *p.Name)
					}
				}
			}
		})
	}
}

func TestHeadlessSlicesAreNotForKubeProxy(t *testing.T) {
	for _, headless := range []bool{false, true} {
		out := mcs.Import(importInput(func(in *mcs.ImportInput) { in.Merged.Headless = headless }))
		for _, s := range out.Slices {
			if _, labelled := s.Labels["service.kubernetes.io/headless"]; labelled != headless {
				t.Errorf("headless %v, labels %v", headless, s.Labels)
			}
			if s.Labels["kubernetes.io/service-name"] != out.Service.Name {
				t.Errorf("the slice belongs to %s, the Service is %s", s.Labels["kubernetes.io/service-name"], out.Service.Name)
			}
		}
	}
}

func TestHints(t *testing.T) {
	zoneless := slice("cart-b", "10.1.0.2")
	zoneless.Endpoints[0].Zone = nil
	ended := slice("cart-b", "10.1.0.2")
	ended.Endpoints[0].Zone, ended.Endpoints[0].Conditions.Ready = nil, ptr(false)
	for name, row := range map[string]struct {
		distribution string
		other        *discoveryv1.EndpointSlice
		want         bool
	}{
		"not asked for":                        {"", nil, false},
		"by the zone":                          {"PreferSameZone", nil, true},
		"by its older name":                    {"PreferClose", nil, true},
		"by the node falls back to the zone":   {"PreferSameNode", nil, true},
		"what nobody knows":                    {"PreferSameRack", nil, false},
		"one ready endpoint without a zone":    {"PreferSameZone", zoneless, false},
		"one that is not ready without a zone": {"PreferSameZone", ended, true},
	} {
		t.Run(name, func(t *testing.T) {
			in := importInput(func(in *mcs.ImportInput) { in.Merged.TrafficDistribution = &row.distribution })
			if row.other != nil {
				in.Slices = append(in.Slices, mcs.SliceOf("east", row.other))
			}
			for _, s := range mcs.Import(in).Slices {
				for _, e := range s.Endpoints {
					hinted := e.Hints != nil && len(e.Hints.ForZones) == 1 && e.Hints.ForZones[0].Name == *e.Zone
					if want := row.want && e.Zone != nil; hinted != want {
						t.Errorf("endpoint %s has hints %v", e.Addresses[0], e.Hints)
					}
				}
			}
		})
	}
}

// Nodes are told of the own cluster's endpoints, which policy Local finds by them, and of no other's.
func TestOnlyOwnNodesAreNamed(t *testing.T) {
	s := slice("cart-a", "10.1.0.1")
	s.Endpoints[0].NodeName = ptr("node-1")
	in := importInput()
	in.Slices = []*fleet.Slice{mcs.SliceOf("west", s), mcs.SliceOf("east", s)}
	for _, out := range mcs.Import(in).Slices {
		own := out.Labels["multicluster.kubernetes.io/source-cluster"] == "west"
		if named := out.Endpoints[0].NodeName != nil; named != own {
			t.Errorf("own %v, nodeName %v", own, out.Endpoints[0].NodeName)
		}
	}
}

func TestDerivedNamesAreLabelsOfTheirOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`)
		a, b := label.Draw(t, "a"), label.Draw(t, "b")
		if why := validation.IsDNS1035Label(mcs.DerivedName(a)); len(why) > 0 {
			t.Fatal(why)
		}
		if (mcs.DerivedName(a) == mcs.DerivedName(b)) != (a == b) {
			t.Fatalf("%s and %s are both called %s", a, b, mcs.DerivedName(a))
		}
	})
}
