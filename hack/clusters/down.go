package main

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"os"
	"time"

	"fairlead.dev/fairlead/hack/clusters/node"
	"fairlead.dev/fairlead/hack/clusters/plan"
	"fairlead.dev/fairlead/hack/clusters/wire"
)

func down(*flag.FlagSet) func(context.Context, lab, []string) error {
	return func(ctx context.Context, l lab, args []string) error {
		if err := need(args, 0, 0, "no arguments"); err != nil {
			return err
		}
		return l.down(ctx)
	}
}

// down takes everything away. It looks for what there is, rather than for what was written down, so it also works after a crash.
func (l lab) down(ctx context.Context) error {
	if err := l.lock(ctx, l.state); err != nil {
		return err
	}
	r, err := l.recorded()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if r.Provider == "kind" {
		f, err := plan.New(r.Options)
		if err != nil {
			return err
		}
		return kind{l, f}.down(ctx)
	}
	handles, err := node.FindAll(l.state)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := each(handles, func(h node.Handle) error { return h.End(ctx) }); err != nil {
		return err
	}
	if err := wire.EndRelays(l.state, ""); err != nil {
		return err
	}
	if err := wire.Remove(ctx); err != nil {
		return err
	}
	for _, name := range plan.Names {
		if err := node.RemoveCgroups(l.cgroup(name + "-[0-9]")); err != nil {
			return err
		}
	}
	if r.Instances > 0 {
		if err := wire.Lower(wire.Instances, r.Instances); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(l.state); err != nil {
		return err
	}
	l.say("%d nodes ended, nothing is left", len(handles))
	return nil
}
