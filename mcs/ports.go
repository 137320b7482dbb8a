package mcs

import (
	"slices"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
)

// union unites the ports of all exports, oldest first (M20): a port joins the one of its name, else the one of its protocol and number,
// else it is new. No two ports share a name, or a protocol and number.
//
// A cluster is a source of a port only where its own has that very protocol and number, under whatever name, so that traffic goes to
// endpoints that expose it. A port that lost its name to an older one of another number is not in the union; nor are those of the youngest
// exports that would make it more than maxPorts.
func union(specs []*v1alpha1.ServiceRecordSpec) []MergedPort {
	var ports []MergedPort
	for _, s := range specs {
		for _, p := range s.Ports {
			if p.Port < 1 || p.Port > 65535 {
				continue
			}
			port := portOf(p)
			i := slices.IndexFunc(ports, func(m MergedPort) bool { return m.Name == port.Name })
			if i < 0 {
				i = slices.IndexFunc(ports, func(m MergedPort) bool { return sameNumber(m.Port, port) })
			}
			switch {
			case i < 0 && len(ports) == maxPorts:
			case i < 0:
				ports = append(ports, MergedPort{Port: port, Sources: map[string]string{s.Cluster: port.Name}})
			case sameNumber(ports[i].Port, port) && !ports[i].has(s.Cluster):
				ports[i].Sources[s.Cluster] = port.Name
			}
		}
	}
	return ports
}

func (p MergedPort) has(cluster string) bool {
	_, ok := p.Sources[cluster]
	return ok
}

func sameNumber(a, b fleet.Port) bool { return a.Protocol == b.Protocol && a.Port == b.Port }

func portOf(p v1alpha1.ServicePort) fleet.Port {
	return fleet.Port{
		Name:        p.Name,
		Protocol:    fleet.Protocol(protocolOf(p)),
		Port:        uint16(p.Port),
		AppProtocol: orElse(p.AppProtocol, ""),
	}
}
