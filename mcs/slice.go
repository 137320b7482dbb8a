package mcs

import (
	"cmp"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"fairlead.dev/fairlead/fleet"
)

// SliceOf returns a local EndpointSlice as a fleet.Slice, or nil for one that holds names instead of addresses. Conditions that are
// not set read as the API says: ready and serving, not terminating. Of an endpoint's addresses the first counts, as for kube-proxy.
// Endpoints without a usable address and ports without a number are left out.
func SliceOf(cluster string, s *discoveryv1.EndpointSlice) *fleet.Slice {
	if s == nil || s.AddressType != discoveryv1.AddressTypeIPv4 && s.AddressType != discoveryv1.AddressTypeIPv6 {
		return nil
	}
	out := &fleet.Slice{
		Cluster:   cluster,
		Service:   fleet.Name{Namespace: s.Namespace, Name: s.Labels[discoveryv1.LabelServiceName]},
		Name:      s.Name,
		IPv6:      s.AddressType == discoveryv1.AddressTypeIPv6,
		Ports:     slicePorts(s),
		Endpoints: make([]fleet.Endpoint, 0, len(s.Endpoints)),
	}
	for _, e := range s.Endpoints {
		if len(e.Addresses) == 0 {
			continue
		}
		ip, err := netip.ParseAddr(e.Addresses[0])
		if err != nil || badAddress(ip, s.AddressType) != "" {
			continue
		}
		out.Endpoints = append(out.Endpoints, endpointOf(e, ip))
	}
	return out
}

func endpointOf(e discoveryv1.Endpoint, ip netip.Addr) fleet.Endpoint {
	out := fleet.Endpoint{
		Address:     ip,
		Hostname:    orElse(e.Hostname, ""),
		Zone:        orElse(e.Zone, ""),
		Node:        orElse(e.NodeName, ""),
		Ready:       orElse(e.Conditions.Ready, true),
		Serving:     orElse(e.Conditions.Serving, true),
		Terminating: orElse(e.Conditions.Terminating, false),
	}
	if e.Hints != nil {
		for _, z := range e.Hints.ForZones {
			out.ForZones = append(out.ForZones, z.Name)
		}
	}
	return out
}

func slicePorts(s *discoveryv1.EndpointSlice) []fleet.Port {
	var ports []fleet.Port
	for _, p := range s.Ports {
		if n := orElse(p.Port, 0); n >= 1 && n <= 65535 {
			ports = append(ports, fleet.Port{
				Name:        orElse(p.Name, ""),
				Protocol:    fleet.Protocol(cmp.Or(orElse(p.Protocol, ""), corev1.ProtocolTCP)),
				Port:        uint16(n),
				AppProtocol: orElse(p.AppProtocol, ""),
			})
		}
	}
	return ports
}
