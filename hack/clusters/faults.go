package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"fairlead.dev/fairlead/hack/clusters/component"
	"fairlead.dev/fairlead/hack/clusters/node"
	"fairlead.dev/fairlead/hack/clusters/plan"
	"fairlead.dev/fairlead/hack/clusters/wire"
)

func cut(flags *flag.FlagSet) func(context.Context, lab, []string) error {
	from := flags.String("from", "", "")
	hub := flags.Bool("hub", false, "")
	at := flags.String("at", plan.Names[0], "")
	return func(ctx context.Context, l lab, args []string) error {
		if err := need(args, 1, -1, "CLUSTER..."); err != nil {
			return err
		}
		cut := wire.Cut{From: *from}
		if *hub {
			address, err := l.api(*at)
			if err != nil {
				return err
			}
			cut = wire.Cut{Hub: *at, API: address}
		}
		for _, name := range args {
			f, c, _, err := l.target(name)
			if err != nil {
				return err
			}
			if _, known := f.Cluster(cut.From); (cut.From != "" && !known) || cut.From+cut.Hub == name {
				return errUsage(fmt.Sprintf("%s cannot be cut from %q", name, cut.From+cut.Hub))
			}
			if err := l.lock(ctx, l.cluster(name)); err != nil {
				return err
			}
			cuts, err := l.cuts(c)
			if err != nil {
				return err
			}
			if slices.Contains(cuts, cut) {
				continue
			}
			if err := l.apply(ctx, f, c, append(cuts, cut)); err != nil {
				return err
			}
			l.say("%s: %s", name, cut)
		}
		return nil
	}
}

func restore(*flag.FlagSet) func(context.Context, lab, []string) error {
	return func(ctx context.Context, l lab, args []string) error {
		f, err := l.fleet()
		if err != nil {
			return err
		}
		if len(args) == 0 {
			args = plan.Names[:len(f.Clusters)]
		}
		for _, name := range args {
			_, c, _, err := l.target(name)
			if err != nil {
				return err
			}
			if err := l.lock(ctx, l.cluster(c.Name)); err != nil {
				return err
			}
			if err := l.apply(ctx, f, c, nil); err != nil {
				return err
			}
			if err := l.quicken(ctx, c); err != nil {
				return err
			}
		}
		return nil
	}
}

func (l lab) cutsFile(c plan.Cluster) string { return filepath.Join(l.cluster(c.Name), "cuts.json") }

// cuts are those that a cluster has now.
func (l lab) cuts(c plan.Cluster) (cuts []wire.Cut, err error) {
	text, err := os.ReadFile(l.cutsFile(c))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &cuts)
	}
	return cuts, err
}

// apply gives a cluster these cuts and no others.
func (l lab) apply(ctx context.Context, f plan.Fleet, c plan.Cluster, cuts []wire.Cut) error {
	text, err := json.Marshal(cuts)
	if err != nil {
		return fmt.Errorf("encode cuts: %w", err)
	}
	if err := os.WriteFile(l.cutsFile(c), text, 0o644); err != nil {
		return err
	}
	return each(c.Nodes, func(n plan.Node) error {
		h, err := l.find(n)
		if err != nil {
			return err
		}
		return wire.Filter(ctx, h, wire.Rules(f, c, cuts))
	})
}

// fault returns a verb that does something to one component of a cluster.
func fault(verb string) func(*flag.FlagSet) func(context.Context, lab, []string) error {
	return func(*flag.FlagSet) func(context.Context, lab, []string) error {
		return func(_ context.Context, l lab, args []string) error {
			if err := need(args, 2, 2, "CLUSTER[/NODE] COMPONENT"); err != nil {
				return err
			}
			name := args[1]
			handles, err := l.running(args[0], name)
			if err != nil {
				return err
			}
			return each(handles, func(h node.Handle) error {
				switch verb {
				case "freeze":
					return h.Freeze(name)
				case "thaw":
					return h.Thaw(name)
				case "kill":
					return h.Kill(name)
				}
				return h.Start(component.Component{Name: name})
			})
		}
	}
}

// running are the nodes on which a component runs: of a cluster, or of a control plane without nodes.
func (l lab) running(word, name string) (handles []node.Handle, err error) {
	if h, err := node.Find(l.bareDir(word)); err == nil {
		return []node.Handle{h}, nil
	}
	_, c, nodes, err := l.target(word)
	if err != nil {
		return nil, err
	}
	if slices.Contains([]string{component.Etcd, component.APIServer, component.Controller, component.Scheduler}, name) {
		nodes = c.Nodes[:1]
	}
	for _, n := range nodes {
		h, err := l.find(n)
		if err != nil {
			return nil, err
		}
		handles = append(handles, h)
	}
	return handles, nil
}

// api is the address of an API server: of a cluster, or of a control plane without nodes.
func (l lab) api(name string) (netip.Addr, error) {
	f, err := l.fleet()
	if err != nil {
		return netip.Addr{}, err
	}
	if c, ok := f.Cluster(name); ok {
		return c.API(), nil
	}
	number, err := l.bareNumber(name, false)
	if err != nil {
		return netip.Addr{}, err
	}
	_, address, err := l.bareAddresses(name, number)
	return address, err
}
