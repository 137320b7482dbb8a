package match

import (
	"errors"
	"fmt"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"

	"fairlead.dev/fairlead/balance"
)

// Balancing is how an endpoint is chosen within a place.
type Balancing uint8

// The ways to choose.
const (
	RoundRobin Balancing = iota
	LeastRequest
	RingHash
	Random
)

// String returns Envoy's word.
func (b Balancing) String() string {
	return [...]string{"ROUND_ROBIN", "LEAST_REQUEST", "RING_HASH", "RANDOM"}[b]
}

// Cluster is a compiled cluster: how its endpoints are used, not which they are.
type Cluster struct {
	Name string
	// Endpoints is the name of its endpoint set.
	Endpoints      string
	Balancing      Balancing
	HTTP2          bool // the backends speak HTTP/2 in clear text
	ConnectTimeout time.Duration
	Load           balance.LoadPolicy
	Limits         Limits
	Outlier        Outlier
	Checks         []HealthCheck
}

// Limits are the circuit breakers of a cluster; 0 is none.
type Limits struct {
	Requests int // at the same time
	Retries  int // at the same time; 0: by budget
	// BudgetPercent of the active requests may be retries, but BudgetMin always may.
	BudgetPercent float64
	BudgetMin     int
}

// Outlier says when an endpoint is ejected for what its answers look like; a count of 0 turns that reason off.
type Outlier struct {
	ServerErrors  int // 5xx in a row, gateway and local failures included
	GatewayErrors int // 502, 503, 504 in a row, local failures included
	LocalFailures int // refused, reset or timed out in a row, without any answer
	// BaseEjection grows by itself with each ejection, up to MaxEjection.
	BaseEjection, MaxEjection time.Duration
	// MaxPercent of a cluster's endpoints may be ejected, but one always may.
	MaxPercent int
}

// HealthCheck is an active check.
type HealthCheck struct {
	HTTP               bool // else TCP connect
	Host, Path         string
	Timeout, Interval  time.Duration
	Unhealthy, Healthy int // results in a row that change the mind
	Port               uint16
	Low, High          int // with HTTP: the good status codes, low <= code < high
}

// The defaults of a cluster that says nothing.
const (
	DefaultConnectTimeout = 5 * time.Second
	defaultBudgetPercent  = 20
	defaultBudgetMin      = 10
)

// CompileCluster compiles one cluster.
func CompileCluster(c *clusterv3.Cluster) (*Cluster, error) {
	if c.GetName() == "" {
		return nil, errors.New("name: empty")
	}
	if c.GetType() != clusterv3.Cluster_EDS {
		return nil, fmt.Errorf("type: %v is not supported, use EDS", c.GetType())
	}
	if c.GetTransportSocket() != nil || len(c.GetTransportSocketMatches()) > 0 || c.GetLoadBalancingPolicy() != nil || c.GetLbSubsetConfig() != nil {
		return nil, errors.New("transport_socket, load_balancing_policy and lb_subset_config are not supported")
	}
	out := &Cluster{Name: c.GetName(), Endpoints: c.GetEdsClusterConfig().GetServiceName(), ConnectTimeout: DefaultConnectTimeout}
	if out.Endpoints == "" {
		out.Endpoints = out.Name
	}
	if t := c.GetConnectTimeout(); t != nil && t.AsDuration() > 0 {
		out.ConnectTimeout = t.AsDuration()
	}
	var err error
	if out.Balancing, err = compileBalancing(c.GetLbPolicy()); err != nil {
		return nil, err
	}
	if out.HTTP2, err = compileProtocol(c); err != nil {
		return nil, err
	}
	out.Load = compileLoad(c)
	out.Limits = compileLimits(c)
	out.Outlier = compileOutlier(c.GetOutlierDetection())
	for i, h := range c.GetHealthChecks() {
		check, err := compileCheck(h)
		if err != nil {
			return nil, fmt.Errorf("health_checks[%d]: %w", i, err)
		}
		out.Checks = append(out.Checks, check)
	}
	return out, nil
}

func compileBalancing(p clusterv3.Cluster_LbPolicy) (Balancing, error) {
	switch p {
	case clusterv3.Cluster_ROUND_ROBIN:
		return RoundRobin, nil
	case clusterv3.Cluster_LEAST_REQUEST:
		return LeastRequest, nil
	case clusterv3.Cluster_RING_HASH, clusterv3.Cluster_MAGLEV:
		return RingHash, nil
	case clusterv3.Cluster_RANDOM:
		return Random, nil
	}
	return 0, fmt.Errorf("lb_policy: %v is not supported", p)
}

func compileProtocol(c *clusterv3.Cluster) (http2 bool, err error) {
	//lint:ignore SA1019 an older word for what typed_extension_protocol_options says
	if c.GetHttp2ProtocolOptions() != nil {
		http2 = true
	}
	for name, config := range c.GetTypedExtensionProtocolOptions() {
		if name != "envoy.extensions.upstreams.http.v3.HttpProtocolOptions" {
			return false, fmt.Errorf("typed_extension_protocol_options: %s is not known", name)
		}
		var o httpv3.HttpProtocolOptions
		if err := config.UnmarshalTo(&o); err != nil {
			return false, fmt.Errorf("typed_extension_protocol_options: %s: %w", name, err)
		}
		switch p := o.GetUpstreamProtocolOptions().(type) {
		case *httpv3.HttpProtocolOptions_ExplicitHttpConfig_:
			http2 = p.ExplicitHttpConfig.GetHttp2ProtocolOptions() != nil
			if p.ExplicitHttpConfig.GetHttp3ProtocolOptions() != nil {
				return false, errors.New("typed_extension_protocol_options: HTTP/3 is not supported")
			}
		case nil:
		default:
			return false, errors.New("typed_extension_protocol_options: only explicit_http_config is supported")
		}
	}
	return http2, nil
}

func compileLoad(c *clusterv3.Cluster) balance.LoadPolicy {
	var p balance.LoadPolicy
	if t := c.GetCommonLbConfig().GetHealthyPanicThreshold(); t != nil {
		p.PanicBelow = int(t.GetValue())
		p.NoPanic = p.PanicBelow == 0
	}
	return p
}

func compileLimits(c *clusterv3.Cluster) Limits {
	l := Limits{BudgetPercent: defaultBudgetPercent, BudgetMin: defaultBudgetMin}
	for _, t := range c.GetCircuitBreakers().GetThresholds() {
		if t.GetPriority() != corev3.RoutingPriority_DEFAULT {
			continue
		}
		l.Requests = int(t.GetMaxRequests().GetValue())
		l.Retries = int(t.GetMaxRetries().GetValue())
		if b := t.GetRetryBudget(); b != nil {
			l.Retries = 0
			if b.GetBudgetPercent() != nil {
				l.BudgetPercent = b.GetBudgetPercent().GetValue()
			}
			if b.GetMinRetryConcurrency() != nil {
				l.BudgetMin = int(b.GetMinRetryConcurrency().GetValue())
			}
		}
	}
	return l
}

// compileOutlier gives Envoy's numbers, but for these: refused and reset connections count from three in a row and gateway errors from
// five, an ejection begins at 5 s instead of 30 s, since an endpoint is probed before it returns, and half of a cluster may be
// ejected instead of a tenth. Without outlier_detection only local failures eject.
func compileOutlier(o *clusterv3.OutlierDetection) Outlier {
	out := Outlier{LocalFailures: 3, BaseEjection: 5 * time.Second, MaxEjection: 300 * time.Second, MaxPercent: 50}
	if o == nil {
		return out
	}
	out.ServerErrors, out.GatewayErrors = 5, 5
	if v := o.GetConsecutive_5Xx(); v != nil {
		out.ServerErrors = int(v.GetValue())
	}
	if v := o.GetConsecutiveGatewayFailure(); v != nil {
		out.GatewayErrors = int(v.GetValue())
	}
	if v := o.GetConsecutiveLocalOriginFailure(); v != nil {
		out.LocalFailures = int(v.GetValue())
	}
	if v := o.GetEnforcingConsecutive_5Xx(); v != nil && v.GetValue() == 0 {
		out.ServerErrors = 0
	}
	if v := o.GetEnforcingConsecutiveGatewayFailure(); v != nil && v.GetValue() == 0 {
		out.GatewayErrors = 0
	}
	if v := o.GetBaseEjectionTime(); v != nil {
		out.BaseEjection = v.AsDuration()
	}
	if v := o.GetMaxEjectionTime(); v != nil {
		out.MaxEjection = v.AsDuration()
	}
	if v := o.GetMaxEjectionPercent(); v != nil {
		out.MaxPercent = int(min(v.GetValue(), 100))
	}
	return out
}

func compileCheck(h *corev3.HealthCheck) (HealthCheck, error) {
	c := HealthCheck{Timeout: h.GetTimeout().AsDuration(), Interval: h.GetInterval().AsDuration(), Unhealthy: 3, Healthy: 1,
		Port: uint16(h.GetAltPort().GetValue()), Low: 200, High: 201}
	if c.Timeout <= 0 || c.Interval <= 0 {
		return c, errors.New("timeout and interval must be set")
	}
	if v := h.GetUnhealthyThreshold().GetValue(); v > 0 {
		c.Unhealthy = int(v)
	}
	if v := h.GetHealthyThreshold().GetValue(); v > 0 {
		c.Healthy = int(v)
	}
	switch k := h.GetHealthChecker().(type) {
	case *corev3.HealthCheck_TcpHealthCheck_:
		if k.TcpHealthCheck.GetSend() != nil || len(k.TcpHealthCheck.GetReceive()) > 0 {
			return c, errors.New("tcp_health_check: send and receive are not supported")
		}
	case *corev3.HealthCheck_HttpHealthCheck_:
		c.HTTP, c.Host, c.Path = true, k.HttpHealthCheck.GetHost(), k.HttpHealthCheck.GetPath()
		if !isPath(c.Path) {
			return c, fmt.Errorf("http_health_check.path: %q is not a path", c.Path)
		}
		if s := k.HttpHealthCheck.GetExpectedStatuses(); len(s) == 1 {
			c.Low, c.High = int(s[0].GetStart()), int(s[0].GetEnd())
		} else if len(s) > 1 {
			return c, errors.New("http_health_check.expected_statuses: one range is supported")
		}
	default:
		return c, errors.New("only tcp_health_check and http_health_check are supported")
	}
	return c, nil
}
