// Package intake is the client side of delta xDS: it keeps one aggregated stream to the control plane, hands each response to a Sink,
// and says which resources of it were bad.
//
// Good resources of a response are applied even when others of it are bad; the bad ones are NACKed by name, one per line. With the
// control plane away nothing changes: what was applied stays, and Run comes back with growing, random pauses and tells what it has,
// so that only differences are sent.
package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// Type is a type URL.
type Type string

// The types of resources that are taken in.
const (
	Clusters  Type = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	Endpoints Type = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	Listeners Type = "type.googleapis.com/envoy.config.listener.v3.Listener"
	Routes    Type = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	Hosts     Type = "type.googleapis.com/envoy.config.route.v3.VirtualHost"
	Secrets   Type = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
)

// order is the order in which types are first asked for: what others refer to comes first.
var order = []Type{Clusters, Endpoints, Secrets, Listeners, Routes, Hosts}

// wildcard types are subscribed to as a whole.
var wildcard = map[Type]bool{Clusters: true, Listeners: true, Hosts: true}

// Sink takes what comes in. Its methods are called from one goroutine.
type Sink interface {
	// Apply takes changed resources and the names of removed ones, and returns what was wrong with each bad resource by name. Bad
	// resources change nothing.
	Apply(t Type, changed []*discoveryv3.Resource, removed []string) (bad map[string]error)
	// Wanted returns the names that are to be subscribed to of a type that is not a wildcard, and a number that changes whenever they do.
	// The set may change after the next Apply.
	Wanted(t Type) (names map[string]bool, generation uint64)
}

// Client keeps the stream.
type Client struct {
	node *corev3.Node
	sink Sink
	log  *slog.Logger

	// versions of what was applied, by type and name. They outlive a stream.
	versions map[Type]map[string]string
	live     atomic.Bool
}

// New returns a client that is not connected yet.
func New(node *corev3.Node, sink Sink, log *slog.Logger) *Client {
	c := &Client{node: node, sink: sink, log: log, versions: map[Type]map[string]string{}}
	for _, t := range order {
		c.versions[t] = map[string]string{}
	}
	return c
}

// Connected says whether a stream is up and has brought something.
func (c *Client) Connected() bool { return c.live.Load() }

// The pauses between streams.
const (
	firstPause = 50 * time.Millisecond
	mostPause  = 5 * time.Second
)

// Run keeps the stream until ctx ends; then it returns nil.
func (c *Client) Run(ctx context.Context, conn grpc.ClientConnInterface) error {
	pause := firstPause
	for {
		began := time.Now()
		err := c.stream(ctx, conn)
		c.live.Store(false)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > mostPause {
			pause = firstPause
		}
		c.log.Info("control plane away", "err", err, "again", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, mostPause)
	}
}

// everything is the subscription to a wildcard type.
var everything = map[string]bool{"*": true}

// session is one stream.
type session struct {
	*Client
	stream     grpc.BidiStreamingClient[discoveryv3.DeltaDiscoveryRequest, discoveryv3.DeltaDiscoveryResponse]
	subscribed map[Type]map[string]bool
	asked      map[Type]bool
	seen       map[Type]uint64 // generations of what is wanted
	named      bool
}

func (c *Client) stream(ctx context.Context, conn grpc.ClientConnInterface) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx, grpc.WaitForReady(false))
	if err != nil {
		return fmt.Errorf("open the stream: %w", err)
	}
	s := &session{Client: c, stream: stream, subscribed: map[Type]map[string]bool{}, asked: map[Type]bool{},
		seen: map[Type]uint64{}}
	if err := s.subscribe(); err != nil {
		return err
	}
	for {
		resp, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		c.live.Store(true)
		if err := s.take(resp); err != nil {
			return err
		}
	}
}

// take applies a response, answers it, and asks for what has become wanted by it.
func (s *session) take(resp *discoveryv3.DeltaDiscoveryResponse) error {
	t := Type(resp.GetTypeUrl())
	versions, known := s.versions[t]
	if !known {
		return s.answer(resp, errors.New("this type was not asked for"))
	}
	bad := s.sink.Apply(t, resp.GetResources(), resp.GetRemovedResources())
	for _, r := range resp.GetResources() {
		if bad[r.GetName()] == nil {
			versions[r.GetName()] = r.GetVersion()
		}
	}
	for _, name := range resp.GetRemovedResources() {
		delete(versions, name)
	}
	if err := s.answer(resp, describe(bad)); err != nil {
		return err
	}
	return s.subscribe()
}

// describe puts the bad resources into one error, one per line, in the order of their names; nil for none.
func describe(bad map[string]error) error {
	if len(bad) == 0 {
		return nil
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		lines = append(lines, name+": "+strings.ReplaceAll(bad[name].Error(), "\n", " "))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// answer sends an ACK, or with an error a NACK.
func (s *session) answer(resp *discoveryv3.DeltaDiscoveryResponse, wrong error) error {
	req := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: resp.GetTypeUrl(), ResponseNonce: resp.GetNonce()}
	if wrong != nil {
		s.log.Warn("resources refused", "type", resp.GetTypeUrl(), "err", wrong)
		req.ErrorDetail = &status.Status{Code: int32(codes.InvalidArgument), Message: wrong.Error()}
	}
	return s.send(req)
}

// subscribe sends what has changed in what is wanted, of every type.
func (s *session) subscribe() error {
	for _, t := range order {
		want, generation := everything, uint64(1)
		if !wildcard[t] {
			want, generation = s.sink.Wanted(t)
		}
		if seen, ok := s.seen[t]; ok && seen == generation {
			continue
		}
		s.seen[t] = generation
		if !wildcard[t] {
			s.forget(t, want)
		}
		req := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(t)}
		for name := range want {
			if !s.subscribed[t][name] {
				req.ResourceNamesSubscribe = append(req.ResourceNamesSubscribe, name)
			}
		}
		for name := range s.subscribed[t] {
			if !want[name] {
				req.ResourceNamesUnsubscribe = append(req.ResourceNamesUnsubscribe, name)
			}
		}
		if len(req.ResourceNamesSubscribe)+len(req.ResourceNamesUnsubscribe) == 0 {
			continue
		}
		slices.Sort(req.ResourceNamesSubscribe)
		slices.Sort(req.ResourceNamesUnsubscribe)
		if !s.asked[t] {
			// The first request of a type says what is there already.
			req.InitialResourceVersions = maps.Clone(s.versions[t])
			s.asked[t] = true
		}
		s.subscribed[t] = maps.Clone(want)
		if err := s.send(req); err != nil {
			return err
		}
	}
	return nil
}

// forget drops the versions of what is no longer wanted: subscribed to again, it must be sent again.
func (s *session) forget(t Type, want map[string]bool) {
	for name := range s.versions[t] {
		if !want[name] {
			delete(s.versions[t], name)
		}
	}
}

func (s *session) send(req *discoveryv3.DeltaDiscoveryRequest) error {
	if !s.named {
		req.Node, s.named = s.node, true // the first request of a stream names the node
	}
	if err := s.stream.Send(req); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}
