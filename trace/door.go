package trace

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/proto"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/xds"
)

// door is a server that the request could be sent to.
type door struct {
	listener *match.Listener
	hosts    *match.Hosts
	// found is the virtual host for the request, by name and domain only; nil if there is none.
	found *match.Host
}

// direct is the way past all gateways: to a service by its clusterset IP, or by its name in clusterset.local. It says whether that is
// the way; the cluster is empty where nobody is at its end.
func (w *walk) direct() (cluster string, past bool) {
	host, port := w.url.Hostname(), cmp.Or(w.url.Port(), schemePorts[w.url.Scheme])
	if ip, err := netip.ParseAddr(host); err == nil {
		l := w.listener("ip/" + net.JoinHostPort(ip.String(), port))
		if l == nil || l.Chains[0].TCP == "" {
			return "", false
		}
		w.answer.Server = &Server{Name: l.Name, Addresses: []string{ip.String()}, TCP: true}
		return l.Chains[0].TCP, true
	}
	name := strings.ToLower(host) + ":" + port
	id, ok := xds.ParseTarget(name)
	if !ok {
		return "", false
	}
	if w.set.Get(xds.ClusterType, id.String()) == nil {
		w.refuse(0, w.noSuchPort(id))
		return "", true
	}
	w.answer.Server = &Server{Name: name, TCP: true}
	return id.String(), true
}

// noSuchPort says which ports a service has, where it has not the one that was asked for.
func (w *walk) noSuchPort(id fleet.GroupID) string {
	prefix, _, _ := strings.Cut(id.String(), ":")
	var ports []string
	for r := range w.set.Under(xds.ClusterType, prefix+":") {
		ports = append(ports, r.Name[len(prefix)+1:])
	}
	if len(ports) == 0 {
		return fmt.Sprintf("there is no service %s with a TCP port", prefix)
	}
	return fmt.Sprintf("%s has no TCP port %d: it has %s", prefix, id.Port, strings.Join(ports, ", "))
}

// listener compiles a published listener; nil if there is none.
func (w *walk) listener(name string) *match.Listener {
	m := &listenerv3.Listener{}
	if !unpack(w.set.Get(xds.ListenerType, name), m) {
		return nil
	}
	l, err := match.CompileListener(m)
	if err != nil {
		return nil
	}
	return l
}

// unpack reads a published resource; false for nil.
func unpack(r *xds.Resource, into proto.Message) bool {
	return r != nil && proto.Unmarshal(r.Body.Value, into) == nil
}

// door chooses the server that is asked.
func (w *walk) door() (door, bool) {
	var doors []door
	for r := range w.set.All(xds.ListenerType) {
		l := w.listener(r.Name)
		if l == nil || l.Chains[0].HTTP == nil || !w.leadsTo(l) {
			continue
		}
		d := door{listener: l, hosts: w.hosts(l.Chains[0].HTTP.Routes)}
		d.found = d.hosts.Find(w.request.Host)
		doors = append(doors, d)
	}
	if len(doors) == 0 {
		w.answer.refuse(0, w.nobodyListens())
		return door{}, false
	}
	slices.SortStableFunc(doors, w.prefer)
	return doors[0], true
}

// leadsTo says whether the URL's scheme, port and address lead to a listener.
func (w *walk) leadsTo(l *match.Listener) bool {
	if (l.Chains[0].TLS != nil) != (w.url.Scheme == "https") {
		return false
	}
	ip, err := netip.ParseAddr(w.url.Hostname())
	return slices.ContainsFunc(l.Addresses, func(a netip.AddrPort) bool {
		return (err != nil || a.Addr() == ip) && (w.url.Port() == "" || w.url.Port() == fmt.Sprint(a.Port()))
	})
}

// prefer puts the scheme's own port first if a rule may match there, then the servers that know the hostname best, then lower ports.
func (w *walk) prefer(a, b door) int {
	return cmp.Or(cmp.Compare(w.rank(a), w.rank(b)), cmp.Compare(a.port(), b.port()))
}

func (d door) port() uint16 { return d.listener.Addresses[0].Port() }

func (w *walk) rank(d door) int {
	switch {
	case d.found == nil || w.ruleless(d.found.Name):
		return 4
	case fmt.Sprint(d.port()) == schemePorts[w.url.Scheme]:
		return 0
	case d.found.Domains[0] == "*":
		return 3
	case strings.HasPrefix(d.found.Domains[0], "*"):
		return 2
	}
	return 1
}

// ruleless says whether a virtual host has no rule: it is there to say 404.
func (w *walk) ruleless(name string) bool {
	id, err := xds.ParseHostID(name)
	if err != nil {
		return false
	}
	v := w.pic.Host(id)
	return v != nil && len(v.Rules) == 0
}

// hosts are the virtual hosts of a route configuration, by their names and domains alone: only the one that is found is compiled.
func (w *walk) hosts(routes string) *match.Hosts {
	hosts := &match.Hosts{}
	for r := range w.set.Under(xds.HostType, routes+"/") {
		if match.ServerOf(r.Name) == routes {
			hosts = hosts.With(&match.Host{Name: r.Name, Domains: []string{r.Name[len(routes)+1:]}})
		}
	}
	return hosts
}

func (w *walk) nobodyListens() string {
	var all []string
	for r := range w.set.All(xds.ListenerType) {
		if l := w.listener(r.Name); l != nil && l.Chains[0].HTTP != nil {
			scheme := "http"
			if l.Chains[0].TLS != nil {
				scheme = "https"
			}
			all = append(all, fmt.Sprintf("%s at %s (%s)", r.Name, l.Addresses[0], scheme))
		}
	}
	if len(all) == 0 {
		return "nothing listens: there is no Gateway that is programmed"
	}
	return fmt.Sprintf("nothing listens for %s://%s: there is %s", w.url.Scheme, w.url.Host, strings.Join(all, ", "))
}

// connect opens the virtual connection: the filter chain for the server name, and its certificate.
func (w *walk) connect(d door) bool {
	l, name := d.listener, w.url.Hostname()
	if _, err := netip.ParseAddr(name); err == nil {
		name = "" // a client sends no server name for an address
	}
	s := &Server{Name: l.Name}
	w.answer.Server = s
	for _, a := range l.Addresses {
		s.Addresses = append(s.Addresses, a.Addr().String())
	}
	chain := l.Chain(name)
	if chain == nil {
		return w.refuse(0, fmt.Sprintf("the TLS handshake fails: no listener serves the name %q", name))
	}
	if chain.TLS == nil {
		return w.normalize(chain)
	}
	s.Listener = chain.Name
	for _, secret := range chain.TLS.Secrets {
		if w.set.Get(xds.SecretType, secret) != nil {
			s.Certificate = secret
			break
		}
	}
	switch {
	case s.Certificate == "":
		return w.refuse(0, "the TLS handshake fails: the listener's certificates are not there")
	case l.Misdirected(name, w.request.Host):
		return w.refuse(421, fmt.Sprintf("the connection is for %s, the request for %s, which another listener serves", name, w.request.Host))
	}
	return w.normalize(chain)
}

// normalize refuses a path that could be read in two ways.
func (w *walk) normalize(chain *match.Chain) bool {
	path, err := match.Normalize(w.request.Path, chain.HTTP.KeepSlashes)
	if err != nil {
		return w.refuse(400, err.Error())
	}
	w.request.Path = path
	return true
}

func (w *walk) refuse(status int, why string) bool {
	w.answer.refuse(status, why)
	return false
}
