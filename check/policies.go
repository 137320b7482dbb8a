package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"fairlead.dev/fairlead/manifest"
)

// flow is traffic that Fairlead needs.
type flow struct {
	app      string // label app of the pods in Fairlead's namespace
	egress   bool
	port     int
	protocol corev1.Protocol
	// outside says that the other end is not in this cluster: only addresses select it, or nothing.
	outside bool
	what    string
	why     string
}

var flows = []flow{
	{manifest.AgentName, false, manifest.PortBeacon, corev1.ProtocolTCP, true, "probes of other clusters do not reach the beacons", "the others hold this cluster for lost, and send it nothing"},
	{manifest.AgentName, false, manifest.PortPeers, corev1.ProtocolTCP, false, "the agent's replicas do not hear each other", "each judges other clusters alone"},
	{manifest.AgentName, true, manifest.PortBeacon, corev1.ProtocolTCP, true, "the agent does not reach the beacons of other clusters", "it holds all of them for lost"},
	{manifest.AgentName, true, 443, corev1.ProtocolTCP, false, "the agent does not reach the API servers", "it can neither read this cluster nor write to the hub"},
	{manifest.DNSName, false, manifest.PortDNS, corev1.ProtocolUDP, false, "the cluster's resolver does not reach Fairlead's DNS servers", "no name of the clusterset resolves"},
	{manifest.DNSName, true, 443, corev1.ProtocolTCP, false, "the DNS servers do not reach the API server", "they learn of no name"},
}

// policies tells which of the flows NetworkPolicies are in the way of.
func policies(f *Facts) (all []Finding) {
	for _, l := range flows {
		if by := f.blocked(l); len(by) > 0 {
			all = append(all, one(FAIL, "policies", l.what+" ("+strings.Join(by, ", ")+")", l.why,
				"allow it, or install with the policies that do: fairlead manifest agent --network-policy")...)
		}
	}
	if len(all) == 0 {
		return good("policies", "no NetworkPolicy is in the way of agents, beacons and DNS servers")
	}
	return all
}

// blocked returns the policies that select the pods of a flow where none of them allows it. No policy: everything is allowed. API
// servers have ports of all kinds, so that for them any rule that selects an outside at all is taken for one.
func (f *Facts) blocked(l flow) (by []string) {
	pods := labels.Set{"app": l.app}
	for i := range f.Cluster.Policies {
		p := &f.Cluster.Policies[i]
		if p.Namespace != manifest.Namespace || !selects(p.Spec.PodSelector, pods) || !concerns(p, l.egress) {
			continue
		}
		by = append(by, "NetworkPolicy "+p.Name)
		for _, r := range rulesOf(p, l.egress) {
			apiServer := l.egress && l.port == 443
			if (apiServer || opens(r.ports, l)) && (!l.outside && !apiServer || reaches(r.peers, f.outside())) {
				return nil
			}
		}
	}
	return by
}

// outside returns the pod ranges of the other members.
func (f *Facts) outside() (all []netip.Prefix) {
	for _, m := range f.others() {
		all = append(all, prefixes(m.Status.PodRanges)...)
	}
	return all
}

// rule is one rule of a policy, of either direction.
type rule struct {
	ports []networkingv1.NetworkPolicyPort
	peers []networkingv1.NetworkPolicyPeer
}

func rulesOf(p *networkingv1.NetworkPolicy, egress bool) (all []rule) {
	if egress {
		for _, r := range p.Spec.Egress {
			all = append(all, rule{r.Ports, r.To})
		}
		return all
	}
	for _, r := range p.Spec.Ingress {
		all = append(all, rule{r.Ports, r.From})
	}
	return all
}

// concerns says whether a policy isolates its pods in a direction. Without types it does so for ingress, and for egress if it has
// rules for that.
func concerns(p *networkingv1.NetworkPolicy, egress bool) bool {
	if len(p.Spec.PolicyTypes) == 0 {
		return !egress || len(p.Spec.Egress) > 0
	}
	if egress {
		return slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	}
	return slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
}

func selects(s metav1.LabelSelector, pods labels.Set) bool {
	selector, err := metav1.LabelSelectorAsSelector(&s)
	return err == nil && selector.Matches(pods)
}

// opens says whether the ports of a rule have that of a flow among them. Names are taken for it: what they mean stands in pods.
func opens(ports []networkingv1.NetworkPolicyPort, l flow) bool {
	if len(ports) == 0 {
		return true
	}
	return slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool {
		if p.Protocol != nil && *p.Protocol != l.protocol || p.Protocol == nil && l.protocol != corev1.ProtocolTCP {
			return false
		}
		if p.Port == nil || p.Port.Type == intstr.String {
			return true
		}
		last := p.Port.IntVal
		if p.EndPort != nil {
			last = *p.EndPort
		}
		return int(p.Port.IntVal) <= l.port && l.port <= int(last)
	})
}

// reaches says whether the peers of a rule have all of some ranges outside of the cluster among them. Pods of other clusters are
// selected by address only. Where no ranges are known any block is taken for them.
func reaches(peers []networkingv1.NetworkPolicyPeer, ranges []netip.Prefix) bool {
	if len(peers) == 0 {
		return true
	}
	var blocks []*networkingv1.IPBlock
	for _, p := range peers {
		if p.IPBlock != nil {
			blocks = append(blocks, p.IPBlock)
		}
	}
	if len(blocks) == 0 {
		return false
	}
	for _, r := range ranges {
		if !slices.ContainsFunc(blocks, func(b *networkingv1.IPBlock) bool { return contains(b, r) }) {
			return false
		}
	}
	return true
}

func contains(b *networkingv1.IPBlock, r netip.Prefix) bool {
	whole, err := netip.ParsePrefix(b.CIDR)
	if err != nil || whole.Bits() > r.Bits() || !whole.Contains(r.Addr()) {
		return false
	}
	return !slices.ContainsFunc(prefixes(b.Except), func(e netip.Prefix) bool { return e.Overlaps(r) })
}

// exportPolicies warns of policies in namespaces with exports that let in only pods of this cluster: calls from other clusters come
// from addresses that no pod selector matches.
func exportPolicies(f *Facts) (all []Finding) {
	closed := map[string][]string{}
	for i := range f.Cluster.Policies {
		p := &f.Cluster.Policies[i]
		if p.Namespace == manifest.Namespace || !concerns(p, false) {
			continue
		}
		open := slices.ContainsFunc(rulesOf(p, false), func(r rule) bool { return reaches(r.peers, f.outside()) })
		if !open {
			closed[p.Namespace] = append(closed[p.Namespace], p.Name)
		}
	}
	namespaces := make([]string, 0, len(closed))
	for ns := range closed {
		namespaces = append(namespaces, ns)
	}
	slices.Sort(namespaces)
	for _, ns := range namespaces {
		slices.Sort(closed[ns])
		all = append(all, one(WARN, "policies", fmt.Sprintf("namespace %s exports services, and lets in only pods of this cluster (NetworkPolicy %s)", ns, strings.Join(closed[ns], ", ")),
			"pods of other clusters are known by their addresses alone", "allow the pod ranges of the other clusters by an ipBlock, if they are to call")...)
	}
	return all
}
