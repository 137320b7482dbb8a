package proxy_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"fairlead.dev/fairlead/proxy"
)

// plane is a small control plane: resources by type and name, pushed to one stream as they change.
type plane struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	mu       sync.Mutex
	version  int
	have     map[string]map[string]*discoveryv3.Resource // type -> name
	changed  chan struct{}                               // closed and replaced at each change
	nacks    []string
	initial  []map[string]string
	kick     chan struct{} // closes the stream
	requests int
}

func newPlane() *plane {
	return &plane{have: map[string]map[string]*discoveryv3.Resource{}, changed: make(chan struct{}), kick: make(chan struct{})}
}

// put adds or replaces resources in one step.
func (p *plane) put(resources ...proto.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range resources {
		a, err := anypb.New(m)
		if err != nil {
			panic(err)
		}
		p.version++
		byName := p.have[a.TypeUrl]
		if byName == nil {
			byName = map[string]*discoveryv3.Resource{}
			p.have[a.TypeUrl] = byName
		}
		name := nameOf(m)
		byName[name] = &discoveryv3.Resource{Name: name, Version: fmt.Sprint(p.version), Resource: a}
	}
	p.announce()
}

func (p *plane) del(resources ...proto.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range resources {
		a, _ := anypb.New(m)
		delete(p.have[a.TypeUrl], nameOf(m))
	}
	p.announce()
}

func (p *plane) announce() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func nameOf(m proto.Message) string {
	switch m := m.(type) {
	case interface{ GetClusterName() string }:
		return m.GetClusterName()
	case interface{ GetName() string }:
		return m.GetName()
	}
	panic("no name")
}

// nacked returns what was refused so far.
func (p *plane) nacked() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.nacks, "\n")
}

// drop breaks the stream.
func (p *plane) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.kick)
	p.kick = make(chan struct{})
}

var typeOrder = []string{"cluster.v3.Cluster", "ClusterLoadAssignment", "v3.Secret", "listener.v3.Listener", "RouteConfiguration", "VirtualHost"}

func (p *plane) DeltaAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	subscribed := map[string]map[string]bool{}
	sent := map[string]map[string]string{}
	requests := make(chan *discoveryv3.DeltaDiscoveryRequest)
	ctx := stream.Context()
	go func() {
		for {
			r, err := stream.Recv()
			if err != nil {
				return
			}
			select {
			case requests <- r:
			case <-ctx.Done():
				return
			}
		}
	}()
	for nonce := 0; ; nonce++ {
		p.mu.Lock()
		changed, kick := p.changed, p.kick
		responses := p.due(subscribed, sent)
		p.mu.Unlock()
		for _, r := range responses {
			r.Nonce = fmt.Sprint(nonce)
			if err := stream.Send(r); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-kick:
			return context.Canceled
		case <-changed:
		case r := <-requests:
			p.hear(r, subscribed, sent)
		}
	}
}

// hear notes a request.
func (p *plane) hear(r *discoveryv3.DeltaDiscoveryRequest, subscribed map[string]map[string]bool, sent map[string]map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	if r.ErrorDetail != nil {
		p.nacks = append(p.nacks, r.ErrorDetail.Message)
	}
	t := r.TypeUrl
	if subscribed[t] == nil {
		subscribed[t], sent[t] = map[string]bool{}, map[string]string{}
	}
	if len(r.InitialResourceVersions) > 0 {
		p.initial = append(p.initial, r.InitialResourceVersions)
		maps.Copy(sent[t], r.InitialResourceVersions)
	}
	for _, n := range r.ResourceNamesSubscribe {
		subscribed[t][n] = true
	}
	for _, n := range r.ResourceNamesUnsubscribe {
		delete(subscribed[t], n)
		delete(sent[t], n)
	}
}

// due is what the stream has not been sent yet. p.mu is held.
func (p *plane) due(subscribed map[string]map[string]bool, sent map[string]map[string]string) []*discoveryv3.DeltaDiscoveryResponse {
	var out []*discoveryv3.DeltaDiscoveryResponse
	types := slices.Collect(maps.Keys(subscribed))
	slices.SortFunc(types, func(a, b string) int { return rank(a) - rank(b) })
	for _, t := range types {
		r := &discoveryv3.DeltaDiscoveryResponse{TypeUrl: t}
		for _, name := range slices.Sorted(maps.Keys(p.have[t])) {
			res := p.have[t][name]
			if (subscribed[t]["*"] || subscribed[t][name]) && sent[t][name] != res.Version {
				sent[t][name] = res.Version
				r.Resources = append(r.Resources, res)
			}
		}
		for name := range sent[t] {
			if p.have[t][name] == nil {
				delete(sent[t], name)
				r.RemovedResources = append(r.RemovedResources, name)
			}
		}
		if len(r.Resources)+len(r.RemovedResources) > 0 {
			out = append(out, r)
		}
	}
	return out
}

func rank(t string) int {
	return slices.IndexFunc(typeOrder, func(s string) bool { return strings.HasSuffix(t, s) })
}

// bench is a proxy that runs, fed by a plane.
type bench struct {
	*proxy.Proxy
	plane *plane
	t     testing.TB
	stop  func()

	mu     sync.Mutex
	actual map[string]string // configured address -> real one
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
}

// start runs a proxy until the test ends. Its listeners open 127.0.0.1:0, whatever their address; addr tells where.
func start(t testing.TB, change ...func(*proxy.Options)) *bench {
	t.Helper()
	b := &bench{plane: newPlane(), t: t, actual: map[string]string{}, dial: new(net.Dialer).DialContext}
	opt := proxy.Options{Node: "test", Listen: b.listen, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		b.mu.Lock()
		dial := b.dial
		b.mu.Unlock()
		return dial(ctx, network, addr)
	}}
	opt.Limits.DrainGrace = 100 * time.Millisecond
	opt.Limits.DrainTimeout = 3 * time.Second
	for _, c := range change {
		c(&opt)
	}
	b.Proxy = proxy.New(opt)
	pipe := bufconn.Listen(1 << 20)
	srv := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(srv, b.plane)
	go func() { _ = srv.Serve(pipe) }()
	conn, err := grpc.NewClient("passthrough:///plane", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = b.Run(ctx, conn)
	}()
	b.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		_ = conn.Close()
		srv.Stop()
	})
	t.Cleanup(b.stop)
	return b
}

func (b *bench) listen(ctx context.Context, network, addr string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, network, "127.0.0.1:0")
	if err == nil {
		b.mu.Lock()
		b.actual[addr] = ln.Addr().String()
		b.mu.Unlock()
	}
	return ln, err
}

// addr waits until the address is open and returns where it really is.
func (b *bench) addr(configured string) string {
	b.t.Helper()
	var got string
	eventually(b.t, "listener "+configured, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		got = b.actual[configured]
		return got != ""
	})
	return got
}

// eventually waits, for long enough on a busy machine.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("did not come: %s", what)
}
