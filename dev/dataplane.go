package dev

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/proxy"
	"fairlead.dev/fairlead/trace"
	"fairlead.dev/fairlead/xds"
	"fairlead.dev/fairlead/xds/serve"
)

// dataPlane is one cluster's proxy and the xDS server that feeds it. Between the two is a gRPC connection, so that nothing but serialised
// xDS reaches the proxy.
type dataPlane struct {
	xds   *serve.Server
	grpc  *grpc.Server
	conn  *grpc.ClientConn
	proxy *proxy.Proxy

	stop    context.CancelFunc // of the proxy
	ended   chan struct{}      // when the proxy has drained
	running sync.WaitGroup
}

// newDataPlane starts both.
func newDataPlane(k *cluster) (*dataPlane, error) {
	d := &dataPlane{
		ended: make(chan struct{}),
		xds:   serve.New(xds.NewStore(xds.Options{ServiceListeners: true})),
		grpc:  grpc.NewServer(),
		proxy: proxy.New(proxy.Options{
			Node: "dev-" + k.name, Listen: k.doors.Listen, Dial: k.wire.Dial, Logger: k.log,
			Limits: proxy.Limits{DrainTimeout: draining},
		}),
	}
	d.xds.Register(d.grpc)
	pipe := bufconn.Listen(1 << 20)
	conn, err := grpc.NewClient("passthrough:///"+k.name,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	if err != nil {
		return nil, fmt.Errorf("connect the proxy to its control plane: %w", err)
	}
	d.conn = conn
	d.running.Go(func() { _ = d.grpc.Serve(pipe) })
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	go func() {
		defer close(d.ended)
		if err := d.proxy.Run(ctx, conn); err != nil && ctx.Err() == nil {
			k.log.Error("proxy ended", "err", err)
		}
	}()
	return d, nil
}

// open lets others in as well: proxyless gRPC clients, Envoys, another fairlead-proxy.
func (d *dataPlane) open(ctx context.Context, listen func(ctx context.Context, network, address string) (net.Listener, error), address string) error {
	l, err := listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	d.running.Go(func() { _ = d.grpc.Serve(l) })
	return nil
}

// use is an agent.Output.
func (d *dataPlane) use(pic *picture.Picture, changed []picture.Key) { d.xds.Update(pic, changed) }

// settled says whether the proxy has taken all that was sent to it.
func (d *dataPlane) settled() bool {
	if s := d.proxy.Status(); !s.Connected || len(s.Waiting) > 0 {
		return false
	}
	clients := d.xds.Clients()
	for _, c := range clients {
		if !c.Current {
			return false
		}
	}
	return len(clients) > 0
}

// drain ends the gateways gracefully; what is still under way when draining is over is cut off.
func (d *dataPlane) drain() {
	d.stop()
	<-d.ended
}

// close ends what is left after drain.
func (d *dataPlane) close() {
	_ = d.conn.Close()
	d.grpc.Stop()
	d.running.Wait()
}

// trace sends a virtual request through the compiled picture.
func (d *dataPlane) trace(pic *picture.Picture, method, url string, headers http.Header) *trace.Answer {
	return trace.Request(pic, d.xds.Set(), trace.Virtual{Method: method, URL: url, Header: headers})
}

// rejections returns what the xDS store did not publish.
func (d *dataPlane) rejections() []picture.Rejection { return d.xds.Rejections() }

// clients describes who is fed by the xDS server.
func (d *dataPlane) clients(cluster string) []control.XDS {
	var out []control.XDS
	for _, c := range d.xds.Clients() {
		x := control.XDS{Cluster: cluster, Node: c.Node, Rendering: fmt.Sprint(c.Rendering)}
		for _, t := range c.Types {
			x.Sent, x.Acked = x.Sent+t.Sent, x.Acked+t.Acked
			for _, r := range t.Refusals {
				x.Nacked = append(x.Nacked, r.Name+": "+r.Reason)
			}
		}
		out = append(out, x)
	}
	return out
}

// status describes the proxy.
func (d *dataPlane) status(cluster string) control.Proxy {
	s := d.proxy.Status()
	p := control.Proxy{
		Cluster: cluster, Connected: s.Connected, Hosts: s.Hosts, Listeners: []string{},
		Requests: s.Counts.Requests, Active: s.Counts.Active, Retries: s.Counts.Retries, Aborted: s.Counts.Aborted,
		Malformed: s.Counts.Malformed,
	}
	for _, l := range s.Listeners {
		if l.Problem == "" {
			p.Listeners = append(p.Listeners, l.Name)
		}
	}
	for _, c := range s.Clusters {
		for _, e := range c.Endpoints {
			if !e.Usable {
				p.Unusable = append(p.Unusable, control.Endpoint{Group: c.Name, Address: e.Address, Cluster: e.Cluster, Why: e.Why})
			}
		}
	}
	return p
}
