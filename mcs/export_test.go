package mcs_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/mcs"
)

func source(edits ...func(*mcs.Source)) mcs.Source {
	meta := metav1.ObjectMeta{Namespace: "shop", Name: "cart"}
	src := mcs.Source{
		Cluster: "west",
		Export:  &mcsv1beta1.ServiceExport{ObjectMeta: meta},
		Service: &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.0.7", Ports: []corev1.ServicePort{{Name: "http", Port: 80}},
		}},
		Slices: []*discoveryv1.EndpointSlice{slice("cart-b", "10.1.0.1"), slice("cart-a", "10.1.0.2")},
	}
	src.Export.CreationTimestamp = at(1)
	for _, e := range edits {
		e(&src)
	}
	return src
}

func TestExportValid(t *testing.T) {
	for name, row := range map[string]struct {
		edit func(*mcs.Source)
		want string // of the condition; none: "-"
	}{
		"a plain service (M3)":           {func(*mcs.Source) {}, "Valid=True/Valid"},
		"no ServiceExport (M3)":          {func(s *mcs.Source) { s.Export = nil }, "-"},
		"a ServiceExport on its way out": {func(s *mcs.Source) { s.Export.DeletionTimestamp = ptr(at(9)) }, "-"},
		"no Service":                     {func(s *mcs.Source) { s.Service = nil }, "Valid=False/NoService"},
		"ExternalName (M7)":              {func(s *mcs.Source) { s.Service.Spec.Type = corev1.ServiceTypeExternalName }, "Valid=False/InvalidServiceType"},
		"NodePort (M8)":                  {func(s *mcs.Source) { s.Service.Spec.Type = corev1.ServiceTypeNodePort }, "Valid=True/Valid"},
		"LoadBalancer (M8)":              {func(s *mcs.Source) { s.Service.Spec.Type = corev1.ServiceTypeLoadBalancer }, "Valid=True/Valid"},
		"a port out of range":            {func(s *mcs.Source) { s.Service.Spec.Ports[0].Port = 70000 }, "Valid=False/InvalidService"},
	} {
		t.Run(name, func(t *testing.T) {
			out := mcs.Export(source(row.edit))
			got := "-"
			if len(out.Conditions) > 0 {
				got = out.Conditions[0].String()
				if out.Conditions[0].Message == "" {
					t.Error("the condition has no message")
				}
			}
			if got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
			if exported := out.Record != nil; exported != strings.Contains(row.want, "True") || exported != (len(out.Endpoints) == 2) {
				t.Errorf("record %v, %d endpoint records", out.Record, len(out.Endpoints))
			}
		})
	}
}

func TestExportRecord(t *testing.T) {
	src := source(func(s *mcs.Source) {
		s.Export.CreationTimestamp = metav1.Time{Time: time.Date(2026, 1, 1, 3, 0, 0, 999, time.FixedZone("", 3600))}
		s.Export.Labels = map[string]string{"mine": "stays"}
		s.Export.Spec.ExportedLabels = map[string]string{"team": "shop"}
		s.Export.Spec.ExportedAnnotations = map[string]string{"note": "x"}
		s.Service.Labels = map[string]string{"app": "cart"}
		s.Service.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
		s.Service.Spec.TrafficDistribution = ptr("PreferSameZone")
		s.Service.Spec.Ports = append(s.Service.Spec.Ports, corev1.ServicePort{Name: "dns", Protocol: "UDP", Port: 53, AppProtocol: ptr("dns")})
	})
	out := mcs.Export(src)
	want := v1alpha1.ServiceRecordSpec{
		Cluster: "west", Namespace: "shop", Name: "cart",
		ExportedAt:          metav1.Time{Time: time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC)},
		Ports:               readPorts("http:80/TCP dns:53/UDP(dns)"),
		IPFamilies:          []corev1.IPFamily{corev1.IPv4Protocol},
		SessionAffinity:     corev1.ServiceAffinityClientIP,
		TrafficDistribution: ptr("PreferSameZone"),
		ExportedLabels:      map[string]string{"team": "shop"}, ExportedAnnotations: map[string]string{"note": "x"},
	}
	if diff := cmp.Diff(want, out.Record.Spec); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{v1alpha1.LabelCluster: "west", v1alpha1.LabelNamespace: "shop", v1alpha1.LabelService: "cart"}, out.Record.Labels); diff != "" {
		t.Error(diff)
	}
	if out.Endpoints[0].Name >= out.Endpoints[1].Name {
		t.Error("the endpoint records are not sorted by name")
	}
	for _, r := range out.Endpoints {
		if want := "1 endpoint, 1 ready, http:8080/TCP"; r.Spec.Summary != want {
			t.Errorf("summary %q, want %q", r.Spec.Summary, want)
		}
		if r.Namespace != "" {
			t.Error("the namespace is the hub edge's to set")
		}
		got, reason := mcs.Unpack(r, dev)
		if reason != "" {
			t.Fatal(reason)
		}
		if got.Service != cart || got.Cluster != "west" || got.Name != r.Spec.Slice {
			t.Errorf("unpacked %+v", got)
		}
	}
}

func TestExportOfAHeadlessServiceWithoutATime(t *testing.T) {
	r := mcs.Export(source(func(s *mcs.Source) {
		s.Export.CreationTimestamp = metav1.Time{}
		s.Service.Spec.ClusterIP = corev1.ClusterIPNone
		s.Slices = append(s.Slices, &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: "names"}, AddressType: discoveryv1.AddressTypeFQDN})
	}))
	if !r.Record.Spec.Headless || !r.Record.Spec.ExportedAt.IsZero() || len(r.Record.Spec.IPFamilies) > 0 || len(r.Endpoints) != 2 {
		t.Errorf("got %+v with %d endpoint records", r.Record.Spec, len(r.Endpoints))
	}
}

// Names of records are valid and differ, however the words that they stand for are put together.
func TestRecordNames(t *testing.T) {
	valid := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	long := strings.Repeat("x", 63)
	names := map[string]string{}
	for _, words := range [][3]string{
		{"shop", "cart", "cart"}, {"shop-cart", "cart", "x"}, {"shop", "cart-cart", "x"}, {"shop", "cart", "cart-x"}, {"shop", "cart", "cart.x"},
		{long, long, strings.Repeat("y.", 100) + "y"}, {long, long, strings.Repeat("y.", 100) + "z"}, {"a", "b", "-.-"}, {"é", "Ü", "…"},
	} {
		src := source(func(s *mcs.Source) {
			s.Export.Namespace, s.Export.Name = words[0], words[1]
			s.Slices = s.Slices[:1]
			s.Slices[0].Name = words[2]
		})
		out := mcs.Export(src)
		if out.Record == nil {
			continue
		}
		for _, name := range []string{out.Record.Name, out.Endpoints[0].Name} {
			if !valid.MatchString(name) {
				t.Errorf("%q is no name for an object", name)
			}
			key := strings.Join(words[:], "/")
			if name == out.Record.Name {
				key = words[0] + "/" + words[1]
			}
			if other, ok := names[name]; ok && other != key {
				t.Errorf("%s and %s are both called %s", other, key, name)
			}
			names[name] = key
		}
	}
	if len(names) < 11 {
		t.Errorf("only %d names were made", len(names))
	}
}

func TestExportKeepsItsInput(t *testing.T) {
	src := source()
	before := []any{src.Export.DeepCopy(), src.Service.DeepCopy(), src.Slices[0].DeepCopy()}
	mcs.Export(src)
	if diff := cmp.Diff(before, []any{src.Export, src.Service, src.Slices[0]}); diff != "" {
		t.Error(diff)
	}
}

func TestValidateRecord(t *testing.T) {
	for name, row := range map[string]struct {
		edit edit
		want string // part of the reason; empty: fine
	}{
		"fine":                          {func(*v1alpha1.ServiceRecordSpec) {}, ""},
		"a cluster id with context":     {func(s *v1alpha1.ServiceRecordSpec) { s.Cluster = "west.prod" }, ""},
		"two dots in a cluster id":      {func(s *v1alpha1.ServiceRecordSpec) { s.Cluster = "a.b.c" }, "spec.cluster"},
		"no cluster":                    {func(s *v1alpha1.ServiceRecordSpec) { s.Cluster = "" }, "spec.cluster"},
		"a cluster id for no label":     {func(s *v1alpha1.ServiceRecordSpec) { s.Cluster = strings.Repeat("a", 64) }, "spec.cluster"},
		"a namespace with a slash":      {func(s *v1alpha1.ServiceRecordSpec) { s.Namespace = "a/b" }, "spec.namespace"},
		"an upper-case service":         {func(s *v1alpha1.ServiceRecordSpec) { s.Name = "Cart" }, "spec.name"},
		"port 0":                        {withPorts("http:0/TCP"), "spec.ports[0]: port 0 is not between 1 and 65535"},
		"port 65536":                    {withPorts("a:1/TCP b:65536/TCP"), "spec.ports[1]: port 65536"},
		"no protocol is TCP":            {func(s *v1alpha1.ServiceRecordSpec) { s.Ports[0].Protocol = "" }, ""},
		"an unknown protocol":           {withPorts("http:80/ICMP"), "protocol"},
		"a name twice":                  {withPorts("http:80/TCP http:81/TCP"), "used twice"},
		"a number twice":                {withPorts("a:80/TCP b:80/TCP"), "80/TCP is used twice"},
		"a number in two protocols":     {withPorts("a:53/TCP b:53/UDP"), ""},
		"no name among many":            {withPorts("80/TCP b:53/UDP"), "name is not set"},
		"no name on its own":            {withPorts("80/TCP"), ""},
		"an odd appProtocol":            {withPorts("a:80/TCP(a/b/c)"), "appProtocol"},
		"no ports":                      {func(s *v1alpha1.ServiceRecordSpec) { s.Ports = nil }, "spec.ports is empty"},
		"more ports than a service has": {func(s *v1alpha1.ServiceRecordSpec) { s.Ports = make([]v1alpha1.ServicePort, 251) }, "spec.ports has 251 entries"},
		"an export before all exports":  {func(s *v1alpha1.ServiceRecordSpec) { s.ExportedAt = at(-400_000_000) }, "spec.exportedAt 2013"},
		"an export without a time":      {func(s *v1alpha1.ServiceRecordSpec) { s.ExportedAt = metav1.Time{} }, ""},
		"headless without ports":        {func(s *v1alpha1.ServiceRecordSpec) { s.Headless, s.Ports = true, nil }, ""},
		"a family twice":                {withFamilies("IPv4", "IPv4"), "twice"},
		"an unknown family":             {withFamilies("IPv5"), "neither IPv4 nor IPv6"},
		"an unknown affinity":           {func(s *v1alpha1.ServiceRecordSpec) { s.SessionAffinity = "Cookie" }, "neither None nor ClientIP"},
		"an affinity of two days":       {func(s *v1alpha1.ServiceRecordSpec) { s.SessionAffinityConfig = timeout(2 * 86400) }, "timeoutSeconds"},
		"an unknown internal policy": {func(s *v1alpha1.ServiceRecordSpec) {
			s.InternalTrafficPolicy = ptr(corev1.ServiceInternalTrafficPolicy("Zone"))
		}, "internalTrafficPolicy"},
		"a new distribution":       {func(s *v1alpha1.ServiceRecordSpec) { s.TrafficDistribution = ptr("PreferSameRack") }, ""},
		"a distribution of spaces": {func(s *v1alpha1.ServiceRecordSpec) { s.TrafficDistribution = ptr("a b") }, "trafficDistribution"},
		"a bad label":              {func(s *v1alpha1.ServiceRecordSpec) { s.ExportedLabels = map[string]string{"a": "b c"} }, "exportedLabels"},
		"a bad annotation":         {func(s *v1alpha1.ServiceRecordSpec) { s.ExportedAnnotations = map[string]string{"": "x"} }, "exportedAnnotations"},
		"annotations without end": {func(s *v1alpha1.ServiceRecordSpec) {
			s.ExportedAnnotations = map[string]string{"a": strings.Repeat("x", 300<<10)}
		}, "exportedAnnotations"},
	} {
		t.Run(name, func(t *testing.T) {
			got := mcs.ValidateRecord(record("west", 1, row.edit))
			if row.want == "" && got != "" || !strings.Contains(got, row.want) {
				t.Errorf("got %q, want %q in it", got, row.want)
			}
		})
	}
}

func timeout(seconds int32) *corev1.SessionAffinityConfig {
	return &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: &seconds}}
}

func TestSliceOf(t *testing.T) {
	s := slice("cart-a", "10.1.0.1", "10.1.0.2", "0.0.0.0", "no address")
	s.Endpoints[0].Conditions = discoveryv1.EndpointConditions{}
	s.Endpoints[0].Hostname = ptr("cart-0")
	s.Endpoints[1].Conditions = discoveryv1.EndpointConditions{Ready: ptr(false), Terminating: ptr(true)}
	s.Endpoints[1].Hints = &discoveryv1.EndpointHints{ForZones: []discoveryv1.ForZone{{Name: "us-1"}}}
	s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{})
	s.Ports = append(s.Ports, discoveryv1.EndpointPort{Name: ptr("any")})
	got := mcs.SliceOf("west", s)
	if got.Service != cart || got.Cluster != "west" || got.Name != "cart-a" || got.IPv6 || len(got.Ports) != 1 || len(got.Endpoints) != 2 {
		t.Fatalf("got %+v", got)
	}
	first, second := got.Endpoints[0], got.Endpoints[1]
	if !first.Ready || !first.Serving || first.Terminating || first.Hostname != "cart-0" || first.Zone != "us-1" {
		t.Errorf("what is not set is ready and serving, got %+v", first)
	}
	if second.Ready || !second.Serving || !second.Terminating || len(second.ForZones) != 1 {
		t.Errorf("got %+v", second)
	}
	s.AddressType = discoveryv1.AddressTypeFQDN
	if got := mcs.SliceOf("west", s); got != nil {
		t.Errorf("a slice of names became %+v", got)
	}
	if got := mcs.SliceOf("west", nil); got != nil {
		t.Errorf("nothing became %+v", got)
	}
}
