package match

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// Listener is a compiled listener.
type Listener struct {
	Name      string
	Addresses []netip.AddrPort
	Chains    []*Chain
}

// Routes lists the route configurations that its chains use.
func (l *Listener) Routes() (names []string) {
	for _, c := range l.Chains {
		if c.HTTP != nil {
			names = append(names, c.HTTP.Routes)
		}
	}
	return names
}

// Chain is one filter chain: what is done with the connections of some server names.
type Chain struct {
	Name string
	// ServerNames are exact or "*.suffix", lower case; none: all that no other chain takes.
	ServerNames []string
	TLS         *TLS  // nil: clear text
	HTTP        *HTTP // nil: TCP
	// TCP is the cluster that connections are carried to; empty with HTTP.
	TCP string
}

// TLS is how a chain terminates TLS.
type TLS struct {
	Secrets []string // names of secrets, looked up when a client comes
	ALPN    []string
}

// HTTP is what a chain does with requests.
type HTTP struct {
	Routes string // the name of the route configuration
	// KeepSlashes lets escaped slashes pass (Normalize).
	KeepSlashes bool
	// Upgrades are the protocols that a request may upgrade to, lower case.
	Upgrades []string
	// IdleTimeout bounds how long a connection may be without a request; 0: the default.
	IdleTimeout time.Duration
	// MaxStreams at the same time on one HTTP/2 connection; 0: the default.
	MaxStreams uint32
}

// CompileListener compiles one listener.
func CompileListener(l *listenerv3.Listener) (*Listener, error) {
	if l.GetName() == "" {
		return nil, errors.New("name: empty")
	}
	if l.GetFilterChainMatcher() != nil || l.GetUdpListenerConfig() != nil || l.GetApiListener() != nil {
		return nil, errors.New("filter_chain_matcher, udp_listener_config and api_listener are not supported")
	}
	out := &Listener{Name: l.GetName()}
	addresses := []*corev3.Address{l.GetAddress()}
	for _, a := range l.GetAdditionalAddresses() {
		addresses = append(addresses, a.GetAddress())
	}
	for _, a := range addresses {
		addr, err := addrPort(a.GetSocketAddress())
		if err != nil {
			return nil, err
		}
		out.Addresses = append(out.Addresses, addr)
	}
	chains := l.GetFilterChains()
	if d := l.GetDefaultFilterChain(); d != nil {
		chains = append(slices.Clip(chains), d)
	}
	for i, c := range chains {
		chain, err := compileChain(c)
		if err != nil {
			return nil, fmt.Errorf("filter_chains[%d]: %w", i, err)
		}
		out.Chains = append(out.Chains, chain)
	}
	return out, out.check()
}

// check refuses chains between which a connection could not be told apart.
func (l *Listener) check() error {
	if len(l.Chains) == 0 {
		return errors.New("filter_chains: empty")
	}
	seen := map[string]bool{}
	for _, c := range l.Chains {
		if (c.TLS == nil) != (l.Chains[0].TLS == nil) {
			return errors.New("filter_chains: clear text and TLS on one address are not supported")
		}
		names := c.ServerNames
		if len(names) == 0 {
			names = []string{"*"}
		} else if c.TLS == nil {
			return errors.New("filter_chain_match.server_names: only with TLS")
		}
		for _, n := range names {
			if seen[n] {
				return fmt.Errorf("filter_chains: two chains take the server name %s", n)
			}
			seen[n] = true
		}
	}
	return nil
}

// Chain returns the chain for a server name: that of the exact name, else of the longest suffix, else the one that takes all; nil
// where there is none. An empty name is that of a client that sent none.
func (l *Listener) Chain(serverName string) *Chain {
	name := strings.ToLower(strings.TrimSuffix(serverName, "."))
	var best *Chain
	length := -1
	for _, c := range l.Chains {
		if len(c.ServerNames) == 0 && length < 0 {
			best, length = c, 0
		}
		for _, n := range c.ServerNames {
			if n == name && name != "" {
				return c
			}
			if n[0] == '*' && strings.HasSuffix(name, n[1:]) && len(name) > len(n)-1 && len(n) > length {
				best, length = c, len(n)
			}
		}
	}
	return best
}

// Misdirected says that a request for this authority must not be answered on a connection that was opened for this server name,
// because another chain, or none, serves the authority (RFC 9110 15.5.20).
func (l *Listener) Misdirected(serverName, authority string) bool {
	return len(l.Chains) > 0 && l.Chains[0].TLS != nil && l.Chain(serverName) != l.Chain(Hostname(authority))
}

func compileChain(c *listenerv3.FilterChain) (*Chain, error) {
	out := &Chain{Name: c.GetName()}
	for _, n := range c.GetFilterChainMatch().GetServerNames() {
		n = strings.ToLower(n)
		if strings.Contains(strings.TrimPrefix(n, "*."), "*") || n == "" {
			return nil, fmt.Errorf("filter_chain_match.server_names: %q: write a host name or *.suffix", n)
		}
		out.ServerNames = append(out.ServerNames, n)
	}
	if m := c.GetFilterChainMatch(); len(m.GetPrefixRanges()) > 0 || len(m.GetSourcePrefixRanges()) > 0 || len(m.GetSourcePorts()) > 0 ||
		m.GetDestinationPort() != nil || len(m.GetApplicationProtocols()) > 0 || len(m.GetDirectSourcePrefixRanges()) > 0 {
		return nil, errors.New("filter_chain_match: only server_names and transport_protocol are supported")
	}
	if len(c.GetFilters()) != 1 {
		return nil, fmt.Errorf("filters: %d given, exactly one is supported", len(c.GetFilters()))
	}
	if err := out.compileFilter(c.GetFilters()[0].GetTypedConfig()); err != nil {
		return nil, err
	}
	var err error
	if ts := c.GetTransportSocket(); ts != nil {
		out.TLS, err = compileTLS(ts.GetTypedConfig())
	}
	return out, err
}

func (c *Chain) compileFilter(config *anypb.Any) error {
	m, err := config.UnmarshalNew()
	if err != nil {
		return fmt.Errorf("filters[0]: %w", err)
	}
	switch f := m.(type) {
	case *hcmv3.HttpConnectionManager:
		c.HTTP, err = compileHTTP(f)
		return err
	case *tcpv3.TcpProxy:
		if c.TCP = f.GetCluster(); c.TCP == "" {
			return errors.New("tcp_proxy.cluster: empty, and weighted_clusters are not supported")
		}
		return nil
	}
	return fmt.Errorf("filters[0]: %s is not supported", config.GetTypeUrl())
}

func compileHTTP(m *hcmv3.HttpConnectionManager) (*HTTP, error) {
	if m.GetRds().GetRouteConfigName() == "" {
		return nil, errors.New("http_connection_manager: only rds with a route_config_name is supported")
	}
	h := &HTTP{Routes: m.GetRds().GetRouteConfigName(), IdleTimeout: m.GetCommonHttpProtocolOptions().GetIdleTimeout().AsDuration(),
		MaxStreams: m.GetHttp2ProtocolOptions().GetMaxConcurrentStreams().GetValue()}
	for _, f := range m.GetHttpFilters() {
		switch f.GetName() {
		case "envoy.filters.http.cors", "envoy.filters.http.router":
		default:
			return nil, fmt.Errorf("http_filters: %s is not known", f.GetName())
		}
	}
	switch m.GetPathWithEscapedSlashesAction() {
	case hcmv3.HttpConnectionManager_KEEP_UNCHANGED:
		h.KeepSlashes = true
	case hcmv3.HttpConnectionManager_IMPLEMENTATION_SPECIFIC_DEFAULT, hcmv3.HttpConnectionManager_REJECT_REQUEST:
	default:
		return nil, errors.New("path_with_escaped_slashes_action: only KEEP_UNCHANGED and REJECT_REQUEST are supported")
	}
	if m.GetMergeSlashes() {
		return nil, errors.New("merge_slashes: not supported")
	}
	for _, u := range m.GetUpgradeConfigs() {
		if u.GetEnabled() == nil || u.GetEnabled().GetValue() {
			h.Upgrades = append(h.Upgrades, strings.ToLower(u.GetUpgradeType()))
		}
	}
	return h, nil
}

func compileTLS(config *anypb.Any) (*TLS, error) {
	var d tlsv3.DownstreamTlsContext
	if err := config.UnmarshalTo(&d); err != nil {
		return nil, fmt.Errorf("transport_socket: %w", err)
	}
	common := d.GetCommonTlsContext()
	if d.GetRequireClientCertificate().GetValue() || common.GetValidationContextType() != nil {
		return nil, errors.New("transport_socket: client certificates are not supported")
	}
	t := &TLS{ALPN: common.GetAlpnProtocols()}
	for _, s := range common.GetTlsCertificateSdsSecretConfigs() {
		t.Secrets = append(t.Secrets, s.GetName())
	}
	if len(t.Secrets) == 0 || len(common.GetTlsCertificates()) > 0 {
		return nil, errors.New("transport_socket: certificates must come by tls_certificate_sds_secret_configs")
	}
	return t, nil
}
