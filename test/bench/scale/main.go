// Command scale exports thousands of services from one cluster and imports them in another: how long it takes, what the agents hold in
// memory and how many writes it costs; and then deletes the namespaces of half of them in the cluster that imports.
//
// It runs two control planes without nodes on loopback addresses of this machine, the first of which is the hub too, and an agent beside each.
// Start with main; load.go makes the services, watch.go sees them arrive.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"fairlead.dev/fairlead/test/lab"
)

func main() {
	b := &bench{}
	flag.IntVar(&b.services, "services", 10_000, "how many services are exported")
	flag.IntVar(&b.namespaces, "namespaces", 100, "over how many namespaces they are spread")
	flag.IntVar(&b.endpoints, "endpoints", 3, "how many endpoints each has")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := b.run(ctx)
	b.tidy(context.WithoutCancel(ctx))
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		stop()
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	services, namespaces, endpoints int

	from, to *lab.Bare
	agents   []*lab.Process
}

func (b *bench) run(ctx context.Context) (err error) {
	fmt.Printf("machine  %s\n", lab.Machine())
	fmt.Printf("load     %d services of %d endpoints in %d namespaces, exported from one cluster, imported in two\n", b.services, b.endpoints, b.namespaces)
	if b.from, err = lab.StartBare(ctx, "scale-from"); err != nil {
		return err
	}
	if b.to, err = lab.StartBare(ctx, "scale-to"); err != nil {
		return err
	}
	if err := lab.JoinBare(ctx, b.from, b.from, b.to); err != nil {
		return err
	}
	if err := b.fill(ctx); err != nil {
		return err
	}
	before, err := b.to.Requests(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	for _, c := range []*lab.Bare{b.from, b.to} {
		agent, err := c.StartAgent()
		if err != nil {
			return err
		}
		b.agents = append(b.agents, agent)
	}
	arrived := watchImports(ctx, b.to)
	if err := arrived.reach(ctx, b.services, 30*time.Minute); err != nil {
		return err
	}
	fmt.Printf("import   all %d complete in the other cluster %s after the start of both agents\n", b.services, time.Since(began).Round(100*time.Millisecond))
	b.memory()
	if err := b.writes(ctx, "writes   in the cluster that imports", before); err != nil {
		return err
	}
	return b.deleteHalf(ctx, arrived)
}

// deleteHalf deletes half of the namespaces where the services are imported.
func (b *bench) deleteHalf(ctx context.Context, arrived *arrivals) error {
	before, err := b.to.Requests(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	for n := range b.namespaces / 2 {
		if err := b.to.Delete(ctx, lab.Namespace(namespace(n))); err != nil {
			return fmt.Errorf("delete a namespace: %w", err)
		}
	}
	if err := arrived.reach(ctx, b.services-b.namespaces/2*(b.services/b.namespaces), 30*time.Minute); err != nil {
		return err
	}
	fmt.Printf("delete   the imports of half the namespaces are gone after %s; the others are complete\n", time.Since(began).Round(100*time.Millisecond))
	b.memory()
	return b.writes(ctx, "writes   by everybody, in the cluster that imports", before)
}

func (b *bench) memory() {
	const mib = 1 << 20
	fmt.Printf("memory   %d MiB the agent that exports and imports, %d MiB the one that only imports; %s and %s of CPU\n",
		b.agents[0].Memory()/mib, b.agents[1].Memory()/mib, b.agents[0].CPU().Round(time.Second), b.agents[1].CPU().Round(time.Second))
}

// writes prints how many writes the cluster that imports has taken since.
func (b *bench) writes(ctx context.Context, what string, before map[string]int) error {
	after, err := b.to.Requests(ctx)
	if err != nil {
		return err
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(after)) {
		if n := after[k] - before[k]; n >= b.services/100 {
			parts = append(parts, fmt.Sprintf("%d %s", n, k))
		}
	}
	fmt.Printf("%s: %s\n", what, strings.Join(parts, ", "))
	return nil
}

func (b *bench) tidy(ctx context.Context) {
	for _, a := range b.agents {
		a.Stop()
	}
	for _, c := range []*lab.Bare{b.from, b.to} {
		if c == nil {
			continue
		}
		if err := c.Stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "scale:", err)
		}
	}
}
