package xds

import (
	"cmp"
	"net/netip"
	"slices"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
)

// service keeps the TCP listeners of a service's clusterset IPs.
func (s *Store) service(e *edit, name fleet.Name, svc *picture.Service) {
	if !s.options.ServiceListeners {
		return
	}
	var names []string
	for address, group := range clustersetPorts(name, svc) {
		l := ServiceListener(address, group)
		names = append(names, l.Name)
		s.owners[l.Name] = name
		e.put(ListenerType, newResource(l.Name, l))
	}
	for _, old := range s.listeners[name] {
		// An address that went to another service in the same step is that one's.
		if !slices.Contains(names, old) && s.owners[old] == name {
			delete(s.owners, old)
			e.remove(ListenerType, old)
		}
	}
	delete(s.listeners, name)
	if len(names) > 0 {
		s.listeners[name] = names
	}
}

// clustersetPorts yields each address and TCP port of a service with the endpoint group behind it; nothing for nil.
func clustersetPorts(name fleet.Name, svc *picture.Service) func(yield func(netip.AddrPort, fleet.GroupID) bool) {
	return func(yield func(netip.AddrPort, fleet.GroupID) bool) {
		if svc == nil || svc.Merged == nil {
			return
		}
		for _, ip := range svc.IPs {
			for i := range svc.Ports {
				p := &svc.Ports[i]
				if p.Protocol != fleet.TCP {
					continue
				}
				group := fleet.GroupID{Kind: fleet.Import, Service: name, Port: p.Port.Port}
				if !yield(netip.AddrPortFrom(ip, p.Port.Port), group) {
					return
				}
			}
		}
	}
}

func compareHosts(a, b route.HostID) int {
	return cmp.Or(
		a.Server.Gateway.Compare(b.Server.Gateway),
		cmp.Compare(a.Server.Port, b.Server.Port),
		cmp.Compare(a.Hostname, b.Hostname),
	)
}
