package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fairlead.dev/fairlead/hack/clusters/component"
	"fairlead.dev/fairlead/hack/clusters/image"
	"fairlead.dev/fairlead/hack/clusters/pki"
	"fairlead.dev/fairlead/hack/clusters/plan"
	"fairlead.dev/fairlead/hack/clusters/recipe"
	"fairlead.dev/fairlead/hack/clusters/wire"
)

func up(flags *flag.FlagSet) func(context.Context, lab, []string) error {
	var o plan.Options
	flags.IntVar(&o.Clusters, "n", 2, "")
	flags.IntVar(&o.Nodes, "nodes", 1, "")
	flags.StringVar(&o.Network, "network", "", "")
	flags.BoolVar(&o.Overlap, "overlap", false, "")
	flags.StringVar(&o.IP, "ip", "", "")
	provider := flags.String("provider", "", "")
	return func(ctx context.Context, l lab, args []string) error {
		if err := need(args, 0, 0, "no arguments"); err != nil {
			return err
		}
		switch *provider {
		case "", "kind":
			return l.up(ctx, o, *provider)
		}
		return errUsage(fmt.Sprintf("provider %q: kind, or none", *provider))
	}
}

// up makes what is missing of the clusters.
func (l lab) up(ctx context.Context, o plan.Options, provider string) error {
	if err := l.lock(ctx, l.state); err != nil {
		return err
	}
	f, err := l.decide(o, provider)
	if err != nil {
		return err
	}
	if provider == "kind" {
		return kind{l, f}.up(ctx)
	}
	if err := l.build(ctx); err != nil {
		return err
	}
	if err := l.machine(ctx, f); err != nil {
		return err
	}
	if err := each(f.Clusters, func(c plan.Cluster) error {
		if err := l.raise(ctx, f, c); err != nil {
			return fmt.Errorf("cluster %s: %w", c.Name, err)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := l.kubeconfigs(f); err != nil {
		return err
	}
	l.say("%d clusters are up: %s", len(f.Clusters), strings.Join(plan.Names[:len(f.Clusters)], ", "))
	fmt.Fprintf(os.Stderr, "\n  export KUBECONFIG=%s PATH=%s:$PATH\n  kubectl --context %s get pods -A\n\n", l.kubeconfig(), l.bin(), f.Clusters[0].Name)
	return nil
}

// build installs packages, builds programs and makes images, where they are missing.
func (l lab) build(ctx context.Context) error {
	if err := l.packages(ctx); err != nil {
		return err
	}
	if err := recipe.Build(ctx, l.bin(), l.say); err != nil {
		return err
	}
	_, err := l.images(ctx)
	return err
}

// images makes the images that every node gets, and returns their archives.
func (l lab) images(ctx context.Context) ([]image.Archive, error) {
	return image.Base(ctx, l.bin(), filepath.Join(l.cache, "images"), component.PauseImage, component.DNSImage)
}

// decide returns the plan. A fleet that runs is extended, never shrunk, and not changed otherwise.
func (l lab) decide(o plan.Options, provider string) (plan.Fleet, error) {
	old, err := l.recorded()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		o.Network, o.IP = or(o.Network, "flat"), or(o.IP, "ipv4")
	case err != nil:
		return plan.Fleet{}, err
	default:
		o.Network, o.IP, o.Overlap = or(o.Network, old.Network), or(o.IP, old.IP), o.Overlap || old.Overlap
		if o.Network != old.Network || o.IP != old.IP || o.Overlap != old.Overlap || provider != old.Provider {
			return plan.Fleet{}, errors.New("the clusters that are up have another network or provider: run `clusters down` first")
		}
		o.Clusters, o.Nodes = max(o.Clusters, old.Options.Clusters), max(o.Nodes, old.Options.Nodes)
	}
	f, err := plan.New(o)
	if err != nil {
		return f, errUsage(err.Error())
	}
	old.Options, old.Provider = o, provider
	return f, l.record(old)
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// machine prepares this machine: the wire, a limit, and this program itself where process 1 of the nodes can stay.
func (l lab) machine(ctx context.Context, f plan.Fleet) error {
	if err := l.install(); err != nil {
		return err
	}
	if err := wire.Lay(ctx, f); err != nil {
		return err
	}
	was, err := wire.Raise(wire.Instances, 1024)
	if err != nil {
		return err
	}
	if was < 1024 {
		r, err := l.recorded()
		if err != nil {
			return err
		}
		r.Instances = was
		return l.record(r)
	}
	return nil
}

// program is this program where the nodes run it from: `go run` removes its own when it ends.
func (l lab) program() string { return filepath.Join(l.state, "clusters") }

// install copies this program there. Nodes that run keep the one that they have.
func (l lab) install() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	part := fmt.Sprintf("%s.%d", l.program(), os.Getpid())
	if err := os.WriteFile(part, text, 0o755); err != nil {
		return err
	}
	return os.Rename(part, l.program())
}

// kubeconfigs writes one file for each cluster and one for all.
func (l lab) kubeconfigs(f plan.Fleet) error {
	var all []pki.Kubeconfig
	for _, c := range f.Clusters {
		one, err := l.control(c).PKI().Kubeconfig(c.Name, c.Server(), "admin")
		if err != nil {
			return err
		}
		if err := one.Write(filepath.Join(l.cluster(c.Name), "kubeconfig")); err != nil {
			return err
		}
		all = append(all, one)
	}
	return pki.Join(all...).Write(l.kubeconfig())
}
