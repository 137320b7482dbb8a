package mcs_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

var cart = fleet.Name{Namespace: "shop", Name: "cart"}

func ptr[T any](v T) *T { return &v }

// at is a time so many seconds after the first export.
func at(seconds int) metav1.Time {
	return metav1.Time{Time: time.Date(2026, 1, 1, 0, 0, seconds, 0, time.UTC)}
}

// dev is the ground of a clusterset on one machine.
var dev = mcs.Ground{Loopback: true}

type edit = func(*v1alpha1.ServiceRecordSpec)

// record is a record of shop/cart with port http:80/TCP and IPv4, edited.
func record(cluster string, exported int, edits ...edit) *v1alpha1.ServiceRecord {
	r := &v1alpha1.ServiceRecord{
		ObjectMeta: metav1.ObjectMeta{Name: "shop-cart"},
		Spec: v1alpha1.ServiceRecordSpec{
			Cluster: cluster, Namespace: "shop", Name: "cart", ExportedAt: at(exported),
			Ports:      readPorts("http:80/TCP"),
			IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol},
		},
	}
	for _, e := range edits {
		e(&r.Spec)
	}
	return r
}

func withPorts(text string) edit {
	return func(s *v1alpha1.ServiceRecordSpec) { s.Ports = readPorts(text) }
}

func withFamilies(families ...corev1.IPFamily) edit {
	return func(s *v1alpha1.ServiceRecordSpec) { s.IPFamilies = families }
}

// readPorts reads "http:80/TCP 53/UDP grpc:90/TCP(kubernetes.io/h2c)".
func readPorts(text string) []v1alpha1.ServicePort {
	var ports []v1alpha1.ServicePort
	for word := range strings.FieldsSeq(text) {
		var p v1alpha1.ServicePort
		word, app, hasApp := strings.Cut(strings.TrimSuffix(word, ")"), "(")
		if hasApp {
			p.AppProtocol = &app
		}
		name, number, named := strings.Cut(word, ":")
		if !named {
			name, number = "", word
		}
		digits, protocol, _ := strings.Cut(number, "/")
		n, err := strconv.Atoi(digits)
		if err != nil {
			panic(err)
		}
		p.Name, p.Port, p.Protocol = name, int32(n), corev1.Protocol(protocol)
		ports = append(ports, p)
	}
	return ports
}

// print writes what a merge decided, one line each.
func print(m *mcs.Merged) string {
	if m == nil {
		return "nothing\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s headless=%v families=%v affinity=%s", m.Name, m.Headless, m.IPFamilies, m.SessionAffinity)
	if m.SessionAffinityConfig != nil {
		fmt.Fprintf(&b, "/%ds", *m.SessionAffinityConfig.ClientIP.TimeoutSeconds)
	}
	for _, e := range m.Exporters {
		fmt.Fprintf(&b, " %s", e.Cluster)
	}
	b.WriteString("\n")
	for _, p := range m.Ports {
		fmt.Fprintf(&b, "%s %v\n", p.Port, p.Sources)
	}
	for _, c := range m.Conflicts {
		fmt.Fprintf(&b, "%s: %s\n", c.Reason, c.Message)
	}
	return b.String()
}

// slice is an EndpointSlice of shop/cart with port http:8080 and ready endpoints at these addresses.
func slice(name string, addresses ...string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: "cart"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: ptr("http"), Protocol: ptr(corev1.ProtocolTCP), Port: ptr(int32(8080))}},
	}
	for _, a := range addresses {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{a},
			Conditions: discoveryv1.EndpointConditions{Ready: ptr(true), Serving: ptr(true), Terminating: ptr(false)},
			Zone:       ptr("us-1"),
		})
	}
	return s
}

func endpointRecord(s *discoveryv1.EndpointSlice) *v1alpha1.EndpointRecord {
	return &v1alpha1.EndpointRecord{Spec: v1alpha1.EndpointRecordSpec{
		Cluster: "west", Namespace: s.Namespace, Service: s.Labels[discoveryv1.LabelServiceName], Slice: s.Name, Packed: mcs.Pack(s),
	}}
}
