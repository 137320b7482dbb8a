package route

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/fleet"
)

// Gateway compiles a Gateway of the class ClassName; nil for one of another class. It opens one server for each port of its valid
// listeners, on every address that it has; defaults are the addresses of a Gateway that names none. Invalid listeners never stop
// valid ones. Where another Gateway holds the port on one of the addresses, the port is not opened.
//
// Supported are the protocols HTTP and HTTPS with mode Terminate. spec.tls.backend is not used, because no backend is reached over TLS yet,
// nor are spec.allowedListeners (ListenerSets) and spec.defaultScope.
func Gateway(v View, gw *gatewayv1.Gateway, defaults []netip.Addr) *Compiled {
	if gw.Spec.GatewayClassName != ClassName {
		return nil
	}
	all := candidates(gw)
	for i, c := range all {
		c.resolve(v, gw)
		c.unresolved.at("spec.listeners", i)
	}
	out := &Compiled{}
	accepted := acceptedGateway(gw, all)
	var unusable problems
	if accepted.Status == fleet.True {
		out.Addresses, unusable = addresses(gw, defaults)
		out.Servers = openServers(v, fleet.Name{Namespace: gw.Namespace, Name: gw.Name}, all, out.Addresses)
		unusable = append(unusable, takenPorts(all)...)
	}
	for _, c := range all {
		out.Listeners = append(out.Listeners, c.status(accepted.Status == fleet.True, len(out.Addresses) > 0))
	}
	out.Conditions = []fleet.Condition{accepted, programmedGateway(accepted, unusable, len(out.Servers) > 0)}
	return out
}

// Claims returns what a Gateway wants to listen on, judged by its spec alone: every address and port of its valid listeners. None for a
// Gateway of another class and for one that is not accepted.
func Claims(gw *gatewayv1.Gateway, defaults []netip.Addr) []netip.AddrPort {
	if gw.Spec.GatewayClassName != ClassName {
		return nil
	}
	all := candidates(gw)
	if acceptedGateway(gw, all).Status != fleet.True {
		return nil
	}
	own, _ := addresses(gw, defaults)
	var claims []netip.AddrPort
	for _, port := range ports(all, (*candidate).accepted) {
		for _, a := range own {
			claims = append(claims, netip.AddrPortFrom(a, port))
		}
	}
	return claims
}

// checkGateway checks what no single listener is responsible for.
func checkGateway(gw *gatewayv1.Gateway) problems {
	ps := checkAddresses(gw)
	if gw.Spec.Infrastructure != nil && gw.Spec.Infrastructure.ParametersRef != nil {
		ref := gw.Spec.Infrastructure.ParametersRef
		ps = append(ps, because(gatewayv1.GatewayReasonInvalidParameters, "spec.infrastructure.parametersRef",
			"is %s, and no kind of parameters is known here; remove it", groupKind(string(ref.Group), string(ref.Kind)))...)
	}
	switch n := len(gw.Spec.Listeners); {
	case n == 0:
		ps = append(ps, because(gatewayv1.GatewayReasonListenersNotValid, "spec.listeners", "is empty; add a listener")...)
	case n > 64:
		ps = append(ps, because(gatewayv1.GatewayReasonInvalid, "spec.listeners", "has %d entries, and 64 are allowed; split the Gateway", n)...)
	}
	return ps
}

// acceptedGateway is the Accepted condition of a Gateway: false where it is wrong as a whole or no listener is valid.
func acceptedGateway(gw *gatewayv1.Gateway, all []*candidate) fleet.Condition {
	if ps := checkGateway(gw); len(ps) > 0 {
		return condition(gatewayv1.GatewayConditionAccepted, fleet.False, ps.reason(), ps.message())
	}
	var said, good []string
	valid := 0
	for _, c := range all {
		if c.accepted() {
			valid++
		}
		if c.serves() {
			good = append(good, string(c.spec.Name))
		} else {
			said = append(said, c.complaint())
		}
	}
	why := strings.Join(said, " ")
	switch {
	case len(said) == 0:
		return condition(gatewayv1.GatewayConditionAccepted, fleet.True, gatewayv1.GatewayReasonAccepted, "")
	case valid == 0:
		return condition(gatewayv1.GatewayConditionAccepted, fleet.False, gatewayv1.GatewayReasonListenersNotValid,
			"No listener is valid. "+why)
	case len(good) == 0:
		return condition(gatewayv1.GatewayConditionAccepted, fleet.True, gatewayv1.GatewayReasonListenersNotValid,
			"Accepted, but no listener can serve. "+why)
	}
	return condition(gatewayv1.GatewayConditionAccepted, fleet.True, gatewayv1.GatewayReasonListenersNotValid,
		"Accepted with the listeners "+strings.Join(good, ", ")+" only. "+why)
}

func programmedGateway(accepted fleet.Condition, unusable problems, serves bool) fleet.Condition {
	no := func(reason, message string) fleet.Condition {
		return condition(gatewayv1.GatewayConditionProgrammed, fleet.False, reason, message)
	}
	switch {
	case accepted.Status != fleet.True:
		return no(string(gatewayv1.GatewayReasonInvalid), "The Gateway is not accepted.")
	case len(unusable) > 0:
		return no(unusable.reason(), unusable.message())
	case !serves:
		return no(string(gatewayv1.GatewayReasonInvalid), "No listener can serve; see the conditions of the listeners.")
	}
	return condition(gatewayv1.GatewayConditionProgrammed, fleet.True, gatewayv1.GatewayReasonProgrammed, "")
}

// ports are those of the listeners that satisfy a condition, in order.
func ports(all []*candidate, wanted func(*candidate) bool) []uint16 {
	var out []uint16
	for _, c := range all {
		if wanted(c) {
			out = append(out, uint16(c.spec.Port))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// openServers opens the ports that nobody else holds, and marks the listeners of the others.
func openServers(v View, gw fleet.Name, all []*candidate, own []netip.Addr) []*Server {
	if len(own) == 0 {
		return nil
	}
	var servers []*Server
	for _, port := range ports(all, (*candidate).serves) {
		holder := holder(v, gw, own, port)
		s := &Server{ID: ServerID{Gateway: gw, Port: port}, Addresses: own}
		for _, c := range all {
			if uint16(c.spec.Port) != port || !c.serves() {
				continue
			}
			c.taken = holder
			s.TLS = c.spec.Protocol == gatewayv1.HTTPSProtocolType
			s.Listeners = append(s.Listeners, Listener{Name: string(c.spec.Name), Hostname: c.hostname, Certificates: c.certificates})
		}
		if holder != "" {
			continue
		}
		slices.SortFunc(s.Listeners, func(a, b Listener) int {
			return cmp.Or(CompareHostnames(a.Hostname, b.Hostname), cmp.Compare(a.Name, b.Name))
		})
		servers = append(servers, s)
	}
	return servers
}

// holder says which other Gateway holds a port on one of the addresses; empty: none.
func holder(v View, gw fleet.Name, own []netip.Addr, port uint16) string {
	for _, a := range own {
		at := netip.AddrPortFrom(a, port)
		if claimant := v.Claimant(at); claimant != (fleet.Name{}) && claimant != gw {
			return fmt.Sprintf("%s is held by the older Gateway %s; choose another port or address", at, claimant)
		}
	}
	return ""
}

// takenPorts tells of the ports that another Gateway holds, each once.
func takenPorts(all []*candidate) problems {
	var ps problems
	for i, c := range all {
		if c.taken != "" && !slices.ContainsFunc(ps, func(p problem) bool { return p.text == c.taken }) {
			ps = append(ps, because(gatewayv1.GatewayReasonAddressNotUsable, "port", "%s", c.taken).at("spec.listeners", i)...)
		}
	}
	return ps
}
