// Package wire joins the nodes of all clusters: the bridge, each node's link to it, routes, and the packet filters that cut a cluster off.
// Rules is pure; everything else runs ip and nft.
package wire

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"fairlead.dev/fairlead/hack/clusters/plan"
)

// Cut is something that a cluster's nodes do not let through. Packets are dropped without a word, as by a dead network, also those of
// connections that exist. The cluster itself and this machine are never cut off.
type Cut struct {
	From string     `json:"from,omitempty"` // packets that come from this cluster; none of From and Hub: all to and from all others
	Hub  string     `json:"hub,omitempty"`  // packets to and from an API server: its name
	API  netip.Addr `json:"api,omitzero"`   // and its address
}

func (c Cut) String() string {
	switch {
	case c.Hub != "":
		return "cut from the API of " + c.Hub
	case c.From != "":
		return "hears nothing from " + c.From
	}
	return "cut off"
}

// Rules is the nftables program of each node of a cluster. It replaces the one before as a whole.
func Rules(f plan.Fleet, c plan.Cluster, cuts []Cut) string {
	var arrive, leave, forward, masquerade []string
	for _, cut := range cuts {
		switch {
		case cut.Hub != "":
			arrive = append(arrive, fmt.Sprintf("%s saddr %s tcp sport 6443 drop", family(cut.API), cut.API))
			leave = append(leave, fmt.Sprintf("%s daddr %s tcp dport 6443 drop", family(cut.API), cut.API))
		case cut.From != "":
			if other, ok := f.Cluster(cut.From); ok {
				arrive = append(arrive, match("saddr", "", seen(f, other), "drop")...)
			}
		default:
			arrive = append(arrive, match("saddr", "!= ", near(c), "drop")...)
			leave = append(leave, match("daddr", "!= ", near(c), "drop")...)
		}
	}
	if f.Network == "separate" {
		for _, p := range c.Pods {
			masquerade = append(masquerade, fmt.Sprintf("%[1]s saddr %[2]s %[1]s daddr != %[2]s masquerade", family(p.Addr()), p))
		}
		// Answers come back, and what was sent to a node's port may go on to a pod.
		forward = append([]string{"ct state established,related accept", "ct status dnat accept"}, match("saddr", "!= ", near(c), "drop")...)
	}
	var text strings.Builder
	text.WriteString("table inet fairlead\ndelete table inet fairlead\ntable inet fairlead {\n")
	chain(&text, "arrive", "filter hook prerouting priority -310", `iifname "eth0" `, arrive)
	chain(&text, "forward", "filter hook forward priority 0", `iifname "eth0" `, forward)
	chain(&text, "translate", "nat hook postrouting priority 90", `oifname "eth0" `, masquerade)
	chain(&text, "leave", "filter hook postrouting priority 310", `oifname "eth0" `, leave)
	text.WriteString("}\n")
	return text.String()
}

func chain(text *strings.Builder, name, hook, where string, rules []string) {
	if len(rules) == 0 {
		return
	}
	fmt.Fprintf(text, "  chain %s {\n    type %s;\n", name, hook)
	for _, r := range rules {
		fmt.Fprintf(text, "    %s%s\n", where, r)
	}
	text.WriteString("  }\n")
}

// near is all that a cut leaves to a cluster: its own ranges, this machine, and what neighbours need to find each other.
func near(c plan.Cluster) []netip.Prefix {
	ranges := c.Own()
	for _, w := range plan.Wire() {
		ranges = append(ranges, netip.PrefixFrom(w.Addr(), w.Addr().BitLen()))
	}
	return append(ranges, netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"))
}

// seen are the addresses from which a cluster's packets come to others.
func seen(f plan.Fleet, c plan.Cluster) []netip.Prefix {
	if f.Network == "flat" {
		return c.Own()
	}
	return c.Own()[:len(c.Nodes[0].Addrs)]
}

// match returns a rule for each IP family.
func match(side, not string, ranges []netip.Prefix, verdict string) (rules []string) {
	for _, v6 := range []bool{false, true} {
		var words []string
		for _, r := range ranges {
			if r.Addr().Is6() == v6 {
				words = append(words, r.String())
			}
		}
		slices.Sort(words)
		if len(words) > 0 {
			name := "ip"
			if v6 {
				name = "ip6"
			}
			rules = append(rules, fmt.Sprintf("%s %s %s{ %s } %s", name, side, not, strings.Join(words, ", "), verdict))
		}
	}
	return rules
}

func family(a netip.Addr) string {
	if a.Is6() {
		return "ip6"
	}
	return "ip"
}
