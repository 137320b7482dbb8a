// Package names tells which names a service of the clusterset has: it turns a ServiceImport and its EndpointSlices into what package
// dns serves.
//
// The objects are the same wherever they come from. In a folder's clusterset they are part of the picture (Follow), in a real cluster
// they are read back from its API (package kube/zone); so both answer alike.
package names

import (
	"net/netip"

	discoveryv1 "k8s.io/api/discovery/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/dns"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/picture"
)

// Follow returns the table with what changed in a picture.
func Follow(t *dns.Table, pic *picture.Picture, changed []picture.Key) *dns.Table {
	var now []*dns.Service
	var gone []fleet.Name
	for _, k := range changed {
		if k.Kind != picture.KindService {
			continue
		}
		name := fleet.ParseName(k.Path)
		if s := pic.Service(name); s != nil && s.Imported != nil {
			now = append(now, Of(s.Imported))
		} else {
			gone = append(gone, name)
		}
	}
	return t.With(now, gone)
}

// Of returns the names of an import.
func Of(i *mcs.Imported) *dns.Service {
	s := Service(i.Object)
	if !s.Headless {
		return s
	}
	for _, es := range i.Slices {
		if slice := Slice(es); slice != nil {
			s.Slices = append(s.Slices, slice)
		}
	}
	return s
}

// Service returns what a ServiceImport alone says; a headless one has its endpoints to come. Addresses and ports that are none are
// left out.
func Service(i *mcsv1beta1.ServiceImport) *dns.Service {
	s := &dns.Service{
		Name:     fleet.Name{Namespace: i.Namespace, Name: i.Name},
		Headless: i.Spec.Type == mcsv1beta1.Headless,
	}
	if !s.Headless {
		for _, text := range i.Spec.IPs {
			if ip, err := netip.ParseAddr(text); err == nil {
				s.IPs = append(s.IPs, ip)
			}
		}
	}
	for _, p := range i.Spec.Ports {
		if p.Port >= 1 && p.Port <= 65535 {
			s.Ports = append(s.Ports, fleet.Port{Name: p.Name, Protocol: protocol(string(p.Protocol)), Port: uint16(p.Port)})
		}
	}
	return s
}

// Slice returns the ready endpoints of an imported EndpointSlice; nil where it does not say of which cluster they are (M16). Service
// is the name that it was imported under.
func Slice(es *discoveryv1.EndpointSlice) *fleet.Slice {
	cluster := es.Labels[mcsv1beta1.LabelSourceCluster]
	if cluster == "" || es.Labels[mcsv1beta1.LabelServiceName] == "" {
		return nil
	}
	s := &fleet.Slice{
		Cluster: cluster,
		Service: fleet.Name{Namespace: es.Namespace, Name: es.Labels[mcsv1beta1.LabelServiceName]},
		Name:    es.Name,
		IPv6:    es.AddressType == discoveryv1.AddressTypeIPv6,
	}
	for _, p := range es.Ports {
		if p.Port != nil && *p.Port >= 1 && *p.Port <= 65535 {
			s.Ports = append(s.Ports, fleet.Port{Name: orZero(p.Name), Protocol: protocol(string(orZero(p.Protocol))), Port: uint16(*p.Port)})
		}
	}
	for i := range es.Endpoints {
		if e, ok := endpoint(&es.Endpoints[i]); ok {
			s.Endpoints = append(s.Endpoints, e)
		}
	}
	return s
}

// endpoint returns an endpoint that is ready: what is not told reads as ready. Of its addresses the first counts, as for kube-proxy.
func endpoint(e *discoveryv1.Endpoint) (fleet.Endpoint, bool) {
	if e.Conditions.Ready != nil && !*e.Conditions.Ready || len(e.Addresses) == 0 {
		return fleet.Endpoint{}, false
	}
	ip, err := netip.ParseAddr(e.Addresses[0])
	return fleet.Endpoint{Address: ip, Hostname: orZero(e.Hostname), Ready: true}, err == nil
}

func protocol(s string) fleet.Protocol {
	if s == "" {
		return fleet.TCP
	}
	return fleet.Protocol(s)
}

func orZero[T any](p *T) (zero T) {
	if p == nil {
		return zero
	}
	return *p
}
