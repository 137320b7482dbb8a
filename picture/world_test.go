package picture

import (
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/route"
)

// A small world to take pictures of: cluster west, seen from itself, with east and north beyond the hub.

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func west() Vantage {
	return Vantage{
		Cluster:       fleet.Cluster{Name: "west", Locality: fleet.Locality{Region: "us", Zone: "us-a"}},
		Addresses:     []netip.Addr{netip.MustParseAddr("127.0.0.11")},
		ServiceRanges: []netip.Prefix{netip.MustParsePrefix("127.11.240.0/20")},
		Health:        health.DefaultPolicy(),
	}
}

// realWest is west as a real cluster, whose API server allocates IPs.
func realWest() Vantage {
	v := west()
	v.Families = []corev1.IPFamily{corev1.IPv4Protocol}
	v.ServiceRanges = []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")}
	return v
}

func is(f Fact) Change   { return Change{KeyOf(f), f} }
func gone(f Fact) Change { return Change{KeyOf(f), nil} }

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func meta(ns, name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: ns, Name: name} }

func svc(ns, name string, ports ...int32) *corev1.Service {
	s := &corev1.Service{ObjectMeta: meta(ns, name), Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeClusterIP, IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol}, SessionAffinity: corev1.ServiceAffinityNone,
	}}
	for _, p := range ports {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: fmt.Sprintf("p%d", p), Protocol: corev1.ProtocolTCP, Port: p})
	}
	return s
}

func serviceExport(ns, name string, age int) *mcsv1beta1.ServiceExport {
	ex := &mcsv1beta1.ServiceExport{ObjectMeta: meta(ns, name)}
	ex.CreationTimestamp = metav1.NewTime(start.Add(-time.Duration(age) * time.Hour))
	return ex
}

func slice(ns, svc, name string, ready bool, port int32, addrs ...string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{ObjectMeta: meta(ns, name), AddressType: discoveryv1.AddressTypeIPv4}
	s.Labels = map[string]string{discoveryv1.LabelServiceName: svc}
	portName, protocol := fmt.Sprintf("p%d", port), corev1.ProtocolTCP
	target := port + 8000
	s.Ports = []discoveryv1.EndpointPort{{Name: &portName, Protocol: &protocol, Port: &target}}
	for _, a := range addrs {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{a}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
		})
	}
	return s
}

func memberObject(cluster, region, zone string, exports, slices int32) *v1alpha1.Member {
	m := &v1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: cluster}}
	m.Spec = v1alpha1.MemberSpec{Cluster: cluster, Region: region, Zone: zone}
	m.Status.Marker = v1alpha1.Marker{Exports: exports, Slices: slices}
	return m
}

// remote returns the records by which another cluster exports a service with one slice.
func remote(cluster string, s *corev1.Service, ex *mcsv1beta1.ServiceExport, sl ...*discoveryv1.EndpointSlice) (records []Fact) {
	out := mcs.Export(mcs.Source{Cluster: cluster, Export: ex, Service: s, Slices: sl})
	records = append(records, out.Record)
	for _, e := range out.Endpoints {
		records = append(records, e)
	}
	return records
}

func gatewayObject(name string, port int32, hostnames ...string) *gatewayv1.Gateway {
	gw := &gatewayv1.Gateway{ObjectMeta: meta("shop", name), Spec: gatewayv1.GatewaySpec{GatewayClassName: route.ClassName}}
	for i, h := range hostnames {
		l := gatewayv1.Listener{Name: gatewayv1.SectionName(fmt.Sprintf("l%d", i)), Port: port, Protocol: gatewayv1.HTTPProtocolType}
		if h != "*" {
			l.Hostname = (*gatewayv1.Hostname)(&h)
		}
		gw.Spec.Listeners = append(gw.Spec.Listeners, l)
	}
	return gw
}

func httpRoute(name, gateway, hostname, path, kind, backend string, port int32) *gatewayv1.HTTPRoute {
	prefix := gatewayv1.PathMatchPathPrefix
	r := &gatewayv1.HTTPRoute{ObjectMeta: meta("shop", name)}
	r.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: gatewayv1.ObjectName(gateway)}}
	if hostname != "*" {
		r.Spec.Hostnames = []gatewayv1.Hostname{gatewayv1.Hostname(hostname)}
	}
	ref := gatewayv1.BackendObjectReference{Name: gatewayv1.ObjectName(backend), Port: &port}
	if kind == "ServiceImport" {
		group, k := gatewayv1.Group(mcsv1beta1.GroupName), gatewayv1.Kind(kind)
		ref.Group, ref.Kind = &group, &k
	}
	r.Spec.Rules = []gatewayv1.HTTPRouteRule{{
		Matches:     []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{Type: &prefix, Value: &path}}},
		BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{BackendObjectReference: ref}}},
	}}
	return r
}

func observed(cluster string, misses int) *Observed {
	o := &Observed{Cluster: cluster, MarkerSeen: start}
	for _, prober := range []string{"a", "b"} {
		for _, path := range []string{"beacon-1", "beacon-2"} {
			o.Probes = append(o.Probes, health.Probe{Prober: prober, Path: path, Misses: misses})
		}
	}
	return o
}
