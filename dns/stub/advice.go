package stub

import (
	"fmt"
	"net/netip"
	"strings"
)

// Advice tells a person what to put where, so that a cluster's resolvers lead the zone to Fairlead's servers at an address. Found are
// the resolvers that Find found; none where the cluster has another resolver than CoreDNS.
func Advice(to netip.Addr, found []Resolver) string {
	var b strings.Builder
	for _, r := range found {
		switch {
		case r.Err != nil:
			fmt.Fprintf(&b, "# %s cannot be read: %v\n", r, r.Err)
		case r.Taken != "":
			fmt.Fprintf(&b, "# %s serves %s by something else already: %s\n", r, zone, r.Taken)
		case r.Ours && r.To == to:
			fmt.Fprintf(&b, "# %s has this already.\n", r)
		default:
			fmt.Fprintf(&b, "# Into %s, or by: fairlead dns enable\n", r)
		}
		if !r.Reloads && r.Err == nil && r.Key == "Corefile" {
			fmt.Fprintf(&b, "# It has no plugin reload: its pods must start again to take up a change.\n")
		}
		b.WriteString(Block(to, r.At) + "\n")
	}
	if len(found) == 0 {
		fmt.Fprintf(&b, "# There is no CoreDNS with a ConfigMap kube-system/coredns here. For a CoreDNS elsewhere:\n%s\n", Block(to, Listening{Port: ":53"}))
		fmt.Fprintf(&b, "# For kube-dns, in ConfigMap kube-system/kube-dns:\n#   data: {stubDomains: '{%q: [%q]}'}\n", zone, to)
		fmt.Fprintf(&b, "# For the DNS operator of OpenShift:\n#   oc patch dns.operator/default --type=merge -p '{\"spec\":{\"servers\":[{\"name\":\"fairlead\",\"zones\":[%q],\"forwardPlugin\":{\"upstreams\":[%q]}}]}}'\n", zone, to)
	}
	return b.String()
}
