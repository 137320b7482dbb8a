package main

import (
	"context"
	"flag"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"fairlead.dev/fairlead/hack/clusters/image"
	"fairlead.dev/fairlead/hack/clusters/node"
)

func build(*flag.FlagSet) func(context.Context, lab, []string) error {
	return func(ctx context.Context, l lab, _ []string) error {
		if err := l.build(ctx); err != nil {
			return err
		}
		fmt.Println(l.bin())
		return nil
	}
}

func images(*flag.FlagSet) func(context.Context, lab, []string) error {
	return func(ctx context.Context, l lab, _ []string) error {
		if err := l.build(ctx); err != nil {
			return err
		}
		archives, err := l.images(ctx)
		for _, a := range archives {
			fmt.Println(a.Path)
		}
		return err
	}
}

func load(*flag.FlagSet) func(context.Context, lab, []string) error {
	return func(ctx context.Context, l lab, args []string) error {
		if err := need(args, 1, -1, "image archives"); err != nil {
			return err
		}
		f, err := l.fleet()
		if err != nil {
			return err
		}
		if r, err := l.recorded(); err == nil && r.Provider == "kind" {
			return kind{l, f}.load(ctx, args)
		}
		var handles []node.Handle
		for _, c := range f.Clusters {
			for _, n := range c.Nodes {
				h, err := l.find(n)
				if err != nil {
					return err
				}
				handles = append(handles, h)
			}
		}
		if err := each(handles, func(h node.Handle) error {
			ctr, err := l.containerd(ctx, h)
			for _, archive := range args {
				if err == nil {
					err = bring(ctr, h, archive)
				}
			}
			return err
		}); err != nil {
			return err
		}
		l.say("loaded into %d nodes", len(handles))
		return nil
	}
}

// containerd waits until the node's containerd answers, and returns how to make commands for it.
func (l lab) containerd(ctx context.Context, h node.Handle) (func(args ...string) *exec.Cmd, error) {
	ctr := func(args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, "ctr", append([]string{"--address", h.Containerd(), "--namespace", "k8s.io"}, args...)...)
	}
	return ctr, wait(ctx, "containerd answers in "+h.Name(), func(context.Context) (bool, error) {
		return ctr("version").Run() == nil, nil
	})
}

// furnish gives a node those of the base images that it lacks.
func (l lab) furnish(ctx context.Context, h node.Handle, archives []image.Archive) error {
	ctr, err := l.containerd(ctx, h)
	if err != nil {
		return err
	}
	out, err := ctr("images", "list", "-q").Output()
	if err != nil {
		return fmt.Errorf("list images in %s: %w", h.Name(), err)
	}
	there := strings.Fields(string(out))
	for _, a := range archives {
		if slices.Contains(there, a.Tag) {
			continue
		}
		if err := bring(ctr, h, a.Path); err != nil {
			return err
		}
	}
	return nil
}

// bring imports an archive into a node, in the place of what had its tags before.
func bring(ctr func(args ...string) *exec.Cmd, h node.Handle, archive string) error {
	if out, err := ctr("images", "import", archive).CombinedOutput(); err != nil {
		return fmt.Errorf("import %s into %s: %w: %s", archive, h.Name(), err, out)
	}
	return nil
}
