package proxy

import (
	"context"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/proxy/upstream"
)

// carrier holds the connections to upstream hosts, pooled by address.
type carrier struct {
	http1, http2 *http.Transport
	dialer       upstream.Dial

	mu     sync.Mutex
	open   map[*carried]bool
	closed bool
}

// carried is a connection to a host that is closed with its carrier, wherever it is then.
type carried struct {
	net.Conn
	carrier *carrier
}

// Close implements net.Conn.
func (c *carried) Close() error {
	c.carrier.mu.Lock()
	delete(c.carrier.open, c)
	c.carrier.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite closes the writing half, where there is one.
func (c *carried) CloseWrite() error { return closeWrite(c.Conn) }

// connectTimeoutKey is the key, in the context of a try, of how long connecting may take.
type connectTimeoutKey struct{}

func newCarrier(dial upstream.Dial) *carrier {
	c := &carrier{dialer: dial, open: map[*carried]bool{}}
	c.http1, c.http2 = c.transport(false), c.transport(true)
	return c
}

func (c *carrier) transport(http2 bool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetUnencryptedHTTP2(http2)
	return &http.Transport{
		DialContext:           c.dial,
		Protocols:             protocols,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   1024,
		IdleConnTimeout:       60 * time.Second,
		ExpectContinueTimeout: time.Second,
		// Bytes of a backend's head, and no more.
		MaxResponseHeaderBytes: 256 << 10,
		// A connection that has gone dark must not be found out request by request.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 2 * time.Second, PingTimeout: time.Second},
	}
}

func (c *carrier) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	timeout, ok := ctx.Value(connectTimeoutKey{}).(time.Duration)
	if !ok {
		timeout = match.DefaultConnectTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := c.dialer(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	out := &carried{Conn: conn, carrier: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	c.open[out] = true
	return out, nil
}

// of returns the transport for a cluster. Upgrades are of HTTP/1.1 alone.
func (c *carrier) of(spec *match.Cluster, upgrade string) *http.Transport {
	if spec.HTTP2 && upgrade == "" {
		return c.http2
	}
	return c.http1
}

// close closes all connections. Nothing is carried any more.
func (c *carrier) close() {
	c.http1.CloseIdleConnections()
	c.http2.CloseIdleConnections()
	c.mu.Lock()
	c.closed = true
	rest := slices.Collect(maps.Keys(c.open))
	c.mu.Unlock()
	for _, conn := range rest {
		_ = conn.Close()
	}
}
