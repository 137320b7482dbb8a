package dev

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
)

// Announce says what listens where, and three commands to try.
func (f *Fleet) Announce(to io.Writer) {
	all := f.byAddress()
	clusters := "clusters"
	if len(all) == 1 {
		clusters = "cluster"
	}
	_, _ = fmt.Fprintf(to, "%d %s from %s\n\n", len(all), clusters, f.options.Dir)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "  CLUSTER\tWHERE\tGATEWAYS\tDNS\tXDS")
	for _, k := range all {
		_, _ = fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", k.name, k.vantage.Locality, strings.Join(f.gateways(k), " "),
			f.net.Actual(k.at(dnsPort)), f.net.Actual(k.at(xdsPort)))
	}
	_ = w.Flush()
	f.announceShut(to, all)
	if tries := f.tries(); len(tries) > 0 {
		_, _ = fmt.Fprintf(to, "\nTry:\n  %s\n", strings.Join(tries, "\n  "))
	}
}

// toldShut is how many addresses that could not be opened are told one by one.
const toldShut = 3

// announceShut tells which addresses could not be opened.
func (f *Fleet) announceShut(to io.Writer, all []*cluster) {
	var shut []control.Problem
	for _, k := range all {
		shut = append(shut, k.doors.problems()...)
	}
	for _, p := range shut[:min(toldShut, len(shut))] {
		_, _ = fmt.Fprintf(to, "\n%s\n", p.Message)
	}
	if more := len(shut) - toldShut; more > 0 {
		_, _ = fmt.Fprintf(to, "\nAnd %d more addresses: fairlead status%s tells them. So many are taken most likely by another fairlead dev.\n", more, f.socketFlag())
	}
}

// socketFlag is what a verb needs to find the control socket.
func (f *Fleet) socketFlag() string {
	if f.options.Control == control.DefaultPath() {
		return ""
	}
	return " --control " + f.options.Control
}

// gateways returns the addresses of a cluster's Gateways as URLs.
func (f *Fleet) gateways(k *cluster) []string {
	var urls []string
	for s := range k.agent.Picture().Servers() {
		for _, a := range s.Addresses {
			urls = append(urls, scheme(s)+"://"+f.net.Actual(netip.AddrPortFrom(a, s.ID.Port).String()))
		}
	}
	if len(urls) == 0 {
		return []string{"-"}
	}
	return urls
}

func scheme(s *route.Server) string {
	if s.TLS {
		return "https"
	}
	return "http"
}

// tries returns commands that work with what is running: they ask for one service by its route and by its name, and then take its first
// choice away.
func (f *Fleet) tries() []string {
	for _, k := range f.byAddress() {
		pic := k.agent.Picture()
		e, ok := exampleOf(pic)
		if !ok {
			continue
		}
		at := f.net.Actual(netip.AddrPortFrom(e.server.Addresses[0], e.server.ID.Port).String())
		tries := []string{fmt.Sprintf("curl -H 'Host: %s' http://%s%s", e.host, at, e.path)}
		if s := pic.Service(e.service); s != nil && s.Imported != nil {
			dns := netip.MustParseAddrPort(f.net.Actual(k.at(dnsPort)))
			tries = append(tries, fmt.Sprintf("dig @%s -p %d +short %s.%s.svc.clusterset.local",
				dns.Addr(), dns.Port(), e.service.Name, e.service.Namespace))
		}
		return append(tries, fmt.Sprintf("fairlead drain%s %s   # and then the first one again", f.socketFlag(), k.name))
	}
	return nil
}

// byAddress returns the clusters in the order of their addresses, which is that in which people number them.
func (f *Fleet) byAddress() []*cluster {
	all := f.all()
	slices.SortStableFunc(all, func(a, b *cluster) int { return a.address.Compare(b.address) })
	return all
}

// example is a clear-text URL and the service behind it.
type example struct {
	server     *route.Server
	host, path string
	service    fleet.Name
	rank       int // how much it shows: 2 for a service that the own cluster and others export, 1 for any of the clusterset
}

// exampleOf finds the URL that shows most; of equal ones, the first by path.
func exampleOf(pic *picture.Picture) (best example, found bool) {
	for h := range pic.Hosts() {
		s := pic.Server(h.ID.Server)
		if s == nil || s.TLS || len(s.Addresses) == 0 || strings.Contains(h.ID.Hostname, "*") {
			continue
		}
		for _, r := range h.Rules {
			plain := r.Match.Path != route.Regex && r.Match.Method == "" && len(r.Match.Headers)+len(r.Match.Query) == 0
			if !plain || len(r.Backends) != 1 || r.Backends[0].Invalid {
				continue
			}
			e := example{server: s, host: h.ID.Hostname, path: r.Match.Value, service: r.Backends[0].Group.Service}
			e.rank = rank(pic, r.Backends[0].Group)
			if !found || e.rank > best.rank || e.rank == best.rank && e.path < best.path {
				best, found = e, true
			}
		}
	}
	return best, found
}

func rank(pic *picture.Picture, g fleet.GroupID) int {
	s := pic.Service(g.Service)
	switch {
	case g.Kind != fleet.Import || s == nil:
		return 0
	case len(s.Exporters) > 1 && s.ExportedBy(pic.Vantage().Name):
		return 2
	}
	return 1
}
