package mcs

import (
	"net/netip"
	"slices"

	discoveryv1 "k8s.io/api/discovery/v1"
)

// Ground is where the endpoints of one other cluster can stand, as one importer sees it. The zero Ground is that of real clusters of
// which no range is known.
type Ground struct {
	// Loopback says that loopback addresses can be endpoints: a clusterset on one machine stands on them.
	Loopback bool
	// Services are ranges of service IPs, which mean something only inside of their own cluster: no endpoint stands there. Claimed are those
	// that hold only outside of Pods, the ranges in which that cluster says its pods are.
	Services, Claimed []ServiceRange
	Pods              []netip.Prefix
}

// ServiceRange is a range of service IPs and the cluster that has it.
type ServiceRange struct {
	netip.Prefix
	Cluster string
}

// metadata are the addresses at which clouds tell a machine its secrets, beside 169.254.169.254, which is link-local.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),   // Amazon
	netip.MustParseAddr("fd20:ce::254"),    // Google
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("100.100.100.200"), // Alibaba
	netip.MustParseAddr("192.0.0.192"),     // Oracle
}

// refuses says why an address cannot be that of an endpoint there.
func (g Ground) refuses(ip netip.Addr) string {
	if ip.IsLoopback() && !g.Loopback {
		return "is a loopback address, which means nothing in another cluster"
	}
	in := func(r ServiceRange) bool { return r.Contains(ip) }
	i := slices.IndexFunc(g.Services, in)
	if i >= 0 {
		return g.Services[i].refusal()
	}
	i = slices.IndexFunc(g.Claimed, in)
	if i >= 0 && !slices.ContainsFunc(g.Pods, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return g.Claimed[i].refusal()
	}
	return ""
}

func (r ServiceRange) refusal() string {
	return "is in " + r.String() + ", the range of service IPs of cluster " + r.Cluster + ": export the addresses of pods"
}

// badAddress says why an address is no endpoint's, in any cluster. Loopback addresses can be: see Ground.
func badAddress(ip netip.Addr, family discoveryv1.AddressType) string {
	switch {
	case string(familyOf(ip)) != string(family) || ip.Is4In6():
		return "is not of the slice's addressType " + string(family)
	case ip.Zone() != "":
		return "has a zone: leave out what follows the %"
	case ip.IsUnspecified():
		return "is the unspecified address"
	case ip.IsMulticast():
		return "is a multicast address"
	case ip.IsLinkLocalUnicast():
		return "is a link-local address, which means nothing in another cluster"
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "is the broadcast address"
	case slices.Contains(metadata, ip):
		return "is the address of a cloud's metadata service"
	}
	return ""
}
