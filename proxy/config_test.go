package proxy_test

import (
	"net/netip"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	upstreamhttpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	webServer = "shop/web:8080"
	webAddr   = "127.77.0.1:8080"
)

func packed(m proto.Message) *anypb.Any {
	a, err := anypb.New(m)
	if err != nil {
		panic(err)
	}
	return a
}

func socket(addr string) *corev3.Address {
	a := netip.MustParseAddrPort(addr)
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: a.Addr().String(), PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(a.Port())}}}}
}

func ads() *corev3.ConfigSource {
	return &corev3.ConfigSource{ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}}}
}

func manager(server string) *listenerv3.Filter {
	return &listenerv3.Filter{Name: "hcm", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: packed(&hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: server, ConfigSource: ads()}},
		UpgradeConfigs: []*hcmv3.HttpConnectionManager_UpgradeConfig{{UpgradeType: "websocket"}},
		HttpFilters:    []*hcmv3.HttpFilter{{Name: "envoy.filters.http.cors"}, {Name: "envoy.filters.http.router"}},
	})}}
}

func listener(server, addr string) *listenerv3.Listener {
	return &listenerv3.Listener{Name: server, Address: socket(addr),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{manager(server)}}}}
}

// tlsListener has a chain for each hostname with the secret of the same name; "" is the chain for all others.
func tlsListener(server, addr string, hostnames ...string) *listenerv3.Listener {
	l := &listenerv3.Listener{Name: server, Address: socket(addr)}
	for _, h := range hostnames {
		secret := h
		c := &listenerv3.FilterChain{Filters: []*listenerv3.Filter{manager(server)}}
		if h != "" {
			c.FilterChainMatch = &listenerv3.FilterChainMatch{ServerNames: []string{h}}
		} else {
			secret = "default"
		}
		c.TransportSocket = &corev3.TransportSocket{Name: "tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: packed(
			&tlsv3.DownstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{AlpnProtocols: []string{"h2", "http/1.1"},
				TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{{Name: secret, SdsConfig: ads()}}}})}}
		l.FilterChains = append(l.FilterChains, c)
	}
	return l
}

func tcpListener(name, addr, cluster string) *listenerv3.Listener {
	return &listenerv3.Listener{Name: name, Address: socket(addr), FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
		Name: "tcp", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: packed(&tcpv3.TcpProxy{StatPrefix: "x",
			ClusterSpecifier: &tcpv3.TcpProxy_Cluster{Cluster: cluster}})}}}}}}
}

func shell(server string) *routev3.RouteConfiguration {
	return &routev3.RouteConfiguration{Name: server, Vhds: &routev3.Vhds{ConfigSource: ads()}}
}

func host(server, hostname string, routes ...*routev3.Route) *routev3.VirtualHost {
	return &routev3.VirtualHost{Name: server + "/" + hostname, Domains: []string{hostname}, Routes: routes}
}

// to sends a path prefix to a cluster, without a timeout.
func to(prefix, cluster string, change ...func(*routev3.RouteAction)) *routev3.Route {
	a := &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster}, Timeout: durationpb.New(0),
		ClusterNotFoundResponseCode: routev3.RouteAction_INTERNAL_SERVER_ERROR}
	for _, c := range change {
		c(a)
	}
	m := &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: prefix}}
	if prefix == "/" {
		m.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: "/"}
	}
	return &routev3.Route{Name: prefix + "->" + cluster, Match: m, Action: &routev3.Route_Route{Route: a}}
}

func cluster(name string, change ...func(*clusterv3.Cluster)) *clusterv3.Cluster {
	c := &clusterv3.Cluster{Name: name, ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: name, EdsConfig: ads()}, ConnectTimeout: durationpb.New(2 * time.Second)}
	for _, f := range change {
		f(c)
	}
	return c
}

func h2c(c *clusterv3.Cluster) {
	c.TypedExtensionProtocolOptions = map[string]*anypb.Any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": packed(
		&upstreamhttpv3.HttpProtocolOptions{UpstreamProtocolOptions: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{Http2ProtocolOptions: &corev3.Http2ProtocolOptions{}}}}})}
}

// endpoint is an address with a health status.
type endpoint struct {
	addr   string
	status corev3.HealthStatus
}

func ready(addrs ...string) (out []endpoint) {
	for _, a := range addrs {
		out = append(out, endpoint{a, corev3.HealthStatus_HEALTHY})
	}
	return out
}

func lost(addrs ...string) (out []endpoint) {
	for _, a := range addrs {
		out = append(out, endpoint{a, corev3.HealthStatus_TIMEOUT})
	}
	return out
}

// endpoints makes an endpoint set, one tier after the other.
func endpoints(name string, tiers ...[]endpoint) *endpointv3.ClusterLoadAssignment {
	a := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	for p, tier := range tiers {
		l := &endpointv3.LocalityLbEndpoints{Priority: uint32(p), Locality: &corev3.Locality{Region: "us", Zone: "a", SubZone: "west"},
			LoadBalancingWeight: wrapperspb.UInt32(uint32(max(1, len(tier))))}
		for _, e := range tier {
			l.LbEndpoints = append(l.LbEndpoints, &endpointv3.LbEndpoint{HealthStatus: e.status, HostIdentifier: &endpointv3.LbEndpoint_Endpoint{
				Endpoint: &endpointv3.Endpoint{Address: socket(e.addr)}}})
		}
		a.Endpoints = append(a.Endpoints, l)
	}
	return a
}
