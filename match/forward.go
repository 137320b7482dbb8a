package match

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
)

// DefaultTimeout bounds a request whose route says nothing, as in Envoy. A route that says 0 has no bound.
const DefaultTimeout = 15 * time.Second

// Forward sends a request to one of several clusters.
type Forward struct {
	Shares []Share
	// NotFound is the status code for a cluster that does not exist.
	NotFound int
	Rewrite  Rewrite
	Mirrors  []Mirror
	// Timeout bounds the whole request, with all its tries and its response; 0 is none.
	Timeout time.Duration
	// Retry is nil where the route has no policy; what is safe is tried again even so.
	Retry *Retry

	total    uint64
	bySource bool
	byHeader []string
}

// Share is one cluster's part of a route.
type Share struct {
	Cluster           string
	Weight            uint32
	Host              string // rewrites the host of its requests; empty: as the route says
	Request, Response Edit
}

// Mirror sends a copy of a share of the requests to a cluster and drops the answer.
type Mirror struct {
	Cluster                string
	Numerator, Denominator uint64
}

// Choose returns the share for a uniform number; nil where all weights are 0.
func (f *Forward) Choose(random uint64) *Share {
	if f.total == 0 {
		return nil
	}
	n := below(random, f.total)
	for i := range f.Shares {
		w := uint64(f.Shares[i].Weight)
		if n < w {
			return &f.Shares[i]
		}
		n -= w
	}
	return nil
}

// Percent is a share's part of the traffic.
func (f *Forward) Percent(s *Share) float64 {
	if f.total == 0 {
		return 0
	}
	return 100 * float64(s.Weight) / float64(f.total)
}

// Copies says whether this request is mirrored, for a uniform number.
func (m *Mirror) Copies(random uint64) bool { return below(random, m.Denominator) < m.Numerator }

// Hash is what keeps a client at one endpoint, where the route asks for it.
func (f *Forward) Hash(req *Request) (uint64, bool) {
	var sum uint64
	found := false
	if f.bySource && req.Source.IsValid() {
		sum, found = HashAddr(req.Source), true
	}
	for _, name := range f.byHeader {
		if v, ok := req.header(name); ok {
			sum, found = bits.RotateLeft64(sum, 1)^hashString(v), true
		}
	}
	return sum, found
}

// HashAddr hashes an address, the same in every process.
func HashAddr(a netip.Addr) uint64 {
	b := a.As16()
	return hashString(string(b[:]))
}

// hashString is FNV-1a with a finish that spreads its bits: every proxy must send a client to the same place.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// mix is the finish of splitmix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below maps a uniform 64-bit number to [0, n), in proportion.
func below(random, n uint64) uint64 {
	hi, _ := bits.Mul64(random, n)
	return hi
}

func compileForward(a *routev3.RouteAction, s shared) (*Forward, error) {
	if err := refuseAction(a); err != nil {
		return nil, err
	}
	f := &Forward{NotFound: 503, Timeout: DefaultTimeout}
	switch a.GetClusterNotFoundResponseCode() {
	case routev3.RouteAction_NOT_FOUND:
		f.NotFound = 404
	case routev3.RouteAction_INTERNAL_SERVER_ERROR:
		f.NotFound = 500
	}
	if a.GetTimeout() != nil {
		f.Timeout = a.GetTimeout().AsDuration()
	}
	var err error
	if f.Shares, err = compileShares(a); err != nil {
		return nil, err
	}
	for _, s := range f.Shares {
		f.total += uint64(s.Weight)
	}
	if f.Rewrite, err = compileRewrite(a); err != nil {
		return nil, err
	}
	if f.Retry, err = compileRetry(a.GetRetryPolicy()); err != nil {
		return nil, fmt.Errorf("retry_policy: %w", err)
	}
	if f.Retry == nil {
		f.Retry = s.retry
	}
	if f.Mirrors, err = compileMirrors(a.GetRequestMirrorPolicies()); err != nil {
		return nil, err
	}
	if len(f.Mirrors) == 0 {
		f.Mirrors = s.mirrors
	}
	return f, f.compileHash(a.GetHashPolicy())
}

func refuseAction(a *routev3.RouteAction) error {
	switch {
	case a.GetMetadataMatch() != nil:
		return errors.New("metadata_match: not supported")
	case a.GetPathRewritePolicy() != nil || a.GetPathRewrite() != "":
		return errors.New("path_rewrite_policy, path_rewrite: not supported, use prefix_rewrite or regex_rewrite")
	case a.GetRetryPolicyTypedConfig() != nil || a.GetHedgePolicy() != nil:
		return errors.New("retry_policy_typed_config, hedge_policy: not supported")
	case a.GetInternalRedirectPolicy() != nil || len(a.GetRateLimits()) > 0:
		return errors.New("internal_redirect_policy, rate_limits: not supported")
	}
	return nil
}

func compileShares(a *routev3.RouteAction) ([]Share, error) {
	switch c := a.GetClusterSpecifier().(type) {
	case *routev3.RouteAction_Cluster:
		if c.Cluster == "" {
			return nil, errors.New("cluster: empty")
		}
		return []Share{{Cluster: c.Cluster, Weight: 1}}, nil
	case *routev3.RouteAction_WeightedClusters:
		var out []Share
		for i, w := range c.WeightedClusters.GetClusters() {
			s, err := compileShare(w)
			if err != nil {
				return nil, fmt.Errorf("weighted_clusters[%d]: %w", i, err)
			}
			out = append(out, s)
		}
		if len(out) == 0 {
			return nil, errors.New("weighted_clusters: empty")
		}
		return out, nil
	}
	return nil, errors.New("cluster or weighted_clusters: neither is set")
}

func compileShare(w *routev3.WeightedCluster_ClusterWeight) (Share, error) {
	s := Share{Cluster: w.GetName(), Weight: w.GetWeight().GetValue()}
	var err error
	switch {
	case s.Cluster == "":
		err = errors.New("name: empty")
	case w.GetMetadataMatch() != nil || len(w.GetTypedPerFilterConfig()) > 0:
		err = errors.New("metadata_match and typed_per_filter_config of one cluster are not supported")
	case !isHost(w.GetHostRewriteLiteral()):
		err = fmt.Errorf("host_rewrite_literal: %q is not a host", w.GetHostRewriteLiteral())
	default:
		s.Host = w.GetHostRewriteLiteral()
		if s.Request, err = compileEdit(w.GetRequestHeadersToAdd(), w.GetRequestHeadersToRemove()); err == nil {
			s.Response, err = compileEdit(w.GetResponseHeadersToAdd(), w.GetResponseHeadersToRemove())
		}
	}
	return s, err
}

func compileMirrors(in []*routev3.RouteAction_RequestMirrorPolicy) ([]Mirror, error) {
	var out []Mirror
	for i, p := range in {
		m := Mirror{Cluster: p.GetCluster(), Numerator: 1, Denominator: 1}
		if m.Cluster == "" {
			return nil, fmt.Errorf("request_mirror_policies[%d].cluster: empty", i)
		}
		if f := p.GetRuntimeFraction().GetDefaultValue(); f != nil {
			m.Numerator, m.Denominator = uint64(f.GetNumerator()), 100
			switch f.GetDenominator() {
			case typev3.FractionalPercent_TEN_THOUSAND:
				m.Denominator = 10_000
			case typev3.FractionalPercent_MILLION:
				m.Denominator = 1_000_000
			}
		}
		out = append(out, m)
	}
	return out, nil
}

func (f *Forward) compileHash(policies []*routev3.RouteAction_HashPolicy) error {
	for i, p := range policies {
		switch s := p.GetPolicySpecifier().(type) {
		case *routev3.RouteAction_HashPolicy_ConnectionProperties_:
			f.bySource = f.bySource || s.ConnectionProperties.GetSourceIp()
		case *routev3.RouteAction_HashPolicy_Header_:
			if name := s.Header.GetHeaderName(); !slices.Contains(f.byHeader, name) {
				f.byHeader = append(f.byHeader, name)
			}
		default:
			return fmt.Errorf("hash_policy[%d]: only connection_properties and header are supported", i)
		}
	}
	return nil
}
