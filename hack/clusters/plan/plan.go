// Package plan says which clusters there are and which addresses they have. It is pure: options in, a fleet out, always the same one, so
// that every verb knows the addresses without asking anything that runs.
//
// All clusters hang on one wire, a bridge on this machine, 10.240.0.0/16 and fdfa:1ead::/64. Node k of cluster i is 10.240.i.k there; its pods
// are 10.(240+i).k.0/24, and the services of cluster i are 10.(250+i).0.0/16.
package plan

import (
	"fmt"
	"net/netip"
	"slices"
)

// Names are the clusters in the order in which they come.
var Names = []string{"west", "east", "north", "south"}

// MaxNodes is the largest number of nodes of one cluster.
const MaxNodes = 9

// Options are what a user chooses. They are stored with a running fleet, and a fleet is only ever extended under the same ones.
type Options struct {
	Clusters int    `json:"clusters"`
	Nodes    int    `json:"nodes"`
	Network  string `json:"network"` // flat: pods reach the pods of all clusters; separate: only nodes reach each other
	Overlap  bool   `json:"overlap"` // all clusters use the pod and service ranges of the first
	IP       string `json:"ip"`      // ipv4, ipv6 or dual
}

// Fleet is the plan of all clusters.
type Fleet struct {
	Options
	Clusters []Cluster
}

// Cluster is the plan of one cluster. Lists of addresses and ranges have one member for each IP family, IPv4 first.
type Cluster struct {
	Name     string
	Number   int // from 1
	Nodes    []Node
	Pods     []netip.Prefix
	Services []netip.Prefix
}

// Node is the plan of one node. The first node of a cluster runs its control plane too.
type Node struct {
	Name    string
	Cluster string
	Number  int // from 1
	Addrs   []netip.Addr
	Pods    []netip.Prefix
}

// New returns the plan for the options, or what is wrong with them.
func New(o Options) (Fleet, error) {
	switch {
	case o.Clusters < 1 || o.Clusters > len(Names):
		return Fleet{}, fmt.Errorf("%d clusters: between 1 and %d can be made", o.Clusters, len(Names))
	case o.Nodes < 1 || o.Nodes > MaxNodes:
		return Fleet{}, fmt.Errorf("%d nodes: a cluster has between 1 and %d", o.Nodes, MaxNodes)
	case o.Network != "flat" && o.Network != "separate":
		return Fleet{}, fmt.Errorf("network %q: flat or separate", o.Network)
	case o.IP != "ipv4" && o.IP != "ipv6" && o.IP != "dual":
		return Fleet{}, fmt.Errorf("IP family %q: ipv4, ipv6 or dual", o.IP)
	case o.Overlap && o.Network == "flat":
		return Fleet{}, fmt.Errorf("pod ranges can overlap only where no routes join them: add --network=separate")
	}
	f := Fleet{Options: o}
	for i := range o.Clusters {
		f.Clusters = append(f.Clusters, cluster(o, i+1))
	}
	return f, nil
}

func cluster(o Options, number int) Cluster {
	ranges := number
	if o.Overlap {
		ranges = 1
	}
	c := Cluster{
		Name: Names[number-1], Number: number,
		Pods:     families(o, fmt.Sprintf("10.%d.0.0/16", 240+ranges), fmt.Sprintf("fdfa:1ead:%d::/48", 240+ranges)),
		Services: families(o, fmt.Sprintf("10.%d.0.0/16", 250+ranges), fmt.Sprintf("fdfa:1ead:%d::/112", 250+ranges)),
	}
	for k := range o.Nodes {
		n := Node{
			Name: fmt.Sprintf("%s-%d", c.Name, k+1), Cluster: c.Name, Number: k + 1,
			Pods: families(o, fmt.Sprintf("10.%d.%d.0/24", 240+ranges, k+1), fmt.Sprintf("fdfa:1ead:%d:%d::/64", 240+ranges, k+1)),
		}
		for _, p := range families(o, fmt.Sprintf("10.240.%d.%d/32", number, k+1), fmt.Sprintf("fdfa:1ead::%d:%d/128", number, k+1)) {
			n.Addrs = append(n.Addrs, p.Addr())
		}
		c.Nodes = append(c.Nodes, n)
	}
	return c
}

func families(o Options, v4, v6 string) []netip.Prefix {
	switch o.IP {
	case "ipv4":
		return []netip.Prefix{netip.MustParsePrefix(v4)}
	case "ipv6":
		return []netip.Prefix{netip.MustParsePrefix(v6)}
	}
	return []netip.Prefix{netip.MustParsePrefix(v4), netip.MustParsePrefix(v6)}
}

// Wire is this machine's own addresses on the bridge, each with the range of the whole wire.
func Wire() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("10.240.0.1/16"), netip.MustParsePrefix("fdfa:1ead::1/64")}
}

// Gateway returns this machine's address on the wire in the family of a.
func Gateway(a netip.Addr) netip.Addr {
	w := Wire()
	if a.Is6() {
		return w[1].Addr()
	}
	return w[0].Addr()
}

// Beside is where the nth control plane without nodes is: on loopback, and on the wire in the fleet's first IP family.
func (o Options) Beside(n int) (local, wire netip.Addr) {
	wire = netip.AddrFrom4([4]byte{10, 240, 0, byte(10 + n)})
	if o.IP == "ipv6" {
		wire = netip.MustParseAddr(fmt.Sprintf("fdfa:1ead::%x", 0x10+n))
	}
	return netip.AddrFrom4([4]byte{127, 0, 83, byte(n)}), wire
}

// API is the address of the cluster's API server.
func (c Cluster) API() netip.Addr { return c.Nodes[0].Addrs[0] }

// Server is the URL of the cluster's API server.
func (c Cluster) Server() string { return "https://" + netip.AddrPortFrom(c.API(), 6443).String() }

// APIServices are the cluster IPs of the Service kubernetes.
func (c Cluster) APIServices() []netip.Addr { return c.service(1) }

// DNS are the cluster IPs of the cluster's resolver.
func (c Cluster) DNS() []netip.Addr { return c.service(10) }

func (c Cluster) service(n int) (ips []netip.Addr) {
	for _, p := range c.Services {
		a := p.Addr()
		for range n {
			a = a.Next()
		}
		ips = append(ips, a)
	}
	return ips
}

// Own are the ranges of the cluster's nodes, pods and services: what a cut leaves to it.
func (c Cluster) Own() (own []netip.Prefix) {
	for _, a := range c.Nodes[0].Addrs {
		bits := 24
		if a.Is6() {
			bits = 112
		}
		own = append(own, netip.PrefixFrom(a, bits).Masked())
	}
	return slices.Concat(own, c.Pods, c.Services)
}

// Cluster returns the cluster of that name.
func (f Fleet) Cluster(name string) (Cluster, bool) {
	i := slices.IndexFunc(f.Clusters, func(c Cluster) bool { return c.Name == name })
	if i < 0 {
		return Cluster{}, false
	}
	return f.Clusters[i], true
}

// Route is a way to a range over an address on the wire.
type Route struct {
	To  netip.Prefix
	Via netip.Addr
}

// Routes are what a node needs beside its own links: the pods of the other nodes of its cluster, and in a flat network those of all clusters.
func (f Fleet) Routes(from Node) (routes []Route) {
	for _, c := range f.Clusters {
		for _, n := range c.Nodes {
			if n.Name == from.Name || (c.Name != from.Cluster && f.Network != "flat") {
				continue
			}
			routes = append(routes, n.routes(n.Pods)...)
		}
	}
	return routes
}

// HostRoutes lead from this machine to the pods of all nodes, and to the services of each cluster over its first node. There are none where
// ranges overlap.
func (f Fleet) HostRoutes() (routes []Route) {
	if f.Overlap {
		return nil
	}
	for _, c := range f.Clusters {
		routes = append(routes, c.Nodes[0].routes(c.Services)...)
		for _, n := range c.Nodes {
			routes = append(routes, n.routes(n.Pods)...)
		}
	}
	return routes
}

func (n Node) routes(to []netip.Prefix) (routes []Route) {
	for i, p := range to {
		routes = append(routes, Route{To: p, Via: n.Addrs[i]})
	}
	return routes
}
