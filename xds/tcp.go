package xds

import (
	"net/netip"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tcpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"fairlead.dev/fairlead/fleet"
)

const tcpProxy = "envoy.filters.network.tcp_proxy"

// ServiceListener carries the TCP connections of one clusterset IP and port to the endpoint group that the address stands for. Its
// name is ip/address:port. It is for machines where no kube-proxy gives these addresses a meaning.
func ServiceListener(address netip.AddrPort, group fleet.GroupID) *listenerv3.Listener {
	proxy := &tcpv3.TcpProxy{
		StatPrefix:       group.String(),
		ClusterSpecifier: &tcpv3.TcpProxy_Cluster{Cluster: group.String()},
		// Only a cluster with ClientIP affinity looks at it.
		HashPolicy: []*typev3.HashPolicy{{PolicySpecifier: &typev3.HashPolicy_SourceIp_{SourceIp: &typev3.HashPolicy_SourceIp{}}}},
	}
	return &listenerv3.Listener{
		Name:             serviceListenerName(address),
		TrafficDirection: corev3.TrafficDirection_OUTBOUND,
		Address:          socketAddress(address),
		FilterChains: []*listenerv3.FilterChain{{
			Name: "tcp",
			Filters: []*listenerv3.Filter{{
				Name:       tcpProxy,
				ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(proxy)},
			}},
		}},
	}
}

func serviceListenerName(address netip.AddrPort) string { return "ip/" + address.String() }
