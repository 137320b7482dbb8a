// Package proxy is the data plane: it takes xDS and moves bytes.
//
// It has three layers. Configuration comes in through proxy/intake and is kept here in a store of immutable pieces, each swapped alone.
// What hosts are good for, what may be tried again and what is in flight is proxy/upstream's. The bytes are carried by net/http for
// now, behind proxy/strict, which refuses what net/http would accept too kindly; whatever carries them later asks match and
// proxy/upstream the same questions.
//
// A request keeps the route and cluster that it began with; each of its tries picks from the newest endpoints. A listener that changes
// keeps its socket and its connections. With the control plane away everything goes on as it last was.
//
// Start with New and Run. A request's way begins in exchange.go.
package proxy

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc"

	"fairlead.dev/fairlead/proxy/intake"
	"fairlead.dev/fairlead/proxy/strict"
	"fairlead.dev/fairlead/proxy/upstream"
)

// UserAgent is how the proxy calls itself to the control plane.
const UserAgent = "fairlead-proxy"

// Options say how a proxy is wired. Zero fields take the defaults named here.
type Options struct {
	Node string // the node id that the control plane is told
	// Listen and Dial open sockets; the defaults are those of package net.
	Listen func(ctx context.Context, network, address string) (net.Listener, error)
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	// Rand returns uniform numbers; it is called from many goroutines. Default: math/rand/v2.
	Rand   func() uint64
	Logger *slog.Logger // default: none
	// AccessLog gets a line per request, each in one Write; nil: none.
	AccessLog io.Writer
	Limits    Limits
}

// Limits bound what clients can make the proxy spend.
type Limits struct {
	Strict        strict.Limits // of HTTP/1 messages; default strict.DefaultLimits
	HeaderTimeout time.Duration // to send a head, and to shake hands; 10 s
	IdleTimeout   time.Duration // between requests; 75 s
	Streams       int           // at the same time on one HTTP/2 connection; 250
	Connections   int           // at the same time; 65536
	ReplayMemory  int64         // what request bodies keep to be sent again, in all; 16 MiB
	Mirrors       int           // copies of requests in flight; 256
	// DrainGrace is how long clients of a server that goes away may go on using their connections, which they are told to close; then
	// idle ones are closed. 500 ms. DrainTimeout is how long requests in flight may take to end; 10 s.
	DrainGrace, DrainTimeout time.Duration
	// HostWait is how long a new virtual host waits for its clusters' endpoints to be known; 1 s.
	HostWait time.Duration
}

func (l *Limits) fill() {
	if l.Strict == (strict.Limits{}) {
		l.Strict = strict.DefaultLimits()
	}
	for _, d := range []struct {
		at    *time.Duration
		value time.Duration
	}{{&l.HeaderTimeout, 10 * time.Second}, {&l.IdleTimeout, 75 * time.Second}, {&l.DrainGrace, 500 * time.Millisecond},
		{&l.DrainTimeout, 10 * time.Second}, {&l.HostWait, time.Second}} {
		if *d.at == 0 {
			*d.at = d.value
		}
	}
	for _, n := range []struct {
		at    *int
		value int
	}{{&l.Streams, 250}, {&l.Connections, 1 << 16}, {&l.Mirrors, 256}} {
		if *n.at == 0 {
			*n.at = n.value
		}
	}
	if l.ReplayMemory == 0 {
		l.ReplayMemory = 16 << 20
	}
}

// Proxy is one data plane.
type Proxy struct {
	opt      Options
	log      *slog.Logger
	registry *upstream.Registry
	store    *store
	servers  servers
	client   *intake.Client
	carrier  *carrier
	memory   upstream.Memory
	mirrors  chan struct{} // a place for each copy in flight
	stats    stats
	logMu    sync.Mutex // one line at a time
}

// New returns a proxy that serves nothing yet.
func New(opt Options) *Proxy {
	if opt.Listen == nil {
		opt.Listen = new(net.ListenConfig).Listen
	}
	if opt.Dial == nil {
		opt.Dial = new(net.Dialer).DialContext
	}
	if opt.Rand == nil {
		opt.Rand = rand.Uint64
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	opt.Limits.fill()
	p := &Proxy{opt: opt, log: opt.Logger, memory: upstream.Memory{Most: opt.Limits.ReplayMemory}}
	p.mirrors = make(chan struct{}, opt.Limits.Mirrors)
	p.registry = upstream.NewRegistry(opt.Dial, opt.Logger)
	p.carrier = newCarrier(opt.Dial)
	p.servers.init(p)
	p.store = newStore(p)
	node := &corev3.Node{Id: opt.Node, UserAgentName: UserAgent}
	p.client = intake.New(node, p.store, opt.Logger)
	return p
}

// Run serves what the control plane behind conn says until ctx ends, then drains and returns nil. It may be called once.
func (p *Proxy) Run(ctx context.Context, conn grpc.ClientConnInterface) error {
	err := p.client.Run(ctx, conn)
	p.drain()
	return err
}

// drain ends all servers gracefully and forgets all hosts.
func (p *Proxy) drain() {
	p.store.stop()
	p.servers.stop()
	p.registry.Close()
	p.carrier.close()
}
