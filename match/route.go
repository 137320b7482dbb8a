package match

import (
	"errors"
	"fmt"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// Route is a compiled route. Exactly one of Forward, Redirect and Respond is set.
type Route struct {
	Name string

	Forward  *Forward
	Redirect *Redirect
	Respond  *Respond
	CORS     *CORS // nil: none

	// Request and Response are the edits of the route and then of its virtual host. Those of the chosen Share come before them.
	Request, Response []Edit

	path    pathMatch
	headers []keyMatch
	query   []keyMatch
}

// Respond answers at once.
type Respond struct {
	Code int
	Body string
}

// shared is what a virtual host gives to each of its routes.
type shared struct {
	request, response Edit
	cors              *CORS
	retry             *Retry
	mirrors           []Mirror
}

func compileShared(vh *routev3.VirtualHost) (s shared, err error) {
	if s.request, err = compileEdit(vh.GetRequestHeadersToAdd(), vh.GetRequestHeadersToRemove()); err != nil {
		return s, fmt.Errorf("request headers: %w", err)
	}
	if s.response, err = compileEdit(vh.GetResponseHeadersToAdd(), vh.GetResponseHeadersToRemove()); err != nil {
		return s, fmt.Errorf("response headers: %w", err)
	}
	if s.cors, err = compileFilters(vh.GetTypedPerFilterConfig()); err != nil {
		return s, err
	}
	if s.retry, err = compileRetry(vh.GetRetryPolicy()); err != nil {
		return s, fmt.Errorf("retry_policy: %w", err)
	}
	s.mirrors, err = compileMirrors(vh.GetRequestMirrorPolicies())
	return s, err
}

func compileRoute(r *routev3.Route, s shared) (*Route, error) {
	out := &Route{Name: r.GetName()}
	if err := out.compileMatch(r.GetMatch()); err != nil {
		return nil, err
	}
	if err := out.compileEdits(r, s); err != nil {
		return nil, err
	}
	var err error
	if out.CORS, err = compileFilters(r.GetTypedPerFilterConfig()); err != nil {
		return nil, err
	}
	if out.CORS == nil {
		out.CORS = s.cors
	}
	switch a := r.GetAction().(type) {
	case *routev3.Route_Route:
		out.Forward, err = compileForward(a.Route, s)
	case *routev3.Route_Redirect:
		out.Redirect, err = compileRedirect(a.Redirect)
	case *routev3.Route_DirectResponse:
		out.Respond, err = compileRespond(a.DirectResponse)
	default:
		err = errors.New("no action that is known here")
	}
	return out, err
}

func (r *Route) compileMatch(m *routev3.RouteMatch) error {
	switch {
	case m == nil:
		return errors.New("match: missing")
	case len(m.GetCookies()) > 0 || m.GetGrpc() != nil || m.GetTlsContext() != nil || len(m.GetDynamicMetadata()) > 0 ||
		len(m.GetFilterState()) > 0 || m.GetRuntimeFraction() != nil:
		return errors.New("match: cookies, grpc, tls_context, dynamic_metadata, filter_state and runtime_fraction are not supported")
	}
	var err error
	if r.path, err = compilePath(m); err != nil {
		return err
	}
	for _, h := range m.GetHeaders() {
		k, err := compileHeader(h)
		if err != nil {
			return fmt.Errorf("match: %w", err)
		}
		r.headers = append(r.headers, k)
	}
	for _, q := range m.GetQueryParameters() {
		k, err := compileQuery(q)
		if err != nil {
			return fmt.Errorf("match: %w", err)
		}
		r.query = append(r.query, k)
	}
	return nil
}

func (r *Route) compileEdits(in *routev3.Route, s shared) error {
	request, err := compileEdit(in.GetRequestHeadersToAdd(), in.GetRequestHeadersToRemove())
	if err != nil {
		return fmt.Errorf("request headers: %w", err)
	}
	response, err := compileEdit(in.GetResponseHeadersToAdd(), in.GetResponseHeadersToRemove())
	if err != nil {
		return fmt.Errorf("response headers: %w", err)
	}
	r.Request = nonEmpty(request, s.request)
	r.Response = nonEmpty(response, s.response)
	return nil
}

func nonEmpty(edits ...Edit) []Edit {
	var out []Edit
	for _, e := range edits {
		if !e.Empty() {
			out = append(out, e)
		}
	}
	return out
}

func compileRespond(d *routev3.DirectResponseAction) (*Respond, error) {
	if d.GetStatus() < 200 || d.GetStatus() > 599 {
		return nil, fmt.Errorf("direct_response.status: %d is not in 200 to 599", d.GetStatus())
	}
	if b := d.GetBody(); b != nil && b.GetFilename()+b.GetEnvironmentVariable() != "" {
		return nil, errors.New("direct_response.body: only inline text is supported")
	}
	body := d.GetBody().GetInlineString()
	if body == "" {
		body = string(d.GetBody().GetInlineBytes())
	}
	return &Respond{Code: int(d.GetStatus()), Body: body}, nil
}

// match says whether the request is this route's.
func (r *Route) match(req *Request) bool {
	return r.path.match(req.Path) && r.matchKeys(req)
}

func (r *Route) matchKeys(req *Request) bool {
	for i := range r.headers {
		k := &r.headers[i]
		if !k.holds(req.header(k.name)) {
			return false
		}
	}
	for i := range r.query {
		k := &r.query[i]
		if !k.holds(query(req.RawQuery, k.name)) {
			return false
		}
	}
	return true
}

// why says why a request is not this route's, or "".
func (r *Route) why(req *Request) string {
	if !r.path.match(req.Path) {
		return fmt.Sprintf("the path %s is not of %s", req.Path, r.path.String())
	}
	for i := range r.headers {
		k := &r.headers[i]
		value, found := req.header(k.name)
		if !k.holds(value, found) {
			if k.name == ":method" {
				return fmt.Sprintf("method %s, wanted %s", value, k.want.value)
			}
			return k.why("header", value, found)
		}
	}
	for i := range r.query {
		k := &r.query[i]
		value, found := query(req.RawQuery, k.name)
		if !k.holds(value, found) {
			return k.why("query parameter", value, found)
		}
	}
	return ""
}

// String says what the route matches: "prefix /cart, method GET, header x-a "1"".
func (r *Route) String() string {
	s := r.path.String()
	for i := range r.headers {
		k := &r.headers[i]
		if k.name == ":method" && k.want.kind == exact && !k.invert {
			s += ", method " + k.want.value
			continue
		}
		s += ", header " + k.String()
	}
	for i := range r.query {
		s += ", query " + r.query[i].String()
	}
	return s
}
