package kube

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/mcs"
)

// Description is what a cluster is, as far as its own API tells.
type Description struct {
	// UID is that of namespace kube-system.
	UID string
	// Kubernetes is the version of the API server.
	Kubernetes string
	// Families are those of a Service that asks for as many as there are, primary first.
	Families []corev1.IPFamily
	// ServiceRanges and PodRanges are CIDRs; neighbours are joined. Empty: the API does not tell.
	ServiceRanges, PodRanges []netip.Prefix
	// Region and Zone are those that all nodes agree on.
	Region, Zone string
}

// Describe asks the API what the cluster is. What may not be read, or is not served, is left out; a cluster that does not answer is an error.
func Describe(ctx context.Context, cfg *rest.Config, c client.Client, namespace string) (d Description, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*callTimeout)
	defer cancel()
	dc, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return d, fmt.Errorf("make a client for discovery: %w", err)
	}
	version, err := dc.ServerVersion()
	if err != nil {
		return d, fmt.Errorf("ask for the version of the API server: %w", err)
	}
	d.Kubernetes = version.GitVersion
	var system corev1.Namespace
	if err := c.Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, &system); err != nil {
		return d, fmt.Errorf("read namespace %s: %w", metav1.NamespaceSystem, err)
	}
	d.UID = string(system.UID)
	if d.Families, err = families(ctx, c, namespace); err != nil {
		return d, err
	}
	if d.ServiceRanges, err = serviceRanges(ctx, c, namespace); err != nil {
		return d, err
	}
	var nodes corev1.NodeList
	if err := c.List(ctx, &nodes); err != nil && !apierrors.IsForbidden(err) {
		return d, fmt.Errorf("list nodes: %w", err)
	}
	d.nodes(nodes.Items)
	return d, nil
}

// families asks what a Service would get, and creates none.
func families(ctx context.Context, c client.Client, namespace string) ([]corev1.IPFamily, error) {
	probe := probeService(namespace)
	probe.Spec.IPFamilyPolicy = new(corev1.IPFamilyPolicyPreferDualStack)
	if err := c.Create(ctx, probe, client.DryRunAll); err != nil {
		return nil, fmt.Errorf("try which IP families a Service gets: %w", err)
	}
	return probe.Spec.IPFamilies, nil
}

// rangeTold is how an API server tells its range when it is asked for an IP outside of it.
var rangeTold = regexp.MustCompile(`range of valid IPs is ([0-9a-fA-F.:]+/[0-9]+)`)

// serviceRanges are those of the ServiceCIDRs; an older API server tells its first range in a refusal.
func serviceRanges(ctx context.Context, c client.Client, namespace string) (ranges []netip.Prefix, err error) {
	var cidrs networkingv1.ServiceCIDRList
	switch err := c.List(ctx, &cidrs); {
	case err == nil:
		for _, cidr := range cidrs.Items {
			ranges = append(ranges, prefixes(cidr.Spec.CIDRs)...)
		}
		return joined(ranges), nil
	case !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err):
		return nil, fmt.Errorf("list ServiceCIDRs: %w", err)
	}
	probe := probeService(namespace)
	probe.Spec.ClusterIP = "192.0.2.1" // reserved for documentation: in no cluster's range
	err = c.Create(ctx, probe, client.DryRunAll)
	if err == nil || !apierrors.IsInvalid(err) {
		return nil, errors.Unwrap(err)
	}
	if m := rangeTold.FindStringSubmatch(err.Error()); m != nil {
		ranges = prefixes(m[1:])
	}
	return ranges, nil
}

func probeService(namespace string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, GenerateName: "fairlead-probe-", Labels: map[string]string{mcs.LabelManagedBy: mcs.ManagedBy},
		},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Ports: []corev1.ServicePort{{Port: 80}}},
	}
}

// nodes reads what the nodes tell of the cluster.
func (d *Description) nodes(nodes []corev1.Node) {
	for i, n := range nodes {
		d.PodRanges = append(d.PodRanges, prefixes(n.Spec.PodCIDRs)...)
		region, zone := n.Labels[corev1.LabelTopologyRegion], n.Labels[corev1.LabelTopologyZone]
		if i == 0 {
			d.Region, d.Zone = region, zone
		}
		if d.Region != region {
			d.Region = ""
		}
		if d.Zone != zone {
			d.Zone = ""
		}
	}
	d.PodRanges = joined(d.PodRanges)
}

func prefixes(texts []string) (out []netip.Prefix) {
	for _, text := range texts {
		if p, err := netip.ParsePrefix(text); err == nil {
			out = append(out, p.Masked())
		}
	}
	return out
}

// joined returns the fewest prefixes that cover the same addresses, in their order.
func joined(all []netip.Prefix) []netip.Prefix {
	slices.SortFunc(all, netip.Prefix.Compare)
	var out []netip.Prefix
	for _, p := range all {
		if n := len(out); n > 0 && out[n-1].Overlaps(p) {
			continue // of the prefixes that overlap, the larger sorts first
		}
		out = append(out, p)
		for n := len(out); n > 1; n = len(out) {
			both, ok := sibling(out[n-2], out[n-1])
			if !ok {
				break
			}
			out = append(out[:n-2], both)
		}
	}
	return out
}

// sibling returns the prefix that consists of exactly two others.
func sibling(a, b netip.Prefix) (netip.Prefix, bool) {
	if a.Bits() != b.Bits() || a.Bits() == 0 || a.Addr().BitLen() != b.Addr().BitLen() || a == b {
		return netip.Prefix{}, false
	}
	up := netip.PrefixFrom(a.Addr(), a.Bits()-1).Masked()
	return up, up.Contains(b.Addr())
}
