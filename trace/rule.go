package trace

import (
	"fmt"
	"net/http"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/xds"
)

// host compiles the virtual host.
func (w *walk) host(d door) (*match.Host, bool) {
	if d.found == nil || w.ruleless(d.found.Name) {
		return nil, w.refuse(404, "no route has the hostname "+match.Hostname(w.request.Host))
	}
	m := &routev3.VirtualHost{}
	unpack(w.set.Get(xds.HostType, d.found.Name), m)
	host, err := match.CompileHost(m)
	if err != nil {
		return nil, w.refuse(404, "the virtual host is not taken by the proxy: "+err.Error())
	}
	w.answer.Host = d.found.Domains[0]
	if id, err := xds.ParseHostID(host.Name); err == nil && w.answer.Server.Listener == "" {
		if v := w.pic.Host(id); v != nil {
			w.answer.Server.Listener = v.Listener
		}
	}
	return host, true
}

// rule asks each rule in turn.
func (w *walk) rule(host *match.Host) (*match.Route, bool) {
	a := w.answer
	a.Rules = len(host.Routes)
	r, lost := host.Explain(w.request)
	for _, miss := range lost {
		a.Lost = append(a.Lost, Lost{Rule: miss.Route.Name, Match: miss.Route.String(), Why: miss.Why})
	}
	if r == nil {
		return nil, w.refuse(404, fmt.Sprintf("no rule of %s matches", a.Host))
	}
	a.Rule = &Rule{Name: r.Name, Match: r.String()}
	return r, true
}

// answered says whether the gateway answers by itself: a preflight, a redirect or a fixed answer.
func (w *walk) answered(r *match.Route) bool {
	a := w.answer
	if r.CORS != nil {
		out := http.Header{}
		if r.CORS.Preflight(w.request, out) {
			a.filter("cors: " + allowed(out))
			a.finish(200, "the gateway answers the preflight")
			return true
		}
		r.CORS.Actual(w.request, out)
		a.filter("cors: " + allowed(out))
	}
	switch {
	case r.Redirect != nil:
		a.Location = r.Location(w.request)
		a.finish(r.Redirect.Code, "redirected to "+a.Location)
		return true
	case r.Respond != nil && r.Respond.Code == 500 && r.Respond.Body == "":
		a.finish(500, "the rule has no backend that can be used")
		return true
	case r.Respond != nil:
		a.finish(r.Respond.Code, "the gateway answers by itself")
		return true
	}
	return false
}

func allowed(out http.Header) string {
	if origin := out.Get("Access-Control-Allow-Origin"); origin != "" {
		return "origin " + origin + " is allowed"
	}
	return "no origin is allowed"
}

// backend draws one of the rule's backends by weight.
func (w *walk) backend(r *match.Route) *match.Share {
	a, f := w.answer, r.Forward
	share := f.Choose(w.random.Uint64())
	for i := range f.Shares {
		s := &f.Shares[i]
		a.Backends = append(a.Backends, Backend{Group: s.Cluster, Percent: f.Percent(s), Chosen: s == share})
	}
	for i := range f.Mirrors {
		m := &f.Mirrors[i]
		a.filter(fmt.Sprintf("mirror %s to %s", percent(100*float64(m.Numerator)/float64(m.Denominator)), m.Cluster))
	}
	if share == nil {
		w.refuse(f.NotFound, "no backend has a weight")
	}
	return share
}

// forwardFilters lists what is changed on the way to the backend and back, and the bounds that hold.
func (w *walk) forwardFilters(r *match.Route, share *match.Share) {
	a, f := w.answer, r.Forward
	host, path := r.Target(w.request, share)
	if host != w.request.Host {
		a.filter("host := " + host)
	}
	if path != w.request.Path {
		a.filter("path " + w.request.Path + " -> " + path)
	}
	for _, e := range append([]match.Edit{share.Request}, r.Request...) {
		for _, s := range e.Strings() {
			a.filter("request: " + s)
		}
	}
	for _, e := range append([]match.Edit{share.Response}, r.Response...) {
		for _, s := range e.Strings() {
			a.filter("response: " + s)
		}
	}
	if f.Timeout > 0 {
		a.filter("timeout " + f.Timeout.String())
	}
	if f.Retry != nil && f.Retry.TryTimeout > 0 {
		a.filter("timeout of each try " + f.Retry.TryTimeout.String())
	}
	if f.Retry != nil && len(f.Retry.Codes) > 0 {
		a.filter(fmt.Sprintf("retry up to %d times on %s", f.Retry.Retries, joinInts(f.Retry.Codes)))
	}
}
