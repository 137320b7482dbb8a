// Package trace sends a virtual request through a compiled picture and tells what it meets: the server and its certificate, the virtual
// host, each rule and why it lost, the filters, the backends with their shares, the tiers, and the endpoint with why the others lost.
//
// In go a picture and the xDS resources that were published from it; out comes an Answer, as data and as text. Every decision is asked
// of package match, compiled from the very resources that the proxy gets, so the two cannot disagree. What a single data plane has
// found out by itself (a failed health check, an ejected endpoint) is not known here: the answer is that of one with no opinion.
//
// Random choices are drawn from the request's seed: equal questions have equal answers.
//
// Start with Request.
package trace

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/xds"
)

// Virtual is a request that is not sent.
type Virtual struct {
	Method string // GET when empty
	// URL is absolute. Its port says which server is asked; without one, the scheme's own port if a rule may match there, else the server
	// that knows the hostname best. Its host may be an address: then a Host header says which hostname is meant.
	URL    string
	Header http.Header
	Source netip.Addr
	Seed   uint64
}

// View is what trace reads of a picture beyond the published resources: words for people. *picture.Picture is one.
type View interface {
	Vantage() picture.Vantage
	Host(route.HostID) *route.VirtualHost
	Group(fleet.GroupID) *fleet.Group
}

// Request tells the way of a request through the resources in set, which were made from pic.
func Request(pic View, set *xds.Set, v Virtual) *Answer {
	if v.Method == "" {
		v.Method = http.MethodGet
	}
	a := &Answer{From: pic.Vantage().Name, Method: v.Method, URL: v.URL}
	w := &walk{pic: pic, set: set, answer: a, random: rand.New(rand.NewPCG(v.Seed, 0))}
	u, err := parseURL(v.URL)
	if err != nil {
		return a.refuse(0, err.Error())
	}
	w.url = u
	header := canonical(v.Header)
	w.request = &match.Request{
		Method: v.Method, Scheme: u.Scheme, Host: u.Host, Path: u.EscapedPath(), RawQuery: u.RawQuery,
		Header: header, Source: v.Source,
	}
	if h := header.Get("Host"); h != "" {
		w.request.Host = h
	}
	if w.request.Path == "" {
		w.request.Path = "/"
	}
	w.steps()
	return a
}

// walk is one request under way.
type walk struct {
	pic     View
	set     *xds.Set
	answer  *Answer
	random  *rand.Rand
	url     *url.URL
	request *match.Request
}

// steps takes the steps in the order in which the proxy takes them; each says whether there is a next one.
func (w *walk) steps() {
	if cluster, past := w.direct(); past {
		if cluster != "" {
			w.cluster(cluster, nil)
		}
		return
	}
	door, ok := w.door()
	if !ok || !w.connect(door) {
		return
	}
	host, ok := w.host(door)
	if !ok {
		return
	}
	r, ok := w.rule(host)
	if !ok || w.answered(r) {
		return
	}
	if share := w.backend(r); share != nil {
		w.forwardFilters(r, share)
		w.cluster(share.Cluster, r.Forward)
	}
}

// canonical is a copy with the names as net/http writes them, however they were typed.
func canonical(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		for _, v := range values {
			out.Add(name, v)
		}
	}
	return out
}

func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not a URL: write http://HOST/PATH or https://HOST/PATH", s)
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "ws":
		u.Scheme = "http"
	case "https", "wss":
		u.Scheme = "https"
	default:
		return nil, fmt.Errorf("%q is not a URL that can be traced: write http://HOST/PATH or https://HOST/PATH", s)
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("the URL %q names no host: write %s://HOST/PATH", s, u.Scheme)
	}
	return u, nil
}

var schemePorts = map[string]string{"http": "80", "https": "443"}
