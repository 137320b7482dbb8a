package mcs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/mcs"
)

const (
	v4 = corev1.IPv4Protocol
	v6 = corev1.IPv6Protocol
)

func TestMerge(t *testing.T) {
	type records = []*v1alpha1.ServiceRecord
	for name, row := range map[string]struct {
		records records
		want    string
	}{
		"no records": {nil, "nothing\n"},
		"records of other services are passed over": {
			records{nil, record("west", 1, func(s *v1alpha1.ServiceRecordSpec) { s.Name = "till" })}, "nothing\n",
		},
		"one export": {records{record("west", 1)}, `
shop/cart headless=false families=[IPv4] affinity=None west
http:80/TCP map[west:http]
`},
		"two that agree, oldest first": {records{record("east", 2), record("west", 1)}, `
shop/cart headless=false families=[IPv4] affinity=None west east
http:80/TCP map[east:http west:http]
`},
		"of equal age, by cluster id": {records{record("west", 1), record("east", 1), record("north", 0)}, `
shop/cart headless=false families=[IPv4] affinity=None north east west
http:80/TCP map[east:http north:http west:http]
`},
		"an export without a time is the oldest": {records{record("east", 1), record("west", 1, func(s *v1alpha1.ServiceRecordSpec) { s.ExportedAt = metav1.Time{} })}, `
shop/cart headless=false families=[IPv4] affinity=None west east
http:80/TCP map[east:http west:http]
`},
		"two records of one cluster: the older counts": {records{record("west", 2, withPorts("http:81/TCP")), record("west", 1)}, `
shop/cart headless=false families=[IPv4] affinity=None west
http:80/TCP map[west:http]
`},
		"the order of ports does not matter": {records{record("west", 1, withPorts("a:1/TCP b:2/TCP")), record("east", 2, withPorts("b:2/TCP a:1/TCP"))}, `
shop/cart headless=false families=[IPv4] affinity=None west east
a:1/TCP map[east:a west:a]
b:2/TCP map[east:b west:b]
`},
		"the union of ports (M20)": {records{record("west", 1), record("east", 2, withPorts("http:80/TCP metrics:9090/TCP"))}, `
shop/cart headless=false families=[IPv4] affinity=None west east
http:80/TCP map[east:http west:http]
metrics:9090/TCP map[east:metrics]
PortConflict: ports: http:80/TCP in west, http:80/TCP metrics:9090/TCP in east; taken: http:80/TCP from east and west, metrics:9090/TCP from east
`},
		"one name, two numbers: the oldest has it, the other is left out": {
			records{record("east", 2, withPorts("http:8080/TCP metrics:9090/TCP")), record("west", 1)}, `
shop/cart headless=false families=[IPv4] affinity=None west east
http:80/TCP map[west:http]
metrics:9090/TCP map[east:metrics]
PortConflict: ports: http:80/TCP in west, http:8080/TCP metrics:9090/TCP in east; taken: http:80/TCP from west, metrics:9090/TCP from east
`},
		"one number, two names: one port, each under its own name": {records{record("west", 1), record("east", 2, withPorts("web:80/TCP"))}, `
shop/cart headless=false families=[IPv4] affinity=None west east
http:80/TCP map[east:web west:http]
PortConflict: ports: http:80/TCP in west, web:80/TCP in east; taken: http:80/TCP from east and west
`},
		"a name goes before a number": {records{record("west", 1, withPorts("a:80/TCP b:81/TCP")), record("east", 2, withPorts("a:81/TCP"))}, `
shop/cart headless=false families=[IPv4] affinity=None west east
a:80/TCP map[west:a]
b:81/TCP map[west:b]
PortConflict: ports: a:80/TCP b:81/TCP in west, a:81/TCP in east; taken: a:80/TCP from west, b:81/TCP from west
`},
		"the number of another protocol is another port": {records{record("west", 1, withPorts("dns:53/UDP")), record("east", 2, withPorts("dns-tcp:53/TCP"))}, `
shop/cart headless=false families=[IPv4] affinity=None west east
dns:53/UDP map[west:dns]
dns-tcp:53/TCP map[east:dns-tcp]
PortConflict: ports: dns:53/UDP in west, dns-tcp:53/TCP in east; taken: dns:53/UDP from west, dns-tcp:53/TCP from east
`},
		"no name and a name": {records{record("west", 1, withPorts("80/TCP")), record("east", 2)}, `
shop/cart headless=false families=[IPv4] affinity=None west east
80/TCP map[east:http west:]
PortConflict: ports: 80/TCP in west, http:80/TCP in east; taken: 80/TCP from east and west
`},
		"the application protocol of the oldest, the endpoints of both": {records{record("west", 1, withPorts("http:80/TCP(kubernetes.io/h2c)")), record("east", 2)}, `
shop/cart headless=false families=[IPv4] affinity=None west east
http:80/TCP map[east:http west:http]
PortConflict: ports: http:80/TCP(kubernetes.io/h2c) in west, http:80/TCP in east; taken: http:80/TCP(kubernetes.io/h2c) from east and west
`},
		"headless or not (M21)": {records{record("west", 1, func(s *v1alpha1.ServiceRecordSpec) { s.Headless = true }), record("east", 2), record("north", 3)}, `
shop/cart headless=true families=[IPv4] affinity=None west east north
http:80/TCP map[east:http north:http west:http]
TypeConflict: type: Headless in west (taken: the oldest export), ClusterSetIP in east and north
`},
		"affinity (M21)": {records{record("west", 2), record("east", 1, func(s *v1alpha1.ServiceRecordSpec) { s.SessionAffinity = "ClientIP" })}, `
shop/cart headless=false families=[IPv4] affinity=ClientIP/10800s east west
http:80/TCP map[east:http west:http]
SessionAffinityConflict: sessionAffinity: ClientIP in east (taken: the oldest export), None in west
`},
		"what is not set is the default": {records{
			record("west", 1, func(s *v1alpha1.ServiceRecordSpec) {
				s.SessionAffinity, s.InternalTrafficPolicy, s.ExportedLabels = "None", ptr(corev1.ServiceInternalTrafficPolicyCluster), map[string]string{}
				s.TrafficDistribution = ptr("PreferClose")
			}),
			record("east", 2, func(s *v1alpha1.ServiceRecordSpec) {
				s.Ports[0].Protocol, s.TrafficDistribution = "", ptr("PreferSameZone")
			}),
		}, `
shop/cart headless=false families=[IPv4] affinity=None west east
http:80/TCP map[east:http west:http]
`},
		"the duration of an affinity (M21)": {records{
			record("west", 1, func(s *v1alpha1.ServiceRecordSpec) {
				s.SessionAffinity, s.SessionAffinityConfig = "ClientIP", timeout(60)
			}),
			record("east", 2, func(s *v1alpha1.ServiceRecordSpec) { s.SessionAffinity = "ClientIP" }),
		}, `
shop/cart headless=false families=[IPv4] affinity=ClientIP/60s west east
http:80/TCP map[east:http west:http]
SessionAffinityConfigConflict: sessionAffinityConfig: 60 s in west (taken: the oldest export), 10800 s in east
`},
		"durations of an affinity that is not taken": {records{
			record("west", 1),
			record("east", 2, func(s *v1alpha1.ServiceRecordSpec) {
				s.SessionAffinity, s.SessionAffinityConfig = "ClientIP", timeout(60)
			}),
			record("north", 3, func(s *v1alpha1.ServiceRecordSpec) { s.SessionAffinity = "ClientIP" }),
		}, `
shop/cart headless=false families=[IPv4] affinity=None west east north
http:80/TCP map[east:http north:http west:http]
SessionAffinityConflict: sessionAffinity: None in west (taken: the oldest export), ClientIP in east and north
`},
		"policies and metadata (M21), sorted by reason": {records{
			record("west", 1, func(s *v1alpha1.ServiceRecordSpec) {
				s.InternalTrafficPolicy = ptr(corev1.ServiceInternalTrafficPolicyLocal)
				s.ExportedLabels = map[string]string{"b": "2", "a": "1"}
			}),
			record("east", 2, func(s *v1alpha1.ServiceRecordSpec) {
				s.TrafficDistribution = ptr("PreferSameZone")
				s.ExportedAnnotations = map[string]string{"a": "1"}
			}),
		}, `
shop/cart headless=false families=[IPv4] affinity=None west east
http:80/TCP map[east:http west:http]
AnnotationsConflict: exportedAnnotations: {} in west (taken: the oldest export), {a="1"} in east
InternalTrafficPolicyConflict: internalTrafficPolicy: Local in west (taken: the oldest export), Cluster in east
LabelsConflict: exportedLabels: {a="1", b="2"} in west (taken: the oldest export), {} in east
TrafficDistributionConflict: trafficDistribution: not set in west (taken: the oldest export), PreferSameZone in east
`},
		"more families than the oldest are no conflict (M11)": {records{record("west", 1), record("east", 2, withFamilies(v6, v4))}, `
shop/cart headless=false families=[IPv4] affinity=None west east
http:80/TCP map[east:http west:http]
`},
		"fewer are: one of them reaches only a part (M11)": {records{record("west", 1, withFamilies(v4, v6)), record("east", 2)}, `
shop/cart headless=false families=[IPv4 IPv6] affinity=None west east
http:80/TCP map[east:http west:http]
IPFamilyConflict: ipFamilies: IPv4,IPv6 in west (taken: the oldest export), IPv4 in east; traffic over IPv6 does not reach east
`},
		"another one is too (M11)": {records{record("west", 1, withFamilies(v6)), record("east", 2)}, `
shop/cart headless=false families=[IPv6] affinity=None west east
http:80/TCP map[east:http west:http]
IPFamilyConflict: ipFamilies: IPv6 in west (taken: the oldest export), IPv4 in east; traffic over IPv6 does not reach east
`},
		"the order of families, and unknown ones, are no conflict": {records{
			record("west", 1, withFamilies()), record("east", 2, withFamilies(v4, v6)), record("north", 3, withFamilies(v6, v4))}, `
shop/cart headless=false families=[IPv4 IPv6] affinity=None west east north
http:80/TCP map[east:http north:http west:http]
`},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(strings.TrimPrefix(row.want, "\n"), print(mcs.Merge(cart, row.records))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A hundred clusters that disagree on everything still make a message that fits into a condition.
func TestConflictMessagesStayReadable(t *testing.T) {
	var records []*v1alpha1.ServiceRecord
	for i := range 100 {
		records = append(records, record(fmt.Sprintf("cluster-%02d", i), i, func(s *v1alpha1.ServiceRecordSpec) {
			s.Ports = readPorts(fmt.Sprintf("p%d:%d/TCP", i, i+1))
			s.ExportedAnnotations = map[string]string{"a": strings.Repeat("x", 1000+i)}
			s.ExportedLabels = map[string]string{"a": fmt.Sprint(i % 2)}
		}))
	}
	for _, c := range mcs.Merge(cart, records).Conflicts {
		if len(c.Message) > 8000 {
			t.Errorf("%s has a message of %d bytes", c.Reason, len(c.Message))
		}
		if c.Reason == "LabelsConflict" && c.Message !=
			`exportedLabels: {a="0"} in cluster-00, cluster-02, cluster-04 and 47 more (taken: the oldest export), {a="1"} in cluster-01, cluster-03, cluster-05 and 47 more` {
			t.Error(c.Message)
		}
	}
}

// However many ports the young exports add, the union stays one that a Service can have, and the old ones keep theirs.
func TestTheUnionOfPortsIsBounded(t *testing.T) {
	var records []*v1alpha1.ServiceRecord
	for i := range 10 {
		records = append(records, record(fmt.Sprintf("cluster-%d", i), 9-i, func(s *v1alpha1.ServiceRecordSpec) {
			s.Ports = nil
			for n := range int32(100) {
				number := int32(i)*100 + n + 1
				s.Ports = append(s.Ports, v1alpha1.ServicePort{Name: fmt.Sprintf("p%d", number), Protocol: "TCP", Port: number})
			}
		}))
	}
	m := mcs.Merge(cart, records)
	if len(m.Ports) != 250 || m.Ports[0].Name != "p901" || len(m.Conflicts) != 1 {
		t.Errorf("%d ports from %s on, %d conflicts", len(m.Ports), m.Ports[0].Name, len(m.Conflicts))
	}
}

// Two records that nothing tells apart but what they say: everybody takes the same one.
func TestMergeBreaksEveryTie(t *testing.T) {
	a, b := record("west", 1, withPorts("a:1/TCP")), record("west", 1, withPorts("b:2/TCP"))
	if one, other := print(mcs.Merge(cart, []*v1alpha1.ServiceRecord{a, b})), print(mcs.Merge(cart, []*v1alpha1.ServiceRecord{b, a})); one != other {
		t.Errorf("the order decides:\n%s%s", one, other)
	}
}

func BenchmarkMerge(b *testing.B) {
	for _, n := range []int{2, 10, 100} {
		b.Run(fmt.Sprintf("clusters=%d", n), func(b *testing.B) {
			var records []*v1alpha1.ServiceRecord
			for i := range n {
				records = append(records, record(fmt.Sprintf("cluster-%02d", i), i, withPorts("http:80/TCP metrics:9090/TCP")))
			}
			b.ReportAllocs()
			for b.Loop() {
				mcs.Merge(cart, records)
			}
		})
	}
}
