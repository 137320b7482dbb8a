package xds

import (
	"net/netip"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	inspectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"fairlead.dev/fairlead/route"
)

// Names of Envoy's extensions, as Envoy registers them.
const (
	connectionManager = "envoy.filters.network.http_connection_manager"
	tlsInspector      = "envoy.filters.listener.tls_inspector"
	tlsSocket         = "envoy.transport_sockets.tls"
)

// Listener is what a server listens on: its addresses, and one filter chain per TLS listener (chosen by server name) or one for
// plain HTTP. It is nil for a server without an address or, with TLS, without a certificate: there is nothing to serve.
func Listener(s *route.Server) *listenerv3.Listener {
	if len(s.Addresses) == 0 {
		return nil
	}
	l := &listenerv3.Listener{
		Name:             s.ID.String(),
		TrafficDirection: corev3.TrafficDirection_INBOUND,
		Address:          socketAddress(netip.AddrPortFrom(s.Addresses[0], s.ID.Port)),
	}
	for _, a := range s.Addresses[1:] {
		l.AdditionalAddresses = append(l.AdditionalAddresses, &listenerv3.AdditionalAddress{
			Address: socketAddress(netip.AddrPortFrom(a, s.ID.Port)),
		})
	}
	manager := &listenerv3.Filter{
		Name:       connectionManager,
		ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(gatewayManager(s))},
	}
	if !s.TLS {
		l.FilterChains = []*listenerv3.FilterChain{{Name: "http", Filters: []*listenerv3.Filter{manager}}}
		return l
	}
	l.ListenerFilters = []*listenerv3.ListenerFilter{{
		Name:       tlsInspector,
		ConfigType: &listenerv3.ListenerFilter_TypedConfig{TypedConfig: pack(&inspectorv3.TlsInspector{})},
	}}
	for i := range s.Listeners {
		if chain := tlsChain(&s.Listeners[i], manager); chain != nil {
			l.FilterChains = append(l.FilterChains, chain)
		}
	}
	if len(l.FilterChains) == 0 {
		return nil
	}
	return l
}

// tlsChain terminates TLS for one listener's hostname; nil where it has no certificate.
func tlsChain(l *route.Listener, manager *listenerv3.Filter) *listenerv3.FilterChain {
	if len(l.Certificates) == 0 {
		return nil
	}
	common := &tlsv3.CommonTlsContext{AlpnProtocols: []string{"h2", "http/1.1"}}
	for i := range l.Certificates {
		common.TlsCertificateSdsSecretConfigs = append(common.TlsCertificateSdsSecretConfigs, &tlsv3.SdsSecretConfig{
			Name:      l.Certificates[i].Secret.String(),
			SdsConfig: ads(),
		})
	}
	chain := &listenerv3.FilterChain{
		Name:    l.Name,
		Filters: []*listenerv3.Filter{manager},
		TransportSocket: &corev3.TransportSocket{
			Name: tlsSocket,
			ConfigType: &corev3.TransportSocket_TypedConfig{
				TypedConfig: pack(&tlsv3.DownstreamTlsContext{CommonTlsContext: common}),
			},
		},
	}
	if l.Hostname != "*" && l.Hostname != "" {
		chain.FilterChainMatch = &listenerv3.FilterChainMatch{ServerNames: []string{l.Hostname}}
	}
	return chain
}

// gatewayManager is the HTTP connection manager of a gateway. What is ambiguous in a path is refused or normalised before any
// route sees it; limits are those that Envoy recommends at an edge.
func gatewayManager(s *route.Server) *hcmv3.HttpConnectionManager {
	return &hcmv3.HttpConnectionManager{
		StatPrefix: s.ID.String(),
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
			ConfigSource:    ads(),
			RouteConfigName: s.ID.String(),
		}},
		HttpFilters:                  []*hcmv3.HttpFilter{corsFilter(), routerFilter()},
		UpgradeConfigs:               []*hcmv3.HttpConnectionManager_UpgradeConfig{{UpgradeType: "websocket"}},
		UseRemoteAddress:             wrapperspb.Bool(true),
		ServerHeaderTransformation:   hcmv3.HttpConnectionManager_PASS_THROUGH,
		NormalizePath:                wrapperspb.Bool(true),
		PathWithEscapedSlashesAction: hcmv3.HttpConnectionManager_REJECT_REQUEST,
		RequestHeadersTimeout:        durationpb.New(10 * time.Second),
		MaxRequestHeadersKb:          wrapperspb.UInt32(64),
		Http2ProtocolOptions: &corev3.Http2ProtocolOptions{
			MaxConcurrentStreams:        wrapperspb.UInt32(250),
			InitialStreamWindowSize:     wrapperspb.UInt32(256 << 10),
			InitialConnectionWindowSize: wrapperspb.UInt32(1 << 20),
		},
	}
}

// ads says that a resource comes over the same stream.
func ads() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

func socketAddress(a netip.AddrPort) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       a.Addr().String(),
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(a.Port())},
	}}}
}
