package xds

import (
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	upstreamsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"fairlead.dev/fairlead/fleet"
)

// upstreamOptions is the key under which a cluster's HTTP options stand.
const upstreamOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// manyRequests bounds what one data plane has open to one group; it is there to stop a runaway, not to shape traffic.
const manyRequests = 65_536

// Cluster is how an endpoint group is used: balanced by tiers, places and weights, with a health opinion of the data plane's own. Its
// endpoints are a resource of their own, so that their churn never touches it.
func Cluster(g *fleet.Group) *clusterv3.Cluster {
	c := &clusterv3.Cluster{
		Name:                 g.ID.String(),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads(), ServiceName: g.ID.String()},
		ConnectTimeout:       durationpb.New(time.Second),
		LbPolicy:             lbPolicy(g),
		CommonLbConfig: &clusterv3.Cluster_CommonLbConfig{
			HealthyPanicThreshold: &typev3.Percent{Value: 50},
			LocalityConfigSpecifier: &clusterv3.Cluster_CommonLbConfig_LocalityWeightedLbConfig_{
				LocalityWeightedLbConfig: &clusterv3.Cluster_CommonLbConfig_LocalityWeightedLbConfig{},
			},
		},
		OutlierDetection: outlierDetection(),
		CircuitBreakers:  circuitBreakers(),
		HealthChecks:     []*corev3.HealthCheck{connectCheck()},
		// An endpoint that the control plane has taken away is gone, whatever its health check says.
		IgnoreHealthOnHostRemoval: true,
	}
	if http2(g.AppProtocol) {
		c.TypedExtensionProtocolOptions = map[string]*anypb.Any{upstreamOptions: pack(explicitHTTP2())}
	}
	return c
}

func lbPolicy(g *fleet.Group) clusterv3.Cluster_LbPolicy {
	if g.SessionAffinity == "ClientIP" {
		return clusterv3.Cluster_RING_HASH
	}
	return clusterv3.Cluster_ROUND_ROBIN
}

// http2 says whether backends of an application protocol are spoken to in HTTP/2 over clear text (GEP-1911).
func http2(appProtocol string) bool {
	switch appProtocol {
	case "kubernetes.io/h2c", "h2c", "http2", "grpc":
		return true
	}
	return false
}

func explicitHTTP2() *upstreamsv3.HttpProtocolOptions {
	return &upstreamsv3.HttpProtocolOptions{
		UpstreamProtocolOptions: &upstreamsv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &upstreamsv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &upstreamsv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
					Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
				},
			},
		},
	}
}

// connectCheck asks each second whether an endpoint still accepts connections. One answer brings it back.
func connectCheck() *corev3.HealthCheck {
	return &corev3.HealthCheck{
		Timeout:            durationpb.New(500 * time.Millisecond),
		Interval:           durationpb.New(time.Second),
		UnhealthyThreshold: wrapperspb.UInt32(3),
		HealthyThreshold:   wrapperspb.UInt32(1),
		NoTrafficInterval:  durationpb.New(5 * time.Second),
		HealthChecker:      &corev3.HealthCheck_TcpHealthCheck_{TcpHealthCheck: &corev3.HealthCheck_TcpHealthCheck{}},
	}
}

// outlierDetection puts an endpoint aside that cannot be reached or answers 502 to 504 several times in a row. An application's own
// 500 is its own word: other endpoints would give the same.
func outlierDetection() *clusterv3.OutlierDetection {
	return &clusterv3.OutlierDetection{
		Interval:                               durationpb.New(time.Second),
		BaseEjectionTime:                       durationpb.New(5 * time.Second),
		MaxEjectionTime:                        durationpb.New(60 * time.Second),
		MaxEjectionPercent:                     wrapperspb.UInt32(50),
		SplitExternalLocalOriginErrors:         true,
		ConsecutiveLocalOriginFailure:          wrapperspb.UInt32(3),
		EnforcingConsecutiveLocalOriginFailure: wrapperspb.UInt32(100),
		ConsecutiveGatewayFailure:              wrapperspb.UInt32(5),
		EnforcingConsecutiveGatewayFailure:     wrapperspb.UInt32(100),
		EnforcingConsecutive_5Xx:               wrapperspb.UInt32(0),
		EnforcingSuccessRate:                   wrapperspb.UInt32(0),
		EnforcingLocalOriginSuccessRate:        wrapperspb.UInt32(0),
	}
}

func circuitBreakers() *clusterv3.CircuitBreakers {
	return &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
		MaxConnections:     wrapperspb.UInt32(manyRequests),
		MaxPendingRequests: wrapperspb.UInt32(manyRequests),
		MaxRequests:        wrapperspb.UInt32(manyRequests),
		RetryBudget: &clusterv3.CircuitBreakers_Thresholds_RetryBudget{
			BudgetPercent:       &typev3.Percent{Value: 20},
			MinRetryConcurrency: wrapperspb.UInt32(10),
		},
	}}}
}
