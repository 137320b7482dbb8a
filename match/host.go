package match

import (
	"errors"
	"fmt"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// Host is a compiled virtual host.
type Host struct {
	// Name is the resource's name, server/hostname.
	Name string
	// Domains are exact, "*.suffix" or "*", in lower case.
	Domains []string
	Routes  []*Route

	paths pathIndex
}

// CompileHost compiles one virtual host. The error names the route and the field that it cannot do as written.
func CompileHost(vh *routev3.VirtualHost) (*Host, error) {
	if err := refuseHost(vh); err != nil {
		return nil, err
	}
	h := &Host{Name: vh.GetName()}
	for _, d := range vh.GetDomains() {
		domain, err := compileDomain(d)
		if err != nil {
			return nil, err
		}
		h.Domains = append(h.Domains, domain)
	}
	shared, err := compileShared(vh)
	if err != nil {
		return nil, err
	}
	for i, r := range vh.GetRoutes() {
		route, err := compileRoute(r, shared)
		if err != nil {
			return nil, fmt.Errorf("routes[%d] %s: %w", i, r.GetName(), err)
		}
		h.Routes = append(h.Routes, route)
	}
	h.paths = indexPaths(h.Routes)
	return h, nil
}

// refuseHost names what stands in a virtual host and would be lost silently.
func refuseHost(vh *routev3.VirtualHost) error {
	switch {
	case vh == nil || vh.GetName() == "":
		return errors.New("name: empty")
	case len(vh.GetDomains()) == 0:
		return errors.New("domains: empty")
	case vh.GetMatcher() != nil:
		return errors.New("matcher: not supported, use routes")
	case vh.GetRequireTls() != routev3.VirtualHost_NONE:
		return errors.New("require_tls: not supported, use a redirect")
	case vh.GetRetryPolicyTypedConfig() != nil || vh.GetHedgePolicy() != nil || len(vh.GetRateLimits()) > 0:
		return errors.New("retry_policy_typed_config, hedge_policy, rate_limits: not supported")
	}
	return nil
}

func compileDomain(d string) (string, error) {
	domain := strings.ToLower(d)
	suffix := strings.TrimPrefix(domain, "*")
	if strings.Contains(suffix, "*") || domain == "" || (suffix != domain && suffix != "" && suffix[0] != '.') {
		return "", fmt.Errorf("domains: %q: write a host name, *.suffix or *", d)
	}
	if len(domain) > maxHostname {
		return "", fmt.Errorf("domains: %q is longer than %d bytes", d, maxHostname)
	}
	return domain, nil
}

// ServerOf returns the name of the route configuration that a virtual host belongs to: what stands before its last slash.
func ServerOf(hostName string) string {
	return hostName[:max(0, strings.LastIndexByte(hostName, '/'))]
}

// Clusters lists the clusters that the host's routes may send to, mirrors included, each once, in the order of the routes.
func (h *Host) Clusters() []string {
	var out []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	for _, r := range h.Routes {
		if r.Forward == nil {
			continue
		}
		for _, s := range r.Forward.Shares {
			add(s.Cluster)
		}
		for _, m := range r.Forward.Mirrors {
			add(m.Cluster)
		}
	}
	return out
}
