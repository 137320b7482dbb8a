package proxy

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/proxy/upstream"
)

// carry takes a connection to a cluster, byte by byte.
func (s *server) carry(client net.Conn, name string) {
	s.track(client)
	defer s.forget(client)
	defer client.Close()
	s.proxy.stats.tcp.Add(1)
	cluster, snapshot := s.await(name)
	if snapshot == nil || !cluster.Admit(snapshot.Spec.Limits) {
		return
	}
	defer cluster.Done()
	backend, done := s.connect(cluster, client)
	if backend == nil {
		return
	}
	defer done()
	join(client, client, backend, backend)
}

// await returns a cluster with its snapshot. A listener may be there before its cluster's endpoints are known: that is waited for as a
// virtual host would. A nil snapshot: they did not come.
func (s *server) await(name string) (*upstream.Cluster, *upstream.Snapshot) {
	for end := time.Now().Add(s.proxy.opt.Limits.HostWait); ; time.Sleep(10 * time.Millisecond) {
		if c := s.proxy.registry.Cluster(name); c != nil {
			if snapshot := c.Snapshot(); snapshot != nil {
				return c, snapshot
			}
		}
		if time.Now().After(end) {
			return nil, nil
		}
	}
}

// connect connects to one host after the other until one accepts; nil: none did.
func (s *server) connect(cluster *upstream.Cluster, client net.Conn) (net.Conn, func()) {
	var tried []netip.AddrPort
	for range upstream.Tries {
		snapshot := cluster.Snapshot()
		if snapshot == nil {
			return nil, nil
		}
		host, choice := snapshot.Pick(upstream.Picking{Random: s.proxy.opt.Rand(), Tried: tried, HasHash: true, Hash: sourceHash(client)})
		if host == nil || choice.Again {
			return nil, nil
		}
		tried = append(tried, host.Addr)
		ctx, cancel := context.WithTimeout(context.Background(), snapshot.Spec.ConnectTimeout)
		var connected atomic.Bool
		t := host.Begin(cancel, func() bool { return !connected.Load() })
		conn, err := s.proxy.opt.Dial(ctx, "tcp", host.Addr.String())
		connected.Store(true)
		cancel()
		if err == nil {
			cluster.Report(host, upstream.Answered)
			return conn, t.End
		}
		t.End()
		cluster.Report(host, upstream.LocalFailure)
		cluster.Counts.Retries.Add(1)
	}
	return nil, nil
}

// sourceHash keeps a client at one host where the cluster wants that.
func sourceHash(c net.Conn) uint64 {
	a, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return 0
	}
	return match.HashAddr(a.Addr().Unmap())
}
