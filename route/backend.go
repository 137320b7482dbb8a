package route

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// heaviest is the API's bound for weights.
const heaviest = 1_000_000

// compileBackends returns a rule's shares. invalid is what makes the rule unusable; unresolved are references that lead nowhere,
// whose share is answered 500. Where all weights are 0 there are no backends.
func compileBackends(v View, namespace string, refs []gatewayv1.HTTPBackendRef) (backends []Backend, invalid, unresolved problems) {
	invalid = bounded("backendRefs", len(refs), 16)
	total := uint32(0)
	for i := range refs {
		b, bad, lost := compileBackend(v, namespace, &refs[i])
		invalid = append(invalid, bad.at("backendRefs", i)...)
		unresolved = append(unresolved, lost.at("backendRefs", i)...)
		backends = append(backends, b)
		total += b.Weight
	}
	if total == 0 {
		backends = nil
	}
	return backends, invalid, unresolved
}

func compileBackend(v View, namespace string, ref *gatewayv1.HTTPBackendRef) (b Backend, invalid, unresolved problems) {
	weight := deref(ref.Weight, 1)
	if weight < 0 || weight > heaviest {
		invalid = append(invalid, unsupported("weight", "is %d; write a weight from 0 to %d", weight, heaviest)...)
		weight = 0
	}
	b.Weight = uint32(weight)
	group, bad, lost := resolve(v, namespace, &ref.BackendObjectReference)
	invalid = append(invalid, bad...)
	b.Group, b.Invalid = group, len(lost) > 0
	invalid = append(invalid, compileBackendFilters(ref.Filters, &b)...)
	return b, invalid, lost
}

// resolve finds the endpoint group of a reference from an HTTPRoute in a namespace. The group is zero unless both lists are empty.
func resolve(v View, namespace string, ref *gatewayv1.BackendObjectReference) (group fleet.GroupID, invalid, unresolved problems) {
	to := target{group: string(deref(ref.Group, "")), kind: string(deref(ref.Kind, "Service"))}
	to.Name = fleet.Name{Namespace: string(deref(ref.Namespace, gatewayv1.Namespace(namespace))), Name: string(ref.Name)}
	kind, known := backendKind(to)
	if !known {
		return group, nil, because(gatewayv1.RouteReasonInvalidKind, "kind",
			"is %s; traffic can be sent to a Service, or to a ServiceImport of group %s", groupKind(to.group, to.kind), importGroup)
	}
	if invalid = checkBackendRef(ref, to); len(invalid) > 0 {
		return group, invalid, nil
	}
	if !granted(v, "HTTPRoute", namespace, to) {
		return group, nil, because(gatewayv1.RouteReasonRefNotPermitted, "namespace",
			"is %s, from where %s %s is not granted to this route; %s", to.Namespace, to.kind, to.Name, grantRemedy("HTTPRoute", namespace, to))
	}
	port := uint16(*ref.Port)
	ports, unresolved := backendPorts(v, kind, to.Name)
	if len(unresolved) == 0 {
		unresolved = checkBackendPort(to, ports, port)
	}
	if len(unresolved) > 0 {
		return group, nil, unresolved
	}
	return fleet.GroupID{Kind: kind, Service: to.Name, Port: port}, nil, nil
}

func backendKind(to target) (fleet.GroupKind, bool) {
	switch {
	case to.group == "" && to.kind == "Service":
		return fleet.Local, true
	case to.group == importGroup && to.kind == "ServiceImport":
		return fleet.Import, true
	}
	return "", false
}

func groupKind(group, kind string) string {
	if group == "" {
		return fmt.Sprintf("%q", kind)
	}
	return fmt.Sprintf("%q of group %q", kind, group)
}

// checkBackendRef checks what a custom resource's schema would.
func checkBackendRef(ref *gatewayv1.BackendObjectReference, to target) problems {
	var ps problems
	if !isDNSName(to.Name.Name) {
		ps = append(ps, unsupported("name", "is %q; write the name of a %s", to.Name.Name, to.kind)...)
	}
	if ref.Namespace != nil && !isDNSLabel(to.Namespace) {
		ps = append(ps, unsupported("namespace", "is %q; write the name of a namespace", to.Namespace)...)
	}
	if ref.Port == nil {
		return append(ps, unsupported("port", "is missing; write a port of the %s", to.kind)...)
	}
	return append(ps, checkPort("port", *ref.Port)...)
}

// backendPorts returns the ports of a Service, or of the whole clusterset's service for an import (GEP-1748).
func backendPorts(v View, kind fleet.GroupKind, name fleet.Name) ([]fleet.Port, problems) {
	if kind == fleet.Import {
		merged := v.Import(name)
		if merged == nil {
			return nil, because(gatewayv1.RouteReasonBackendNotFound, "name",
				"is %s, but no cluster exports %s; export it with a ServiceExport", name.Name, name)
		}
		return importPorts(merged), nil
	}
	service := v.Service(name)
	switch {
	case service == nil:
		return nil, because(gatewayv1.RouteReasonBackendNotFound, "name",
			"is %s, but there is no Service %s in this cluster; create it, or name a ServiceImport", name.Name, name)
	case service.Spec.Type == corev1.ServiceTypeExternalName:
		// Forwarding to names outside the cluster is unsafe (CVE-2021-25740).
		return nil, because(gatewayv1.RouteReasonInvalidKind, "name",
			"is %s, a Service of type ExternalName, to which traffic is not sent; name a Service with endpoints", name.Name)
	}
	return servicePorts(service), nil
}

func importPorts(m *mcs.Merged) []fleet.Port {
	ports := make([]fleet.Port, len(m.Ports))
	for i := range m.Ports {
		ports[i] = m.Ports[i].Port
	}
	return ports
}

func servicePorts(s *corev1.Service) []fleet.Port {
	ports := make([]fleet.Port, 0, len(s.Spec.Ports))
	for _, p := range s.Spec.Ports {
		if p.Port < 1 || p.Port > 65535 {
			continue
		}
		protocol := fleet.Protocol(p.Protocol)
		if protocol == "" {
			protocol = fleet.TCP // the API's default
		}
		ports = append(ports, fleet.Port{Name: p.Name, Protocol: protocol, Port: uint16(p.Port), AppProtocol: deref(p.AppProtocol, "")})
	}
	return ports
}

// appProtocols are those that an HTTPRoute's traffic can be sent with (KEP-3726).
var appProtocols = []string{"", "http", "grpc", "kubernetes.io/h2c", "kubernetes.io/ws"}

func checkBackendPort(to target, ports []fleet.Port, port uint16) problems {
	found := false
	for _, p := range ports {
		if p.Port != port {
			continue
		}
		found = true
		if p.Protocol != fleet.TCP && p.Protocol != "" {
			continue
		}
		if !slices.Contains(appProtocols, strings.ToLower(p.AppProtocol)) {
			return because(gatewayv1.RouteReasonUnsupportedProtocol, "port",
				"is %d, whose appProtocol %q is not supported; use %s or none", port, p.AppProtocol, strings.Join(appProtocols[1:], ", "))
		}
		return nil
	}
	if found {
		return because(gatewayv1.RouteReasonUnsupportedProtocol, "port",
			"is %d, which is not a TCP port of %s %s; name a TCP port", port, to.kind, to.Name)
	}
	return because(gatewayv1.RouteReasonBackendNotFound, "port", "is %d, but %s %s has %s", port, to.kind, to.Name, describePorts(ports))
}

func describePorts(ports []fleet.Port) string {
	if len(ports) == 0 {
		return "no ports; add one"
	}
	said := make([]string, len(ports))
	for i, p := range ports {
		said[i] = p.String()
	}
	return "only " + strings.Join(said, ", ") + "; name one of them"
}
