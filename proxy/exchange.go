package proxy

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"fairlead.dev/fairlead/match"
)

// exchange is one request with its answer.
type exchange struct {
	*server
	link    *link
	w       *answer
	r       *http.Request
	req     match.Request
	http    *match.HTTP
	host    *match.Host
	route   *match.Route
	share   *match.Share
	began   time.Time
	to      string // the last host tried
	tries   int
	why     string // in the access log: why it was answered here
	upgrade string // the protocol that the client wants, if it may
}

// serve is the handler of every request.
func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	l := r.Context().Value(linkKey{}).(*link)
	x := &exchange{server: s, link: l, r: r, began: time.Now()}
	x.w = &answer{ResponseWriter: w, exchange: x}
	s.proxy.stats.requests.Add(1)
	s.proxy.stats.active.Add(1)
	defer s.proxy.stats.active.Add(-1)
	defer x.end()
	if s.draining.Load() {
		w.Header().Set("Connection", "close") // HTTP/2: net/http makes a GOAWAY of it
	}
	if x.refused() {
		return
	}
	if x.find() {
		x.act()
	}
}

// end closes what every exchange leaves open.
func (x *exchange) end() {
	if c := x.link.strict; c != nil {
		c.resume()
	}
	x.proxy.stats.answered(x.w.code)
	x.logAccess()
}

// refused answers a request that proxy/strict has found malformed.
func (x *exchange) refused() bool {
	c := x.link.strict
	if c == nil || x.r.ProtoMajor != 1 {
		return false
	}
	x.link.requests.Add(1)
	return x.refusedNow()
}

// refusedNow answers if the request that is being served has been found malformed by now.
func (x *exchange) refusedNow() bool {
	c := x.link.strict
	if c == nil || x.r.ProtoMajor != 1 {
		return false
	}
	wrong := c.wrong.Load()
	if wrong == nil || int64(wrong.Request) != x.link.requests.Load() {
		return false
	}
	x.proxy.stats.malformed.Add(1)
	x.w.Header().Set("Connection", "close")
	x.reply(wrong.Code, wrong.Reason)
	return true
}

// find finds the route; false: the request has been answered.
func (x *exchange) find() bool {
	listener := x.listener.Load()
	if listener.Misdirected(x.link.serverName, x.r.Host) && x.link.secure {
		return x.reply(http.StatusMisdirectedRequest, "another connection serves this host")
	}
	chain := listener.Chain(x.link.serverName)
	if chain == nil || chain.HTTP == nil {
		return x.reply(http.StatusMisdirectedRequest, "this listener does not serve HTTP any more")
	}
	x.http = chain.HTTP
	if !x.describe() {
		return false
	}
	if x.host = x.proxy.store.table(chain.HTTP.Routes).hosts.Load().Find(x.r.Host); x.host == nil {
		return x.reply(http.StatusNotFound, "no route for host "+match.Hostname(x.r.Host))
	}
	if x.route = x.host.Match(&x.req); x.route == nil {
		return x.reply(http.StatusNotFound, "no route matches "+x.req.Method+" "+match.Hostname(x.r.Host)+x.req.Path)
	}
	return true
}

var errQuery = errors.New("the query holds a byte that does not belong in a URL")

// describe puts the request into the words of package match.
func (x *exchange) describe() bool {
	target := x.r.RequestURI
	if target == "*" {
		x.w.WriteHeader(http.StatusNoContent)
		return false
	}
	if target != "" && target[0] != '/' {
		_, target, _ = strings.Cut(target, "://")
		if at := strings.IndexAny(target, "/?"); at < 0 {
			target = "/"
		} else if target = target[at:]; target[0] == '?' {
			target = "/" + target
		}
	}
	path, query, _ := strings.Cut(target, "?")
	path, err := match.Normalize(path, x.http.KeepSlashes)
	if err == nil && strings.ContainsFunc(query, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' }) {
		err = errQuery
	}
	if err != nil {
		x.w.Header().Set("Connection", "close")
		return x.reply(http.StatusBadRequest, err.Error())
	}
	if x.r.Method == http.MethodConnect {
		return x.reply(http.StatusNotImplemented, "CONNECT is not served here")
	}
	scheme := "http"
	if x.link.secure {
		scheme = "https"
	}
	x.req = match.Request{Method: x.r.Method, Scheme: scheme, Host: x.r.Host, Path: path, RawQuery: query,
		Header: x.r.Header, Source: x.link.source()}
	x.upgrade = x.wantedUpgrade()
	return true
}

// wantedUpgrade is the protocol that the client wants to change to, where the listener allows it. Any other wish is not heard, as RFC
// 9110 7.8 allows; it never reaches a backend.
func (x *exchange) wantedUpgrade() string {
	c := x.link.strict
	if c == nil || x.r.ProtoMajor != 1 || len(x.r.Header["Upgrade"]) != 1 || !hasToken(x.r.Header["Connection"], "upgrade") {
		return ""
	}
	if p := strings.ToLower(x.r.Header["Upgrade"][0]); slices.Contains(x.http.Upgrades, p) {
		return p
	}
	return ""
}

// act does what the route says.
func (x *exchange) act() {
	if c := x.route.CORS; c != nil && c.Preflight(&x.req, x.w.Header()) {
		x.w.WriteHeader(http.StatusNoContent)
		return
	}
	switch {
	case x.route.Redirect != nil:
		x.w.Header().Set("Location", x.route.Location(&x.req))
		x.finish()
		x.w.WriteHeader(x.route.Redirect.Code)
	case x.route.Respond != nil:
		if x.route.Respond.Body != "" {
			x.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		x.finish()
		x.w.WriteHeader(x.route.Respond.Code)
		_, _ = x.w.Write([]byte(x.route.Respond.Body))
	default:
		x.forward()
	}
}

// finish edits the answer's fields as the route says.
func (x *exchange) finish() {
	h := x.w.Header()
	if x.route.CORS != nil {
		x.route.CORS.Actual(&x.req, h)
	}
	if x.share != nil {
		x.share.Response.Apply(h)
	}
	for i := range x.route.Response {
		x.route.Response[i].Apply(h)
	}
}
