package route

import (
	"net/netip"
	"slices"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// checkAddresses checks the addresses of a Gateway: what its custom resource's schema would refuse, and types that are not supported.
func checkAddresses(gw *gatewayv1.Gateway) problems {
	ps := bounded("spec.addresses", len(gw.Spec.Addresses), 16)
	for i := range ps {
		ps[i].reason = string(gatewayv1.GatewayReasonInvalid)
	}
	seen := make(map[netip.Addr]bool)
	for i, a := range gw.Spec.Addresses {
		var bad problems
		addr, err := netip.ParseAddr(a.Value)
		switch {
		case deref(a.Type, gatewayv1.IPAddressType) != gatewayv1.IPAddressType:
			bad = because(gatewayv1.GatewayReasonUnsupportedAddress, "type", "is %s; write IPAddress", *a.Type)
		case a.Value == "":
		case err != nil || addr.Zone() != "":
			bad = because(gatewayv1.GatewayReasonInvalid, "value", "is %q, which is not an IP address; write one, or leave spec.addresses out", a.Value)
		case seen[addr.Unmap()]:
			bad = because(gatewayv1.GatewayReasonInvalid, "value", "is %s a second time; remove it", a.Value)
		}
		seen[addr.Unmap()] = err == nil
		ps = append(ps, bad.at("spec.addresses", i)...)
	}
	return ps
}

// addresses are where a Gateway listens: the usable ones that it names, or the defaults where it names none or leaves a value open. The
// problems tell those that cannot be listened on.
func addresses(gw *gatewayv1.Gateway, defaults []netip.Addr) ([]netip.Addr, problems) {
	var own []netip.Addr
	var ps problems
	add := func(more ...netip.Addr) {
		for _, a := range more {
			if !slices.Contains(own, a) {
				own = append(own, a)
			}
		}
	}
	for i, a := range gw.Spec.Addresses {
		if a.Value == "" {
			add(defaults...)
			continue
		}
		addr, err := netip.ParseAddr(a.Value)
		addr = addr.Unmap()
		switch {
		case err != nil:
			// checkAddresses has told it.
		case addr.IsUnspecified() || addr.IsMulticast():
			bad := because(gatewayv1.GatewayReasonAddressNotUsable, "value", "is %s, which is not the address of one host; write one", addr)
			ps = append(ps, bad.at("spec.addresses", i)...)
		default:
			add(addr)
		}
	}
	if len(gw.Spec.Addresses) == 0 {
		add(defaults...)
	}
	if len(own) == 0 && len(ps) == 0 {
		ps = because(gatewayv1.GatewayReasonAddressNotAssigned, "spec.addresses", "names none, and this cluster has no default; write one")
	}
	return own, ps
}
