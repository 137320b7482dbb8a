package match

import (
	"fmt"
	"net/netip"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"fairlead.dev/fairlead/fleet"
)

// Endpoints is a compiled endpoint set. Targets are numbered through all tiers and places.
type Endpoints struct {
	Name    string
	Tiers   []Tier
	Targets []Target
	// Overprovisioning is the percentage that the set asks for; 0: the default (balance.LoadPolicy).
	Overprovisioning int
}

// Tier is the places of one priority, the first tier first. A tier may be empty where priorities have gaps.
type Tier struct {
	Places []Place
}

// Place is one locality of a tier: the endpoints of one cluster in one zone.
type Place struct {
	Cluster string // the locality's sub-zone
	fleet.Locality
	Weight      uint32
	First, Last int // its targets are Targets[First:Last]
}

// Target is one endpoint.
type Target struct {
	Addr        netip.AddrPort
	Hostname    string
	Weight      uint32
	Health      fleet.TargetHealth
	Tier, Place int

	hash uint64
}

// maxPriority is Envoy's bound.
const maxPriority = 128

// CompileEndpoints compiles one endpoint set.
func CompileEndpoints(a *endpointv3.ClusterLoadAssignment) (*Endpoints, error) {
	if a.GetClusterName() == "" {
		return nil, fmt.Errorf("cluster_name: empty")
	}
	e := &Endpoints{Name: a.GetClusterName()}
	if f := a.GetPolicy().GetOverprovisioningFactor().GetValue(); f > 0 {
		e.Overprovisioning = int(f)
	}
	tiers := uint32(0)
	for i, l := range a.GetEndpoints() {
		if l.GetPriority() > maxPriority {
			return nil, fmt.Errorf("endpoints[%d].priority: %d is above %d", i, l.GetPriority(), maxPriority)
		}
		tiers = max(tiers, l.GetPriority()+1)
	}
	e.Tiers = make([]Tier, tiers)
	// Targets are numbered in the order of the tiers, so that a place is a range of numbers.
	for t := range e.Tiers {
		for i, l := range a.GetEndpoints() {
			if int(l.GetPriority()) == t {
				if err := e.addPlace(t, l); err != nil {
					return nil, fmt.Errorf("endpoints[%d]: %w", i, err)
				}
			}
		}
	}
	return e, nil
}

func (e *Endpoints) addPlace(tier int, l *endpointv3.LocalityLbEndpoints) error {
	loc := l.GetLocality()
	p := Place{Cluster: loc.GetSubZone(), Locality: fleet.Locality{Region: loc.GetRegion(), Zone: loc.GetZone()}, First: len(e.Targets)}
	weight := uint64(0)
	for i, ep := range l.GetLbEndpoints() {
		t, err := compileTarget(ep)
		if err != nil {
			return fmt.Errorf("lb_endpoints[%d]: %w", i, err)
		}
		t.Tier, t.Place = tier, len(e.Tiers[tier].Places)
		weight += uint64(t.Weight)
		e.Targets = append(e.Targets, t)
	}
	if weight > 1<<32-1 {
		return fmt.Errorf("load_balancing_weight: the endpoints' weights sum to more than %d", uint32(1<<32-1))
	}
	p.Last = len(e.Targets)
	p.Weight = uint32(weight)
	if l.GetLoadBalancingWeight() != nil {
		p.Weight = l.GetLoadBalancingWeight().GetValue()
	}
	e.Tiers[tier].Places = append(e.Tiers[tier].Places, p)
	return nil
}

func compileTarget(ep *endpointv3.LbEndpoint) (Target, error) {
	sa := ep.GetEndpoint().GetAddress().GetSocketAddress()
	addr, err := addrPort(sa)
	if err != nil {
		return Target{}, err
	}
	t := Target{Addr: addr, Weight: 1, Hostname: ep.GetEndpoint().GetHostname(), hash: hashString(addr.String())}
	if h := ep.GetMetadata().GetFilterMetadata()["fairlead.dev"].GetFields()["hostname"].GetStringValue(); h != "" {
		t.Hostname = h
	}
	if w := ep.GetLoadBalancingWeight(); w != nil {
		if w.GetValue() == 0 {
			return t, fmt.Errorf("load_balancing_weight: 0, the least is 1")
		}
		t.Weight = w.GetValue()
	}
	switch ep.GetHealthStatus() {
	case corev3.HealthStatus_DRAINING:
		t.Health = fleet.Draining
	case corev3.HealthStatus_UNHEALTHY:
		t.Health = fleet.Unready
	case corev3.HealthStatus_TIMEOUT:
		t.Health = fleet.LostTarget
	}
	return t, nil
}

func addrPort(sa *corev3.SocketAddress) (netip.AddrPort, error) {
	if sa == nil {
		return netip.AddrPort{}, fmt.Errorf("address: only socket_address is supported")
	}
	ip, err := netip.ParseAddr(sa.GetAddress())
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("socket_address.address: %q is not an IP address", sa.GetAddress())
	}
	if sa.GetProtocol() != corev3.SocketAddress_TCP {
		return netip.AddrPort{}, fmt.Errorf("socket_address.protocol: only TCP is supported")
	}
	if sa.GetPortValue() > 65535 {
		return netip.AddrPort{}, fmt.Errorf("socket_address.port_value: %d is no port", sa.GetPortValue())
	}
	return netip.AddrPortFrom(ip, uint16(sa.GetPortValue())), nil
}
