// Command propagation measures how long an endpoint takes from one cluster into another: from west's API, where it becomes ready, to
// east's EndpointSlice, and on to the first connection that kube-proxy in east carries to it. It runs against real clusters with
// Fairlead installed, and leaves nothing behind.
//
// All times are of one clock: this process watches both APIs. Start with main; change.go makes the changes, connect.go the connections.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/test/lab"
)

func main() {
	var (
		kubeconfig = flag.String("kubeconfig", os.Getenv(lab.EnvKubeconfig), "with the contexts of both clusters")
		from       = flag.String("from", "west", "the cluster that exports")
		to         = flag.String("to", "east", "the cluster that imports")
		rate       = flag.Int("rate", 50, "changes per second")
		services   = flag.Int("services", 10, "exported services, which change in turn")
		last       = flag.Duration("for", time.Minute, "how long to go on")
		rounds     = flag.Int("connections", 100, "how many first connections; 0: none")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := &bench{rate: *rate, services: *services, last: *last, rounds: *rounds}
	if err := b.run(ctx, *kubeconfig, *from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "propagation:", err)
		stop()
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	from, to       *lab.Cluster
	namespace      string
	addresses      []string
	rate, services int
	last           time.Duration
	rounds         int

	lasted                   time.Duration
	waiting                  sync.WaitGroup
	changes, overtaken, lost atomic.Int64
	sent, seen, both         lab.Latencies
}

func (b *bench) run(ctx context.Context, kubeconfig, from, to string) error {
	clusters, err := lab.Open(kubeconfig, from, to)
	if err != nil {
		return err
	}
	b.from, b.to, b.namespace = clusters[0], clusters[1], fmt.Sprintf("bench-%08x", rand.Uint32())
	for _, c := range clusters {
		if err := c.Create(ctx, lab.Namespace(b.namespace)); err != nil {
			return fmt.Errorf("create a namespace in %s: %w", c.Name, err)
		}
		defer c.Delete(context.WithoutCancel(ctx), lab.Namespace(b.namespace))
	}
	fmt.Printf("machine      %s\n", lab.Machine())
	fmt.Printf("load         %d changes/s in turn over %d services of 10 endpoints, for %s, %s to %s\n", b.rate, b.services, b.last, from, to)
	if err := b.change(ctx); err != nil {
		return err
	}
	fmt.Printf("made         %d changes, %.1f/s; %d overtaken by the next, %d not seen within 20 s\n", b.changes.Load(),
		float64(b.changes.Load())/b.lasted.Seconds(), b.overtaken.Load(), b.lost.Load())
	fmt.Printf("in %s's API -> in %s's slice        %s\n", from, to, &b.both)
	fmt.Printf("request sent to %s -> in %s's slice %s\n", from, to, &b.seen)
	fmt.Printf("of which %s's own API              %s\n", from, &b.sent)
	if b.rounds == 0 {
		return nil
	}
	connected, err := b.connect(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("in %s's API -> first connection from %s through kube-proxy %s\n", from, to, connected)
	return nil
}
