package mcs

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
)

// ManagedBy is who manages imported EndpointSlices, in their label endpointslice.kubernetes.io/managed-by.
const ManagedBy = "fairlead.dev"

// endpointSlices returns the EndpointSlices of an import, one for each source slice of a cluster that exports the service, sorted by name
// (M16). A port has the name that it has in the ServiceImport; a port that the cluster does not share with the ServiceImport is left
// out, so that no traffic for the one goes to the other (M20). What a slice says of nodes, pods, owners and hints of its own cluster
// never comes this far.
func endpointSlices(in ImportInput) []*discoveryv1.EndpointSlice {
	exporting := map[string]bool{}
	for _, e := range in.Merged.Exporters {
		exporting[e.Cluster] = true
	}
	var out []*discoveryv1.EndpointSlice
	for _, s := range in.Slices {
		if exporting[s.Cluster] {
			out = append(out, endpointSlice(in.Merged, s))
		}
	}
	slices.SortFunc(out, func(a, b *discoveryv1.EndpointSlice) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func endpointSlice(m *Merged, s *fleet.Slice) *discoveryv1.EndpointSlice {
	out := &discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: discoveryv1.SchemeGroupVersion.String(), Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: m.Name.Namespace,
			Name:      objectName(m.Name.Name, s.Cluster, s.Name),
			Labels: map[string]string{
				mcsv1beta1.LabelServiceName:   m.Name.Name,
				mcsv1beta1.LabelSourceCluster: s.Cluster,
				discoveryv1.LabelManagedBy:    ManagedBy,
			},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   make([]discoveryv1.Endpoint, 0, len(s.Endpoints)),
		Ports:       endpointPorts(m, s),
	}
	if s.IPv6 {
		out.AddressType = discoveryv1.AddressTypeIPv6
	}
	for _, e := range s.Endpoints {
		endpoint := discoveryv1.Endpoint{
			Addresses:  []string{e.Address.String()},
			Conditions: discoveryv1.EndpointConditions{Ready: &e.Ready, Serving: &e.Serving, Terminating: &e.Terminating},
		}
		if e.Hostname != "" {
			endpoint.Hostname = &e.Hostname
		}
		if e.Zone != "" {
			endpoint.Zone = &e.Zone
		}
		out.Endpoints = append(out.Endpoints, endpoint)
	}
	return out
}

func endpointPorts(m *Merged, s *fleet.Slice) []discoveryv1.EndpointPort {
	ports := make([]discoveryv1.EndpointPort, 0, len(s.Ports))
	for _, p := range m.Ports {
		source, ok := p.Sources[s.Cluster]
		if !ok {
			continue
		}
		i := slices.IndexFunc(s.Ports, func(q fleet.Port) bool { return q.Name == source && q.Protocol == p.Protocol })
		if i < 0 {
			continue
		}
		protocol, number := corev1.Protocol(p.Protocol), int32(s.Ports[i].Port)
		port := discoveryv1.EndpointPort{Name: &p.Name, Protocol: &protocol, Port: &number}
		if p.AppProtocol != "" {
			port.AppProtocol = &p.AppProtocol
		}
		ports = append(ports, port)
	}
	return ports
}
