package xds

import (
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"fairlead.dev/fairlead/route"
)

// defaultBackoff is the pause before the first retry where a route asks for retries and names none; it is Envoy's own default.
const defaultBackoff = 25 * time.Millisecond

// retryConnection are the failures of a connection that GEP-1731 has retried wherever retries are asked for.
const retryConnection = "connect-failure,refused-stream,reset"

// routeAction sends a rule's requests to its backends by weight.
func routeAction(r *route.Rule) *routev3.RouteAction {
	a := &routev3.RouteAction{
		ClusterSpecifier: &routev3.RouteAction_WeightedClusters{WeightedClusters: weightedClusters(r.Backends)},
		// A cluster that is not there answers like a backend that cannot be resolved.
		ClusterNotFoundResponseCode: routev3.RouteAction_INTERNAL_SERVER_ERROR,
		// 0 is said, because Envoy reads silence as 15 s.
		Timeout:     durationpb.New(r.RequestTimeout),
		RetryPolicy: retryPolicy(r),
		// Only a cluster with ClientIP affinity looks at it.
		HashPolicy: []*routev3.RouteAction_HashPolicy{{
			PolicySpecifier: &routev3.RouteAction_HashPolicy_ConnectionProperties_{
				ConnectionProperties: &routev3.RouteAction_HashPolicy_ConnectionProperties{SourceIp: true},
			},
		}},
	}
	for i := range r.Mirrors {
		a.RequestMirrorPolicies = append(a.RequestMirrorPolicies, mirrorPolicy(&r.Mirrors[i]))
	}
	if host := rewrittenHost(r); host != "" {
		a.HostRewriteSpecifier = &routev3.RouteAction_HostRewriteLiteral{HostRewriteLiteral: host}
	}
	if r.Rewrite != nil && r.Rewrite.Path != nil {
		a.PrefixRewrite, a.RegexRewrite = pathEdit(&r.Match, r.Rewrite.Path)
	}
	return a
}

// weightedClusters are the backends that have a weight. Those that could not be resolved keep their share.
func weightedClusters(backends []route.Backend) *routev3.WeightedCluster {
	w := &routev3.WeightedCluster{}
	for i := range backends {
		b := &backends[i]
		if b.Weight == 0 {
			continue
		}
		c := &routev3.WeightedCluster_ClusterWeight{Name: b.Group.String(), Weight: wrapperspb.UInt32(b.Weight)}
		if b.Invalid {
			c.Name = InvalidCluster
		}
		c.RequestHeadersToAdd, c.RequestHeadersToRemove = headerEdit(b.RequestHeaders)
		c.ResponseHeadersToAdd, c.ResponseHeadersToRemove = headerEdit(b.ResponseHeaders)
		if host := hostEdit(b.RequestHeaders); host != "" {
			c.HostRewriteSpecifier = &routev3.WeightedCluster_ClusterWeight_HostRewriteLiteral{HostRewriteLiteral: host}
		}
		w.Clusters = append(w.Clusters, c)
	}
	return w
}

func totalWeight(backends []route.Backend) (sum uint64) {
	for i := range backends {
		sum += uint64(backends[i].Weight)
	}
	return sum
}

func mirrorPolicy(m *route.Mirror) *routev3.RouteAction_RequestMirrorPolicy {
	return &routev3.RouteAction_RequestMirrorPolicy{
		Cluster:         m.Group.String(),
		RuntimeFraction: &corev3.RuntimeFractionalPercent{DefaultValue: fraction(m.Numerator, m.Denominator)},
	}
}

// fraction is n of d in the denominators that Envoy has, rounded down to millionths. 0 of 0 is everything.
func fraction(n, d uint32) *typev3.FractionalPercent {
	switch d {
	case 0:
		return &typev3.FractionalPercent{Numerator: 100, Denominator: typev3.FractionalPercent_HUNDRED}
	case 100:
		return &typev3.FractionalPercent{Numerator: n, Denominator: typev3.FractionalPercent_HUNDRED}
	case 10_000:
		return &typev3.FractionalPercent{Numerator: n, Denominator: typev3.FractionalPercent_TEN_THOUSAND}
	}
	millionths := min(uint64(n)*1_000_000/uint64(d), 1_000_000)
	return &typev3.FractionalPercent{Numerator: uint32(millionths), Denominator: typev3.FractionalPercent_MILLION}
}

// retryPolicy is nil where nothing bounds a try and the route asks for no retry: the proxy's own rules for what is safe hold then.
func retryPolicy(r *route.Rule) *routev3.RetryPolicy {
	if r.Retry == nil && r.BackendTimeout == 0 {
		return nil
	}
	p := &routev3.RetryPolicy{}
	if r.BackendTimeout > 0 {
		p.PerTryTimeout = durationpb.New(r.BackendTimeout)
	}
	if r.Retry == nil {
		return p
	}
	p.RetryOn = retryConnection
	p.NumRetries = wrapperspb.UInt32(uint32(max(r.Retry.Attempts, 0)))
	if len(r.Retry.Codes) > 0 {
		p.RetryOn += ",retriable-status-codes"
		for _, code := range r.Retry.Codes {
			p.RetriableStatusCodes = append(p.RetriableStatusCodes, uint32(code))
		}
	}
	backoff := r.Retry.Backoff
	if backoff <= 0 {
		backoff = defaultBackoff
	}
	p.RetryBackOff = &routev3.RetryPolicy_RetryBackOff{
		BaseInterval: durationpb.New(backoff),
		MaxInterval:  durationpb.New(10 * backoff),
	}
	return p
}
