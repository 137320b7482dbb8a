package xds

import (
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"fairlead.dev/fairlead/fleet"
)

// The domains under which gRPC clients ask for services: those of the clusterset and of the own cluster.
const (
	clustersetDomain = ".svc.clusterset.local"
	clusterDomain    = ".svc.cluster.local"
)

// ParseTarget reads the name after "xds:///" that a gRPC client dials: name.namespace.svc.clusterset.local:port for the whole
// clusterset, name.namespace.svc.cluster.local:port for the own cluster's endpoints.
func ParseTarget(target string) (fleet.GroupID, bool) {
	host, portText, ok := cutLast(target, ":")
	port, err := strconv.ParseUint(portText, 10, 16)
	if !ok || err != nil {
		return fleet.GroupID{}, false
	}
	kind, service := fleet.Import, ""
	if service, ok = strings.CutSuffix(host, clustersetDomain); !ok {
		kind = fleet.Local
		if service, ok = strings.CutSuffix(host, clusterDomain); !ok {
			return fleet.GroupID{}, false
		}
	}
	name, namespace, ok := strings.Cut(service, ".")
	if !ok || name == "" || namespace == "" || strings.Contains(namespace, ".") {
		return fleet.GroupID{}, false
	}
	return fleet.GroupID{Kind: kind, Service: fleet.Name{Namespace: namespace, Name: name}, Port: uint16(port)}, true
}

// Target is the name by which gRPC clients ask for an endpoint group over TCP; ParseTarget reads it.
func Target(id fleet.GroupID) string {
	domain := clustersetDomain
	if id.Kind == fleet.Local {
		domain = clusterDomain
	}
	return id.Service.Name + "." + id.Service.Namespace + domain + ":" + strconv.Itoa(int(id.Port))
}

// grpcTarget is the target for a cluster's name, empty for a name that is no group.
func grpcTarget(cluster string) string {
	id, err := fleet.ParseGroupID(cluster)
	if err != nil || id.Protocol != "" {
		return ""
	}
	return Target(id)
}

func grpcTargets(s *Set, yield func(string) bool) {
	for c := range s.All(ClusterType) {
		if target := grpcTarget(c.Name); target != "" && !yield(target) {
			return
		}
	}
}

// grpcResource makes a resource for gRPC clients from those of the Set. Routes are inside the listener, secrets do not occur.
func grpcResource(s *Set, typeURL, name string) *Resource {
	switch typeURL {
	case ListenerType:
		id, ok := ParseTarget(name)
		// Another spelling of the port ("080") must not become a second name of the same target.
		if !ok || Target(id) != name || s.Get(ClusterType, id.String()) == nil {
			return nil
		}
		return newResource(name, grpcListener(name, id.String()))
	case ClusterType:
		if base := s.Get(typeURL, name); base != nil {
			c := &clusterv3.Cluster{}
			unpack(base, c)
			return newResource(name, grpcCluster(c))
		}
	case EndpointsType:
		if base := s.Get(typeURL, name); base != nil {
			a := &endpointv3.ClusterLoadAssignment{}
			unpack(base, a)
			return newResource(name, grpcEndpoints(a))
		}
	}
	return nil
}

// grpcListener sends every call of one target to one cluster.
func grpcListener(target, cluster string) *listenerv3.Listener {
	action := &routev3.RouteAction{
		ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster},
		// With ClientIP affinity a channel, which is as near as gRPC knows a client, stays with its endpoint.
		HashPolicy: []*routev3.RouteAction_HashPolicy{{
			PolicySpecifier: &routev3.RouteAction_HashPolicy_FilterState_{
				FilterState: &routev3.RouteAction_HashPolicy_FilterState{Key: "io.grpc.channel_id"},
			},
		}},
	}
	manager := &hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{
			Name: target,
			VirtualHosts: []*routev3.VirtualHost{{
				Name:    target,
				Domains: []string{"*"},
				Routes: []*routev3.Route{{
					Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: ""}},
					Action: &routev3.Route_Route{Route: action},
				}},
			}},
		}},
		HttpFilters: []*hcmv3.HttpFilter{{
			Name:       routerName,
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&routerv3.Router{})},
		}},
	}
	return &listenerv3.Listener{Name: target, ApiListener: &listenerv3.ApiListener{ApiListener: pack(manager)}}
}

// grpcCluster keeps what gRPC understands. It knows no ejection after errors in a row, so endpoints are put aside by their share of
// failed calls.
func grpcCluster(c *clusterv3.Cluster) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 c.Name,
		ClusterDiscoveryType: c.ClusterDiscoveryType,
		EdsClusterConfig:     c.EdsClusterConfig,
		LbPolicy:             c.LbPolicy,
		CircuitBreakers: &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
			MaxRequests: wrapperspb.UInt32(manyRequests),
		}}},
		OutlierDetection: &clusterv3.OutlierDetection{
			Interval:                       c.OutlierDetection.GetInterval(),
			BaseEjectionTime:               c.OutlierDetection.GetBaseEjectionTime(),
			MaxEjectionTime:                c.OutlierDetection.GetMaxEjectionTime(),
			MaxEjectionPercent:             c.OutlierDetection.GetMaxEjectionPercent(),
			EnforcingSuccessRate:           wrapperspb.UInt32(0),
			FailurePercentageThreshold:     wrapperspb.UInt32(85),
			EnforcingFailurePercentage:     wrapperspb.UInt32(100),
			FailurePercentageMinimumHosts:  wrapperspb.UInt32(2),
			FailurePercentageRequestVolume: wrapperspb.UInt32(10),
		},
	}
}

// grpcEndpoints keeps the endpoints that take traffic. What is draining, lost or not ready is left out, and with it the places and tiers that
// thereby become empty: a gRPC client would otherwise try a lost tier when it cannot know better. Priorities are numbered anew without
// gaps, and an address stands only once, because a gRPC client refuses anything else.
func grpcEndpoints(a *endpointv3.ClusterLoadAssignment) *endpointv3.ClusterLoadAssignment {
	out := &endpointv3.ClusterLoadAssignment{ClusterName: a.ClusterName}
	seen := map[string]bool{}
	next, last := uint32(0), uint32(0)
	for _, l := range a.Endpoints {
		kept := takingTraffic(l.LbEndpoints, seen)
		if len(kept) == 0 {
			continue
		}
		if len(out.Endpoints) > 0 && l.Priority != last {
			next++
		}
		last = l.Priority
		out.Endpoints = append(out.Endpoints, &endpointv3.LocalityLbEndpoints{
			Locality:            l.Locality,
			LoadBalancingWeight: l.LoadBalancingWeight,
			Priority:            next,
			LbEndpoints:         kept,
		})
	}
	return out
}

func takingTraffic(in []*endpointv3.LbEndpoint, seen map[string]bool) []*endpointv3.LbEndpoint {
	var kept []*endpointv3.LbEndpoint
	for _, e := range in {
		address := e.GetEndpoint().GetAddress().GetSocketAddress()
		key := address.GetAddress() + " " + strconv.Itoa(int(address.GetPortValue()))
		if e.HealthStatus != corev3.HealthStatus_HEALTHY || seen[key] {
			continue
		}
		seen[key] = true
		kept = append(kept, e)
	}
	return kept
}
