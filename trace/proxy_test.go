package trace

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/proxy"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/xds"
	"fairlead.dev/fairlead/xds/serve"
)

// rig is a real proxy, fed through serialised xDS, in front of real backends that tell what reached them.
type rig struct {
	world  *world
	server *serve.Server
	addr   atomic.Value // where the proxy listens
	groups []fleet.GroupID
	// backends maps a backend's address to its group.
	backends map[string]string
	count    int
}

// arrived is what a backend saw.
type arrived struct{ Backend, Method, Target, Host, Edited string }

const patience = 20 * time.Second

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{world: shop(), server: serve.New(xds.NewStore(xds.Options{NoHealthChecks: true})), backends: map[string]string{}}
	clear(r.world.servers)
	clear(r.world.hosts)
	clear(r.world.groups)
	var keys []picture.Key
	for i := range 3 {
		id := fleet.GroupID{Kind: fleet.Import, Service: fleet.Name{Namespace: "shop", Name: fmt.Sprint("g", i)}, Port: 80}
		address := r.backend(t, id.String())
		r.world.group(id, tier("zone", place("west", "us-a", address, fleet.Healthy)))
		r.groups, r.backends[address] = append(r.groups, id), id.String()
		keys = append(keys, picture.Key{Kind: picture.KindGroup, Path: id.String()})
	}
	s := &route.Server{ID: route.ServerID{Gateway: gateway, Port: 8080}, Addresses: []netip.Addr{address},
		Listeners: []route.Listener{{Name: "http", Hostname: "*"}}}
	r.world.servers[s.ID] = s
	r.server.Update(r.world, append(keys, picture.Key{Kind: picture.KindServer, Path: s.ID.String()}))
	r.run(t)
	return r
}

func (r *rig) backend(t *testing.T, name string) (address string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_ = json.NewEncoder(w).Encode(arrived{name, req.Method, req.RequestURI, req.Host, req.Header.Get("X-Edited")})
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func (r *rig) run(t *testing.T) {
	lis := bufconn.Listen(1 << 20)
	g := grpc.NewServer()
	r.server.Register(g)
	go func() { _ = g.Serve(lis) }()
	conn, err := grpc.NewClient("passthrough:///control", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return lis.Dial() }))
	if err != nil {
		t.Fatal(err)
	}
	p := proxy.New(proxy.Options{Node: "west", Listen: func(ctx context.Context, network, _ string) (net.Listener, error) {
		l, err := new(net.ListenConfig).Listen(ctx, network, "127.0.0.1:0")
		if err == nil {
			r.addr.Store(l.Addr().String())
		}
		return l, err
	}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = p.Run(ctx, conn) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = conn.Close()
		g.Stop()
	})
}

// publish makes a route table live under a hostname of its own and returns that.
func (r *rig) publish(t *rapid.T, rules []*route.Rule) (hostname string) {
	r.count++
	hostname = fmt.Sprintf("%d.example", r.count)
	id := route.HostID{Server: route.ServerID{Gateway: gateway, Port: 8080}, Hostname: hostname}
	live := &route.Rule{Name: "live", Match: route.Match{Path: route.Exact, Value: "/is-live"}, Respond: &route.Respond{Code: 299}}
	r.world.hosts[id] = &route.VirtualHost{ID: id, Rules: append([]*route.Rule{live}, rules...)}
	r.server.Update(r.world, []picture.Key{{Kind: picture.KindHost, Path: id.String()}})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if resp, _, err := r.send("GET", hostname, "/is-live", nil); err == nil && resp.StatusCode == 299 {
			return hostname
		}
	}
	t.Fatalf("%s never goes live: %+v, rejected: %v", hostname, r.server.Clients(), r.server.Rejections())
	return ""
}

// send writes a request as it stands, without a client that would tidy it up.
func (r *rig) send(method, host, target string, header http.Header) (*http.Response, arrived, error) {
	addr, ok := r.addr.Load().(string)
	if !ok {
		return nil, arrived{}, io.EOF
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, arrived{}, err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method, target, host)
	if method == "POST" {
		b.WriteString("Content-Length: 0\r\n")
	}
	_ = header.Write(&b)
	if _, err := io.WriteString(conn, b.String()+"\r\n"); err != nil {
		return nil, arrived{}, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil, arrived{}, err
	}
	body, err := io.ReadAll(resp.Body)
	var a arrived
	_ = json.Unmarshal(body, &a)
	return resp, a, err
}

func pick[T any](t *rapid.T, name string, from ...T) T { return rapid.SampledFrom(from).Draw(t, name) }

func anyTable(t *rapid.T, groups []fleet.GroupID) (rules []*route.Rule) {
	for i := range rapid.IntRange(0, 6).Draw(t, "rules") {
		r := &route.Rule{Name: fmt.Sprint("shop/r/", i), Match: route.Match{
			Path:   pick(t, "path", route.Exact, route.Prefix, route.Regex),
			Value:  pick(t, "value", "/", "/a", "/a/b", "/a/", "/b"),
			Method: pick(t, "method", "", "", "GET", "POST"),
		}}
		if rapid.Bool().Draw(t, "header") {
			r.Match.Headers = []route.KeyMatch{{Name: "x-a", Value: pick(t, "a", "1", "[12]"), Regex: rapid.Bool().Draw(t, "regex")}}
		}
		if rapid.IntRange(0, 3).Draw(t, "query") == 0 {
			r.Match.Query = []route.KeyMatch{{Name: "q", Value: "1"}}
		}
		edit := &route.PathEdit{Prefix: r.Match.Path == route.Prefix && rapid.Bool().Draw(t, "prefix"), Value: pick(t, "to", "/", "/x", "/x/")}
		switch rapid.IntRange(0, 4).Draw(t, "action") {
		case 0:
			r.Redirect = &route.Redirect{Scheme: pick(t, "scheme", "", "https"), Hostname: pick(t, "hostname", "", "o.example"), Code: pick(t, "code", 301, 302)}
			if rapid.Bool().Draw(t, "edit") {
				r.Redirect.Path = edit
			}
		case 1:
			r.Respond = &route.Respond{Code: pick(t, "code", 200, 403)}
		case 2: // no backend
		default:
			for range rapid.IntRange(1, 2).Draw(t, "backends") {
				r.Backends = append(r.Backends, route.Backend{Group: pick(t, "group", groups...), Weight: pick[uint32](t, "weight", 0, 1, 2),
					Invalid: rapid.IntRange(0, 5).Draw(t, "invalid") == 0})
			}
			if rapid.Bool().Draw(t, "edit") {
				r.Rewrite = &route.Rewrite{Hostname: pick(t, "host", "", "in.example"), Path: edit}
				r.RequestHeaders.Set = []route.Header{{Name: "x-edited", Value: fmt.Sprint(i)}}
			}
		}
		rules = append(rules, r)
	}
	return rules
}

// For any table of routes and any request: what trace tells is what the proxy does.
func TestTraceTellsWhatTheProxyDoes(t *testing.T) {
	r := newRig(t)
	rapid.Check(t, func(t *rapid.T) {
		host := r.publish(t, anyTable(t, r.groups))
		for range rapid.IntRange(1, 5).Draw(t, "requests") {
			method := pick(t, "method", "GET", "POST")
			target := pick(t, "target", "/", "/a", "/a/", "/a/b", "/ab", "/a/b/c", "//a", "/b", "/%61", "/a%2Fb", "/a/../b", "/a/%2e/b", "/A")
			target += pick(t, "query", "", "?q=1", "?q=2&q=1", "?Q=1")
			header := http.Header{}
			if rapid.Bool().Draw(t, "header") {
				header.Set("X-A", pick(t, "x-a", "1", "2"))
			}
			resp, got, err := r.send(method, host, target, header)
			if err != nil {
				t.Fatal(err)
			}
			a := Request(r.world, r.server.Set(), Virtual{Method: method, URL: "http://" + host + target, Header: header})
			if why := r.disagree(a, resp, got); why != "" {
				t.Fatalf("%s\nthe proxy: %d %s %+v\n%s", why, resp.StatusCode, resp.Header.Get("Location"), got, a)
			}
		}
	})
}

// disagree compares an answer with what happened; empty where they agree. Where weights leave a choice, any backend with a share will
// do.
func (r *rig) disagree(a *Answer, resp *http.Response, got arrived) string {
	var possible []string
	for _, b := range a.Backends {
		if b.Percent > 0 {
			possible = append(possible, b.Group)
		}
	}
	switch {
	case got.Backend != "":
		if !slices.Contains(possible, got.Backend) {
			return "another backend than trace has"
		}
		return differences(a, got)
	case a.Endpoint != nil:
		if slices.Contains(possible, xds.InvalidCluster) && resp.StatusCode == 500 {
			return ""
		}
		return "trace reaches an endpoint, the proxy does not"
	case a.Status == 500 && resp.StatusCode == 500:
		return ""
	case a.Status != resp.StatusCode:
		return "another status"
	case a.Location != resp.Header.Get("Location"):
		return "another location"
	}
	return ""
}

// differences compares what reached the backend with the filters of the answer: all that they tell of, and nothing else.
func differences(a *Answer, got arrived) string {
	u, err := parseURL(a.URL)
	if err != nil {
		return err.Error()
	}
	path, _, _ := strings.Cut(got.Target, "?")
	wantHost, wantPath, wantEdited := u.Host, path, ""
	if normal, err := match.Normalize(u.EscapedPath(), false); err == nil {
		wantPath = normal
	}
	for _, f := range a.Filters {
		if host, ok := strings.CutPrefix(f, "host := "); ok {
			wantHost = host
		}
		if edit, ok := strings.CutPrefix(f, "path "); ok {
			_, wantPath, _ = strings.Cut(edit, " -> ")
		}
		if value, ok := strings.CutPrefix(f, "request: set x-edited: "); ok {
			wantEdited = value
		}
	}
	if got.Host != wantHost || path != wantPath || got.Edited != wantEdited {
		return fmt.Sprintf("the backend was to see host %s, path %s, x-edited %q", wantHost, wantPath, wantEdited)
	}
	return ""
}
