package route

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// anyHost is the hostname of a listener or a route that names none.
const anyHost = "*"

// Owner returns the listener that a hostname belongs to: the most specific one that covers it. The hostname may itself be a
// wildcard. All listeners must be of one server. Requests for a hostname are routed by its owner's routes only
// (GatewayHTTPListenerIsolation).
func Owner(listeners []Listener, hostname string) (Listener, bool) {
	var owner Listener
	found := false
	for _, l := range listeners {
		if covers(l.Hostname, hostname) && (!found || CompareHostnames(l.Hostname, owner.Hostname) < 0) {
			owner, found = l, true
		}
	}
	return owner, found
}

// Covering returns the hostname and the wildcards that cover it, most specific first, "*" last.
func Covering(hostname string) []string {
	if hostname == anyHost {
		return []string{anyHost}
	}
	all := []string{hostname}
	rest := strings.TrimPrefix(hostname, "*.")
	for {
		_, parent, ok := strings.Cut(rest, ".")
		if !ok {
			return append(all, anyHost)
		}
		all = append(all, "*."+parent)
		rest = parent
	}
}

// CompareHostnames orders hostnames by precedence: exact ones, then wildcards, then "*"; longer ones first, and those of one
// length by the alphabet. Of two hostnames that cover one host, the longer is also the one with more labels.
func CompareHostnames(a, b string) int {
	if a == b {
		return 0
	}
	return cmp.Or(
		cmp.Compare(wildness(a), wildness(b)),
		cmp.Compare(len(b), len(a)),
		cmp.Compare(a, b),
	)
}

func wildness(hostname string) int {
	switch {
	case hostname == anyHost:
		return 2
	case strings.HasPrefix(hostname, "*."):
		return 1
	}
	return 0
}

// covers says whether every host that hostname stands for is one that pattern stands for. "*.example.com" covers
// foo.bar.example.com, not example.com.
func covers(pattern, hostname string) bool {
	if pattern == anyHost || pattern == hostname {
		return true
	}
	suffix, wild := strings.CutPrefix(pattern, "*")
	return wild && len(hostname) > len(suffix) && strings.HasSuffix(hostname, suffix)
}

// meeting is a hostname on which a listener and a route meet.
type meeting struct {
	host  string // what both cover
	wrote string // the route's own hostname, "*" where it names none
}

// meet returns the hostnames on which a listener and a route meet. A route's hostname that covers the listener's becomes the listener's;
// one that does not meet it is left out; of several that meet in one, the most specific counts. None: the route cannot be attached there.
func meet(listener string, hostnames []gatewayv1.Hostname) []meeting {
	if len(hostnames) == 0 {
		return []meeting{{host: listener, wrote: anyHost}}
	}
	var met []meeting
	for _, h := range hostnames {
		m := meeting{host: string(h), wrote: string(h)}
		switch {
		case covers(listener, m.wrote):
		case covers(m.wrote, listener):
			m.host = listener
		default:
			continue
		}
		i := slices.IndexFunc(met, func(o meeting) bool { return o.host == m.host })
		switch {
		case i < 0:
			met = append(met, m)
		case CompareHostnames(m.wrote, met[i].wrote) < 0:
			met[i] = m
		}
	}
	return met
}

// checkHostname checks a Hostname of the API: lower-case DNS name, no IP address, with wildcard also "*." and a name.
func checkHostname(hostname string, wildcard bool) problems {
	name := hostname
	if rest, ok := strings.CutPrefix(hostname, "*."); ok && wildcard {
		name = rest
	}
	_, notIP := netip.ParseAddr(name)
	switch {
	case hostname == anyHost && wildcard:
		return unsupported("", `is "*"; leave the hostname out to match every host`)
	case notIP == nil:
		return unsupported("", "is the IP address %s; write a DNS name", name)
	case name != strings.ToLower(name):
		return unsupported("", "is %q; write it in lower case", hostname)
	case strings.HasSuffix(name, "."):
		return unsupported("", "is %q; leave the last dot out", hostname)
	case strings.Contains(name, ":"):
		return unsupported("", "is %q; leave the scheme and the port out", hostname)
	case strings.Contains(name, "*"):
		return unsupported("", "is %q; %s", hostname, wildcardRemedy(wildcard))
	case !isDNSName(name):
		return unsupported("", `is %q, which is not a DNS name; write labels of a-z, 0-9 and "-" joined by dots`, hostname)
	}
	return nil
}

func wildcardRemedy(allowed bool) string {
	if allowed {
		return `the wildcard is only allowed as the whole first label, as in "*.example.com"`
	}
	return "a wildcard is not allowed here; write one name"
}
