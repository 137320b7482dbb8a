package check

import (
	"fmt"
	"net/netip"
	"strings"
)

// ranges compares the cluster's address ranges with those of the clusters on its network. Ranges of services overlap each other without
// harm, since they mean nothing outside of their cluster; pods must be told from everything.
func ranges(f *Facts) (all []Finding) {
	own := f.Cluster
	all = append(all, ownRanges(own)...)
	others, unknown := f.neighbours(), []string{}
	for _, n := range others {
		if len(n.PodRanges) == 0 {
			unknown = append(unknown, n.Name)
		}
		all = append(all, clash(own.PodRanges, n.PodRanges, n.Name, "pod range", "pod range",
			"a packet to such an address can be for either cluster, so that none of their endpoints can be reached from the other")...)
		all = append(all, clash(own.PodRanges, n.ServiceRanges, n.Name, "pod range", "service range",
			"from "+n.Name+" such a pod cannot be reached, because its kube-proxy takes the address for a service")...)
		all = append(all, clash(own.ServiceRanges, n.PodRanges, n.Name, "service range", "pod range",
			"from here such a pod of "+n.Name+" cannot be reached, because kube-proxy takes the address for a service")...)
	}
	if len(unknown) > 0 {
		all = append(all, one(WARN, "ranges", "the pod ranges of "+strings.Join(unknown, ", ")+" are not known",
			"whether they overlap with those of this cluster cannot be told", "compare them by hand")...)
	}
	switch {
	case len(all) > 0:
		return all
	case len(others) == 0:
		return good("ranges", fmt.Sprintf("the pods are in %s; there is no other cluster to compare that with", text(own.PodRanges)))
	}
	return good("ranges", fmt.Sprintf("the pod ranges %s overlap with nothing of the %s on this network", text(own.PodRanges), plural(len(others), "other cluster")))
}

func ownRanges(own Cluster) (all []Finding) {
	if len(own.PodRanges) == 0 {
		return one(WARN, "ranges", "the pod ranges of this cluster are not known, because its nodes do not tell them",
			"whether they overlap with those of other clusters cannot be told", "compare them by hand")
	}
	for _, p := range own.PodRanges {
		for _, s := range own.ServiceRanges {
			if p.Overlaps(s) {
				all = append(all, one(FAIL, "ranges", fmt.Sprintf("the pod range %s overlaps with the service range %s of this very cluster", p, s),
					"such pods cannot be reached", "give the cluster other ranges")...)
			}
		}
	}
	return all
}

func clash(own, theirs []netip.Prefix, name, what, other, why string) (all []Finding) {
	for _, a := range own {
		for _, b := range theirs {
			if a.Overlaps(b) {
				all = append(all, one(FAIL, "ranges", fmt.Sprintf("the %s %s overlaps with the %s %s of %s", what, a, other, b, name), why,
					"give one of them another range, or another network: fairlead join --network")...)
			}
		}
	}
	return all
}

// prefixes reads ranges, leaving out what is none.
func prefixes(texts []string) (all []netip.Prefix) {
	for _, t := range texts {
		if p, err := netip.ParsePrefix(t); err == nil {
			all = append(all, p.Masked())
		}
	}
	return all
}

func text(ranges []netip.Prefix) string {
	var words []string
	for _, r := range ranges {
		words = append(words, r.String())
	}
	return strings.Join(words, ", ")
}

// plural returns "1 member", "2 members".
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
