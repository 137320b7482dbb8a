// Command fleet measures one real agent in a large fleet: one real hub (etcd and kube-apiserver), one real API server with the agent beside it, and
// hundreds of members that exist on the hub only. It shows what an agent costs that imports a small share of what the fleet exports,
// and then a larger one.
//
// Everything runs on loopback addresses of this machine and is taken away at the end. Start with main; population.go makes the
// fleet, agent.go runs the agent, churn.go changes endpoints and watches them arrive.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"fairlead.dev/fairlead/test/lab"
)

func main() {
	b := &bench{}
	flag.IntVar(&b.members, "members", 250, "how many members are mocked")
	flag.IntVar(&b.services, "services", 100, "how many services each exports")
	flag.IntVar(&b.endpoints, "endpoints", 10, "how many endpoints each service has")
	flag.IntVar(&b.namespaces, "namespaces", 1000, "over how many namespaces the services are spread")
	flag.IntVar(&b.rate, "rate", 325, "changed slices per second in the whole fleet")
	flag.DurationVar(&b.last, "for", time.Minute, "how long they change, for each share")
	flag.IntVar(&b.few, "few", 1, "the first share of namespaces that the agent's cluster has, in percent")
	flag.IntVar(&b.many, "many", 10, "the second share")
	keep := flag.Bool("keep", false, "leave the control planes running")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := b.run(ctx)
	if !*keep {
		b.tidy(context.WithoutCancel(ctx))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		stop()
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	members, services, endpoints, namespaces, rate, few, many int
	last                                                      time.Duration

	hub, own *lab.Bare
	fleet    []*lab.Mock
	slices   []slice // of all members
	changes  int     // made so far
	agent    *lab.Process
	watching *arrivals
}

func (b *bench) run(ctx context.Context) error {
	fmt.Printf("machine  %s\n", lab.Machine())
	fmt.Printf("fleet    %d members, %d services, %d endpoints, %d namespaces; %d slices change per second\n",
		b.members, b.members*b.services, b.members*b.services*b.endpoints, b.namespaces, b.rate)
	if err := b.start(ctx); err != nil {
		return err
	}
	if err := b.populate(ctx); err != nil {
		return err
	}
	if err := b.follow(ctx); err != nil {
		return err
	}
	had := 0
	var before int64
	for _, percent := range []int{b.few, b.many} {
		share := b.namespaces * percent / 100
		if err := b.share(ctx, percent, had, share); err != nil {
			return err
		}
		memory := b.agent.Memory()
		if had > 0 {
			more := (share - had) * b.members * b.services * b.endpoints / b.namespaces
			fmt.Printf("memory   %d bytes for each of the %d endpoints more\n", (memory-before)/int64(more), more)
		}
		had, before = share, memory
	}
	return b.restart(ctx)
}

// share lets the agent's cluster have so many namespaces, waits for what they import, and measures.
func (b *bench) share(ctx context.Context, percent, had, share int) error {
	began := time.Now()
	for n := had; n < share; n++ {
		if err := b.own.Create(ctx, lab.Namespace(namespace(n))); err != nil {
			return fmt.Errorf("create a namespace: %w", err)
		}
	}
	if err := b.complete(ctx, share, 5*time.Minute); err != nil {
		return err
	}
	fmt.Printf("%d %%\n", percent)
	fmt.Printf("import   %d services, %d endpoints written after %s\n", b.imported(share), b.imported(share)*b.endpoints, time.Since(began).Round(10*time.Millisecond))
	time.Sleep(10 * time.Second) // the leases of an idle fleet are not what a changed slice costs
	quiet := b.idle(ctx, 20*time.Second)
	return b.churn(ctx, share, quiet)
}
