package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"fairlead.dev/fairlead/hack/clusters/component"
	"fairlead.dev/fairlead/hack/clusters/plan"
)

func snapshot(*flag.FlagSet) func(context.Context, lab, []string) error {
	return func(ctx context.Context, l lab, args []string) error {
		if err := need(args, 1, 1, "CLUSTER"); err != nil {
			return err
		}
		_, c, _, err := l.target(args[0])
		if err != nil {
			return err
		}
		return l.snapshot(ctx, c)
	}
}

func revert(*flag.FlagSet) func(context.Context, lab, []string) error {
	return func(ctx context.Context, l lab, args []string) error {
		if err := need(args, 1, 1, "CLUSTER"); err != nil {
			return err
		}
		_, c, _, err := l.target(args[0])
		if err != nil {
			return err
		}
		return l.revert(ctx, c)
	}
}

func (l lab) snapshotDir(c plan.Cluster) string { return filepath.Join(l.cluster(c.Name), "snapshot") }

// snapshot copies etcd's files while etcd is frozen: what is read then is what it would find after a crash at that moment.
func (l lab) snapshot(ctx context.Context, c plan.Cluster) (err error) {
	h, err := l.find(c.Nodes[0])
	if err != nil {
		return err
	}
	if err := h.Freeze(component.Etcd); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Thaw(component.Etcd)) }()
	if err := os.RemoveAll(l.snapshotDir(c)); err != nil {
		return err
	}
	return copyFolder(ctx, l.control(c).EtcdData(), l.snapshotDir(c))
}

// revert does what the handbook of a restored backup says: the control plane stops, etcd gets its old files, the control plane starts.
func (l lab) revert(ctx context.Context, c plan.Cluster) error {
	if _, err := os.Stat(l.snapshotDir(c)); err != nil {
		return fmt.Errorf("%s has no snapshot: %w", c.Name, err)
	}
	h, err := l.find(c.Nodes[0])
	if err != nil {
		return err
	}
	for _, name := range []string{component.Scheduler, component.Controller, component.APIServer, component.Etcd} {
		if err := h.Kill(name); err != nil {
			return err
		}
	}
	control := l.control(c)
	if err := os.RemoveAll(control.EtcdData()); err != nil {
		return err
	}
	if err := copyFolder(ctx, l.snapshotDir(c), control.EtcdData()); err != nil {
		return err
	}
	a, err := newAPI(c.Name, c.Server(), control.PKI())
	if err != nil {
		return err
	}
	return l.serve(ctx, h, control, a)
}

func copyFolder(ctx context.Context, from, to string) error {
	if out, err := exec.CommandContext(ctx, "cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s to %s: %w: %s", from, to, err, out)
	}
	return nil
}
