package check

import (
	"fmt"
	"net/netip"
)

// walked tells where no pod could be sent, so that nothing is known of the paths from there.
func walked(f *Facts) (all []Finding) {
	for _, w := range f.Walks {
		if w.Err != "" {
			all = append(all, one(WARN, "paths", "no pod could look around in "+w.From, w.Err, "name an image that its nodes have or can pull: --image")...)
		}
	}
	return all
}

// paths judges what the pods saw.
func paths(f *Facts) (all []Finding) {
	for _, w := range f.Walks {
		if w.Hub != nil {
			all = append(all, hubPath(w)...)
		}
		for _, p := range w.Paths {
			all = append(all, path(w.From, p)...)
		}
	}
	return all
}

func hubPath(w Walked) []Finding {
	if w.Hub.Error != "" {
		return one(FAIL, "paths", fmt.Sprintf("pods of %s do not reach the hub at %s: %s", w.From, w.Hub.Address, w.Hub.Error),
			"its agent could not write its records there", "give an address that pods reach (--server), and open the way to it")
	}
	return good("paths", fmt.Sprintf("pods of %s reach the hub at %s", w.From, w.Hub.Address))
}

// path judges one way from a pod in a cluster to one in another.
func path(from string, p Path) []Finding {
	way := fmt.Sprintf("from %s to %s (%s)", from, p.To, p.Address)
	switch {
	case p.Error != "":
		return one(FAIL, "paths", "there is no way "+way+": "+p.Error, "the pods of a flat network reach each other",
			"set routes between the clusters' pod ranges and open firewalls, or put them on different networks")
	case p.Large != "":
		return one(FAIL, "mtu", "large packets are lost "+way+": "+p.Large, "connections open, and then hang",
			"lower the MTU of the pods, or let ICMP \"fragmentation needed\" through")
	case p.translated():
		return one(WARN, "snat", fmt.Sprintf("addresses are translated %s: %s arrives as %s", way, p.Local, p.Seen),
			"NetworkPolicies by address, session affinity and logs see the translator instead of the pod",
			"leave the other clusters' pod ranges out of masquerading, as in nonMasqueradeCIDRs of ip-masq-agent")
	}
	what := "pods reach each other " + way + ", large packets too, with their own addresses"
	if p.MTU > 0 && p.MTU < 1500 {
		what += fmt.Sprintf("; path MTU %d", p.MTU)
	}
	return good("paths", what)
}

// translated says whether the other side saw another address than the pod's own.
func (p Path) translated() bool {
	local, err := netip.ParseAddr(p.Local)
	seen, err2 := netip.ParseAddr(p.Seen)
	return err == nil && err2 == nil && local.Unmap() != seen.Unmap()
}
