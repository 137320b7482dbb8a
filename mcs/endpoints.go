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
// (M16). They belong to the derived Service, and are passed over by kube-proxy where it is headless. A port has the name that it has
// there; a port that the cluster does not share with the import is left out, so that no traffic for the one goes to the other (M20).
// What a slice says of nodes, pods, owners and hints of another cluster never comes this far.
func endpointSlices(in ImportInput) []*discoveryv1.EndpointSlice {
	p := palette{in: in, derived: DerivedName(in.Merged.Name.Name), names: carriedNames(in.Merged.Ports), hinted: hinted(in)}
	out := make([]*discoveryv1.EndpointSlice, 0, len(in.Slices))
	for _, s := range in.Slices {
		if in.Merged.ExportedBy(s.Cluster) {
			out = append(out, p.slice(s))
		}
	}
	slices.SortFunc(out, func(a, b *discoveryv1.EndpointSlice) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// palette is what the slices of one import have in common.
type palette struct {
	in      ImportInput
	derived string   // name of the derived Service
	names   []string // of its ports, in the order of the merged ones
	hinted  bool     // endpoints name the zone that is to use them
}

func (p palette) slice(s *fleet.Slice) *discoveryv1.EndpointSlice {
	m := p.in.Merged
	out := &discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: discoveryv1.SchemeGroupVersion.String(), Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: m.Name.Namespace,
			Name:      objectName(m.Name.Name, s.Cluster, s.Name),
			Labels: map[string]string{
				mcsv1beta1.LabelServiceName:   m.Name.Name,
				mcsv1beta1.LabelSourceCluster: s.Cluster,
				discoveryv1.LabelServiceName:  p.derived,
				discoveryv1.LabelManagedBy:    ManagedBy,
			},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   make([]discoveryv1.Endpoint, len(s.Endpoints)),
		Ports:       p.ports(s),
	}
	if m.Headless {
		out.Labels[corev1.IsHeadlessService] = ""
	}
	if packed := p.in.Packed[SourceSlice{s.Cluster, s.Name}]; packed != "" {
		out.Annotations = map[string]string{AnnotationRecord: packed, AnnotationSourceSlice: s.Name}
	}
	if s.IPv6 {
		out.AddressType = discoveryv1.AddressTypeIPv6
	}
	for i := range s.Endpoints {
		out.Endpoints[i] = p.endpoint(&s.Endpoints[i], s.Cluster == p.in.Own)
	}
	return out
}

// endpoint points into the slice that it comes from, which never changes: a fleet has many endpoints. Nodes are those of the own cluster:
// an internal traffic policy of Local finds its endpoints by them.
func (p palette) endpoint(e *fleet.Endpoint, own bool) discoveryv1.Endpoint {
	out := discoveryv1.Endpoint{
		Addresses:  []string{e.Address.String()},
		Conditions: discoveryv1.EndpointConditions{Ready: &e.Ready, Serving: &e.Serving, Terminating: &e.Terminating},
	}
	if e.Hostname != "" {
		out.Hostname = &e.Hostname
	}
	if own && e.Node != "" {
		out.NodeName = &e.Node
	}
	if e.Zone != "" {
		out.Zone = &e.Zone
		if p.hinted {
			out.Hints = &discoveryv1.EndpointHints{ForZones: []discoveryv1.ForZone{{Name: e.Zone}}}
		}
	}
	return out
}

// hinted says whether endpoints get the hint that their own zone is to use them: where the service prefers that, and only if every ready
// endpoint has a zone, without which a kube-proxy would follow no hint at all. PreferSameNode falls back to the zone, as the nodes of
// other clusters are not known here.
func hinted(in ImportInput) bool {
	switch orElse(in.Merged.TrafficDistribution, "") {
	case corev1.ServiceTrafficDistributionPreferClose, corev1.ServiceTrafficDistributionPreferSameZone, corev1.ServiceTrafficDistributionPreferSameNode:
	default:
		return false
	}
	for _, s := range in.Slices {
		if slices.ContainsFunc(s.Endpoints, func(e fleet.Endpoint) bool { return e.Ready && e.Zone == "" }) {
			return false
		}
	}
	return true
}

func (p palette) ports(s *fleet.Slice) []discoveryv1.EndpointPort {
	ports := make([]discoveryv1.EndpointPort, 0, len(s.Ports))
	for n, merged := range p.in.Merged.Ports {
		source, ok := merged.Sources[s.Cluster]
		if !ok {
			continue
		}
		i := slices.IndexFunc(s.Ports, func(q fleet.Port) bool { return q.Name == source && q.Protocol == merged.Protocol })
		if i < 0 {
			continue
		}
		protocol, number := corev1.Protocol(merged.Protocol), int32(s.Ports[i].Port)
		port := discoveryv1.EndpointPort{Name: &p.names[n], Protocol: &protocol, Port: &number}
		if merged.AppProtocol != "" {
			port.AppProtocol = &merged.AppProtocol
		}
		ports = append(ports, port)
	}
	return ports
}
