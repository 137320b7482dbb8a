package plan

import (
	"net/netip"
	"slices"
	"testing"
)

func options(change func(*Options)) Options {
	o := Options{Clusters: len(Names), Nodes: MaxNodes, Network: "flat", IP: "dual"}
	change(&o)
	return o
}

func TestOptionsThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no clusters":          func(o *Options) { o.Clusters = 0 },
		"too many clusters":    func(o *Options) { o.Clusters = 5 },
		"no nodes":             func(o *Options) { o.Nodes = 0 },
		"too many nodes":       func(o *Options) { o.Nodes = MaxNodes + 1 },
		"unknown network":      func(o *Options) { o.Network = "round" },
		"unknown family":       func(o *Options) { o.IP = "ipx" },
		"overlap without wall": func(o *Options) { o.Overlap = true },
	} {
		if _, err := New(options(change)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNoRangeHoldsAnother(t *testing.T) {
	f, err := New(options(func(*Options) {}))
	if err != nil {
		t.Fatal(err)
	}
	var ranges []netip.Prefix
	for _, w := range Wire() {
		ranges = append(ranges, netip.PrefixFrom(w.Addr(), w.Addr().BitLen()))
	}
	for n := range 200 {
		_, wire := f.Beside(n + 1)
		ranges = append(ranges, netip.PrefixFrom(wire, 32))
	}
	for _, c := range f.Clusters {
		ranges = append(ranges, c.Services...)
		for _, n := range c.Nodes {
			ranges = append(ranges, n.Pods...)
			for _, a := range n.Addrs {
				ranges = append(ranges, netip.PrefixFrom(a, a.BitLen()))
			}
		}
	}
	for i, a := range ranges {
		for _, b := range ranges[i+1:] {
			if a.Overlaps(b) {
				t.Errorf("%v and %v overlap", a, b)
			}
		}
	}
}

func TestAddressesLieInTheirRanges(t *testing.T) {
	f, err := New(options(func(*Options) {}))
	if err != nil {
		t.Fatal(err)
	}
	in := func(what string, a netip.Addr, ranges []netip.Prefix) {
		if !slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(a) }) {
			t.Errorf("%s %v is not in %v", what, a, ranges)
		}
	}
	for _, c := range f.Clusters {
		for _, a := range slices.Concat(c.DNS(), c.APIServices()) {
			in("service", a, c.Services)
		}
		for _, n := range c.Nodes {
			for i, a := range n.Addrs {
				in("node", a, Wire())
				in("node", a, c.Own())
				in("pods", n.Pods[i].Addr(), c.Pods)
			}
		}
	}
}

func TestRoutesJoinAllPodsOfAFlatNetworkOnly(t *testing.T) {
	for _, test := range []struct {
		network       string
		overlap       bool
		own, all, top int // routes of one node within its cluster, in all, and of this machine
	}{
		{"flat", false, 1, 5, 3 + 6},
		{"separate", false, 1, 1, 3 + 6},
		{"separate", true, 1, 1, 0},
	} {
		f, err := New(Options{Clusters: 3, Nodes: 2, Network: test.network, Overlap: test.overlap, IP: "ipv4"})
		if err != nil {
			t.Fatal(err)
		}
		n := f.Clusters[0].Nodes[0]
		routes := f.Routes(n)
		if len(routes) != test.all {
			t.Errorf("%s: %d routes, want %d", test.network, len(routes), test.all)
		}
		for _, r := range routes {
			if r.Via == n.Addrs[0] {
				t.Errorf("%s: a route of %s leads to itself", test.network, n.Name)
			}
		}
		if top := f.HostRoutes(); len(top) != test.top {
			t.Errorf("%s: %d routes of this machine, want %d", test.network, len(top), test.top)
		}
	}
}

func TestAFleetGrowsWithoutMoving(t *testing.T) {
	small, err := New(options(func(o *Options) { o.Clusters, o.Nodes = 1, 1 }))
	if err != nil {
		t.Fatal(err)
	}
	large, err := New(options(func(*Options) {}))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := small.Clusters[0].Nodes[0], large.Clusters[0].Nodes[0]; !slices.Equal(a.Addrs, b.Addrs) || !slices.Equal(a.Pods, b.Pods) {
		t.Errorf("%v became %v", a, b)
	}
}
