package mcs_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

func importInput(edits ...func(*mcs.ImportInput)) mcs.ImportInput {
	in := mcs.ImportInput{
		Merged: mcs.Merge(cart, []*v1alpha1.ServiceRecord{
			record("west", 2, withFamilies(v4, v6)),
			record("east", 1, withFamilies(v4, v6), func(s *v1alpha1.ServiceRecordSpec) {
				s.ExportedLabels = map[string]string{"team": "shop"}
				s.SessionAffinity, s.SessionAffinityConfig = "ClientIP", timeout(60)
				s.InternalTrafficPolicy = ptr(corev1.ServiceInternalTrafficPolicyCluster)
				s.TrafficDistribution = ptr("PreferSameZone")
			}),
		}),
		IPs:             []netip.Addr{netip.MustParseAddr("fd00::7"), netip.MustParseAddr("10.96.0.7")},
		Slices:          []*fleet.Slice{mcs.SliceOf("west", slice("cart-a", "10.1.0.1"))},
		Own:             "west",
		Exporting:       true,
		NamespaceExists: true,
	}
	for _, e := range edits {
		e(&in)
	}
	return in
}

func TestImportObject(t *testing.T) {
	got := mcs.Import(importInput()).Object
	want := &mcsv1beta1.ServiceImport{
		TypeMeta:   metav1.TypeMeta{APIVersion: "multicluster.x-k8s.io/v1beta1", Kind: "ServiceImport"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart", Labels: map[string]string{"team": "shop"}},
		Spec: mcsv1beta1.ServiceImportSpec{
			Type:                  mcsv1beta1.ClusterSetIP,
			IPs:                   []string{"10.96.0.7", "fd00::7"},
			IPFamilies:            []corev1.IPFamily{v4, v6},
			Ports:                 []mcsv1beta1.ServicePort{{Name: "http", Protocol: "TCP", Port: 80}},
			SessionAffinity:       corev1.ServiceAffinityClientIP,
			SessionAffinityConfig: timeout(60),
			InternalTrafficPolicy: ptr(corev1.ServiceInternalTrafficPolicyCluster),
			TrafficDistribution:   ptr("PreferSameZone"),
		},
		Status: mcsv1beta1.ServiceImportStatus{
			EndpointSliceObjects: mcsv1beta1.EndpointSliceObjectsPresent,

			Clusters:   []mcsv1beta1.ClusterStatus{{Cluster: "east"}, {Cluster: "west"}},
			Conditions: []metav1.Condition{{Type: "Ready", Status: "True", Reason: "Ready", Message: "imported from east and west"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestImportReady(t *testing.T) {
	for name, row := range map[string]struct {
		edit     func(*mcs.ImportInput)
		want     string
		ips      string
		families string
	}{
		"all is there":            {func(*mcs.ImportInput) {}, "True/Ready", "10.96.0.7,fd00::7", "IPv4,IPv6"},
		"pending, as told":        {func(in *mcs.ImportInput) { in.Pending = "the gateway has no port yet" }, "False/Pending", "10.96.0.7,fd00::7", "IPv4,IPv6"},
		"no IP yet":               {func(in *mcs.ImportInput) { in.IPs = nil }, "False/Pending", "", "IPv4,IPv6"},
		"one IP of two":           {func(in *mcs.ImportInput) { in.IPs = in.IPs[:1] }, "False/Pending", "fd00::7", "IPv4,IPv6"},
		"a cluster of one family": {func(in *mcs.ImportInput) { in.Families = []corev1.IPFamily{v6} }, "True/Ready", "fd00::7", "IPv6"},
		"the merged order (M11)":  {func(in *mcs.ImportInput) { in.Families = []corev1.IPFamily{v6, v4} }, "True/Ready", "10.96.0.7,fd00::7", "IPv4,IPv6"},
		"no family in common": {func(in *mcs.ImportInput) {
			in.Merged.IPFamilies, in.Families = []corev1.IPFamily{v6}, []corev1.IPFamily{v4}
		}, "False/IPFamilyNotSupported", "", ""},
		"families that nobody named":    {func(in *mcs.ImportInput) { in.Merged.IPFamilies = nil }, "True/Ready", "fd00::7,10.96.0.7", "IPv6,IPv4"},
		"the cluster's, if nobody else": {func(in *mcs.ImportInput) { in.Merged.IPFamilies, in.Families = nil, []corev1.IPFamily{v4} }, "True/Ready", "10.96.0.7", "IPv4"},
		"headless has no IP (M10)":      {func(in *mcs.ImportInput) { in.Merged.Headless = true }, "True/Ready", "", "IPv4,IPv6"},
	} {
		t.Run(name, func(t *testing.T) {
			object := mcs.Import(importInput(row.edit)).Object
			c := object.Status.Conditions[0]
			families := make([]string, 0, 2)
			for _, f := range object.Spec.IPFamilies {
				families = append(families, string(f))
			}
			got := []string{string(c.Status) + "/" + c.Reason, strings.Join(object.Spec.IPs, ","), strings.Join(families, ",")}
			if diff := cmp.Diff([]string{row.want, row.ips, row.families}, got); diff != "" {
				t.Errorf("%s (%s)", diff, c.Message)
			}
			if row.want == "False/Pending" && row.ips == "10.96.0.7,fd00::7" && c.Message != "the gateway has no port yet" {
				t.Errorf("message %q", c.Message)
			}
		})
	}
}

func TestImportNeedsANamespaceAndAService(t *testing.T) {
	if got := mcs.Import(importInput(func(in *mcs.ImportInput) { in.NamespaceExists = false })); got != nil {
		t.Errorf("imported without a namespace (M9): %+v", got)
	}
	if got := mcs.Import(mcs.ImportInput{NamespaceExists: true}); got != nil {
		t.Errorf("imported nothing: %+v", got)
	}
}

func TestImportExportConditions(t *testing.T) {
	conflicting := mcs.Merge(cart, []*v1alpha1.ServiceRecord{record("west", 1), record("east", 2, withPorts("http:81/TCP"), func(s *v1alpha1.ServiceRecordSpec) { s.Headless = true })})
	for name, row := range map[string]struct {
		edit func(*mcs.ImportInput)
		want string
	}{
		"agreed and exported":           {func(in *mcs.ImportInput) { in.Merged.Conflicts = nil }, "Ready=True/Exported Conflict=False/NoConflicts"},
		"not exporting":                 {func(in *mcs.ImportInput) { in.Exporting = false }, ""},
		"not among the records yet":     {func(in *mcs.ImportInput) { in.Own, in.Merged.Conflicts = "north", nil }, "Ready=False/Pending Conflict=False/NoConflicts"},
		"conflicts, on every one (M18)": {func(in *mcs.ImportInput) { in.Merged = conflicting }, "Ready=True/Exported Conflict=True/PortConflict,TypeConflict"},
		"conflicts, on the other too":   {func(in *mcs.ImportInput) { in.Merged, in.Own = conflicting, "east" }, "Ready=True/Exported Conflict=True/PortConflict,TypeConflict"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range mcs.Import(importInput(row.edit)).ExportConditions {
				got = append(got, c.String())
				if c.Message == "" {
					t.Errorf("%s has no message", c)
				}
			}
			if s := strings.Join(got, " "); s != row.want {
				t.Errorf("got %s, want %s", s, row.want)
			}
		})
	}
}

func TestImportSlices(t *testing.T) {
	lost := slice("cart-a", "10.1.0.1")
	lost.Endpoints[0].Conditions.Ready = ptr(false)
	lost.Endpoints[0].Hostname = ptr("cart-0")
	lost.Endpoints[0].NodeName, lost.Endpoints[0].TargetRef = ptr("node-1"), &corev1.ObjectReference{Kind: "Pod"}
	lost.Endpoints[0].Hints = &discoveryv1.EndpointHints{ForZones: []discoveryv1.ForZone{{Name: "us-1"}}}
	lost.Labels["foreign"] = "x"
	renamed := slice("cart-a", "fd00::1")
	renamed.AddressType = discoveryv1.AddressTypeIPv6
	renamed.Ports[0].Name = ptr("web")
	other := slice("cart-x", "10.3.0.1")
	other.Ports[0].Name = ptr("admin")

	out := mcs.Import(mcs.ImportInput{
		Merged: mcs.Merge(cart, []*v1alpha1.ServiceRecord{
			record("west", 1), record("east", 2, withPorts("web:80/TCP")), record("north", 3, withPorts("http:81/TCP")),
		}),
		Slices: []*fleet.Slice{
			mcs.SliceOf("west", lost), mcs.SliceOf("east", renamed), mcs.SliceOf("north", other), mcs.SliceOf("south", slice("cart-a", "10.4.0.1")),
		},
		NamespaceExists: true,
	})
	type row struct {
		Labels map[string]string
		Family discoveryv1.AddressType
		Ports  []discoveryv1.EndpointPort
		Ends   []discoveryv1.Endpoint
	}
	http := []discoveryv1.EndpointPort{{Name: ptr("http"), Protocol: ptr(corev1.ProtocolTCP), Port: ptr(int32(8080))}}
	labels := func(cluster string) map[string]string {
		return map[string]string{
			"multicluster.kubernetes.io/service-name": "cart", "multicluster.kubernetes.io/source-cluster": cluster,
			"endpointslice.kubernetes.io/managed-by": "fairlead.dev", "kubernetes.io/service-name": mcs.DerivedName("cart"),
		}
	}
	conditions := func(ready bool) discoveryv1.EndpointConditions {
		return discoveryv1.EndpointConditions{Ready: &ready, Serving: ptr(true), Terminating: ptr(false)}
	}
	want := map[string]row{
		"west": {labels("west"), "IPv4", http, []discoveryv1.Endpoint{{Addresses: []string{"10.1.0.1"}, Conditions: conditions(false), Hostname: ptr("cart-0"), Zone: ptr("us-1")}}},
		"east": {labels("east"), "IPv6", http, []discoveryv1.Endpoint{{Addresses: []string{"fd00::1"}, Conditions: conditions(true), Zone: ptr("us-1")}}},
		// Its http is another one (M20): the slice is there, without a port that anybody would use.
		"north": {labels("north"), "IPv4", []discoveryv1.EndpointPort{}, []discoveryv1.Endpoint{{Addresses: []string{"10.3.0.1"}, Conditions: conditions(true), Zone: ptr("us-1")}}},
	}
	got := map[string]row{}
	for i, s := range out.Slices {
		if s.Namespace != "shop" || !strings.HasPrefix(s.Name, "cart-") || i > 0 && out.Slices[i-1].Name >= s.Name {
			t.Errorf("slice %s/%s", s.Namespace, s.Name)
		}
		got[s.Labels[mcsv1beta1.LabelSourceCluster]] = row{s.Labels, s.AddressType, s.Ports, s.Endpoints}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
