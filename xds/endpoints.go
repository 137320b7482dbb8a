package xds

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"fairlead.dev/fairlead/fleet"
)

// MetadataKey is where Fairlead's own words stand in an endpoint's metadata: "hostname", of a StatefulSet's pod.
const MetadataKey = "fairlead.dev"

// Endpoints is who is in a group: a priority for each tier, a locality {region, zone, cluster} for each place.
func Endpoints(g *fleet.Group) *endpointv3.ClusterLoadAssignment {
	a := &endpointv3.ClusterLoadAssignment{ClusterName: g.ID.String()}
	for priority := range g.Tiers {
		tier := &g.Tiers[priority]
		for i := range tier.Places {
			a.Endpoints = append(a.Endpoints, placeEndpoints(&tier.Places[i], uint32(priority)))
		}
	}
	return a
}

func placeEndpoints(p *fleet.Place, priority uint32) *endpointv3.LocalityLbEndpoints {
	l := &endpointv3.LocalityLbEndpoints{
		Locality:            &corev3.Locality{Region: p.Region, Zone: p.Zone, SubZone: p.Cluster},
		LoadBalancingWeight: wrapperspb.UInt32(p.Weight),
		Priority:            priority,
		LbEndpoints:         make([]*endpointv3.LbEndpoint, len(p.Targets)),
	}
	for i := range p.Targets {
		l.LbEndpoints[i] = targetEndpoint(&p.Targets[i])
	}
	return l
}

func targetEndpoint(t *fleet.Target) *endpointv3.LbEndpoint {
	e := &endpointv3.LbEndpoint{
		HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
			Address: socketAddress(t.Addr),
		}},
		HealthStatus:        healthStatus[t.Health],
		LoadBalancingWeight: wrapperspb.UInt32(t.Weight),
	}
	if t.Hostname != "" {
		e.Metadata = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
			MetadataKey: {Fields: map[string]*structpb.Value{"hostname": structpb.NewStringValue(t.Hostname)}},
		}}
	}
	return e
}

var healthStatus = [...]corev3.HealthStatus{
	fleet.Healthy:    corev3.HealthStatus_HEALTHY,
	fleet.Draining:   corev3.HealthStatus_DRAINING,
	fleet.Unready:    corev3.HealthStatus_UNHEALTHY,
	fleet.LostTarget: corev3.HealthStatus_TIMEOUT,
}
