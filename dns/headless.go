package dns

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"fairlead.dev/fairlead/fleet"
)

// endpoints yields the ready endpoints of a service with the slice that each is in. Verdicts and the last resort have been applied
// already: ready means usable from here.
func endpoints(s *Service) iter.Seq2[*fleet.Slice, *fleet.Endpoint] {
	return func(yield func(*fleet.Slice, *fleet.Endpoint) bool) {
		for _, slice := range s.Slices {
			for i := range slice.Endpoints {
				if e := &slice.Endpoints[i]; e.Ready && e.Address.IsValid() && !yield(slice, e) {
					return
				}
			}
		}
	}
}

// hostname names an endpoint within its cluster (D5): its own hostname, or else its address with dashes, as other servers do.
func hostname(e *fleet.Endpoint) string {
	if e.Hostname != "" {
		return strings.ToLower(e.Hostname)
	}
	return strings.NewReplacer(".", "-", ":", "-").Replace(e.Address.WithZone("").String())
}

// pod adds the addresses of the endpoint that a name, relative to a headless service, stands for (D5). The name is
// hostname.clusterid, where the cluster id may have a dot (D9). It also exists where it is only the end of such a name.
func (a *answer) pod(s *Service, name string) bool {
	var addrs []netip.Addr
	found := false
	for slice, e := range endpoints(s) {
		if slice.Cluster == name || strings.HasSuffix(slice.Cluster, "."+name) {
			found = true
			continue
		}
		if host, ok := strings.CutSuffix(name, "."+slice.Cluster); ok && host == hostname(e) {
			found = true
			addrs = append(addrs, e.Address)
		}
	}
	a.msg.Answer = a.rotated(records(a.header(a.q.Qtype), sorted(addrs)))
	return found
}

// sorted returns addresses in order, each once.
func sorted(addrs []netip.Addr) []netip.Addr {
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs)
}
