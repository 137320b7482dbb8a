package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"fairlead.dev/fairlead/hack/clusters/component"
	"fairlead.dev/fairlead/hack/clusters/node"
	"fairlead.dev/fairlead/hack/clusters/plan"
	"fairlead.dev/fairlead/hack/clusters/wire"
)

// raise makes what is missing of one cluster.
func (l lab) raise(ctx context.Context, f plan.Fleet, c plan.Cluster) error {
	control := l.control(c)
	if err := control.Credentials(c.Server(), c.APIServices()); err != nil {
		return err
	}
	handles := make([]node.Handle, len(c.Nodes))
	if err := each(c.Nodes, func(n plan.Node) (err error) {
		handles[n.Number-1], err = l.place(ctx, f, c, n)
		return err
	}); err != nil {
		return err
	}
	a, err := newAPI(c.Name, c.Server(), control.PKI())
	if err != nil {
		return err
	}
	archives, err := l.images(ctx)
	if err != nil {
		return err
	}
	return each([]func() error{
		func() error { return each(handles, func(h node.Handle) error { return l.furnish(ctx, h, archives) }) },
		func() error { return l.populate(ctx, c, a, handles) },
	}, func(do func() error) error { return do() })
}

// place makes a node as far as that goes without an API server.
func (l lab) place(ctx context.Context, f plan.Fleet, c plan.Cluster, n plan.Node) (node.Handle, error) {
	cn := l.components(c, n)
	if err := cn.Credentials(); err != nil {
		return node.Handle{}, err
	}
	for name, text := range cn.Files() {
		if err := settle(filepath.Join(cn.Dir, name), text); err != nil {
			return node.Handle{}, err
		}
	}
	h, err := l.find(n)
	if errors.Is(err, node.ErrDown) {
		h, err = l.boot(ctx, cn)
	}
	if err != nil {
		return h, err
	}
	cuts, err := l.cuts(c)
	if err != nil {
		return h, err
	}
	if err := wire.Attach(ctx, f, n, h, wire.Rules(f, c, cuts)); err != nil {
		return h, err
	}
	return h, h.Start(cn.Runtime())
}

// settle writes a file unless it has that content: kube-proxy ends when its configuration is written, be it the same.
func settle(path, text string) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// boot starts a node. The cgroups of pods that died with the node before would keep the kubelet waiting for them.
func (l lab) boot(ctx context.Context, n component.Node) (node.Handle, error) {
	if err := node.RemoveCgroups(n.Cgroup); err != nil {
		return node.Handle{}, err
	}
	if err := node.MakeCgroup(n.Cgroup); err != nil {
		return node.Handle{}, err
	}
	return node.Spawn(ctx, l.program(), n.Dir, l.setup(n.Name, false))
}

// populate waits for the API server and makes everything that needs one.
func (l lab) populate(ctx context.Context, c plan.Cluster, a api, handles []node.Handle) error {
	if err := l.serve(ctx, handles[0], l.control(c), a); err != nil {
		return err
	}
	l.say("%s: API server ready at %s", c.Name, c.Server())
	for i, n := range c.Nodes {
		cn := l.components(c, n)
		if err := a.create(ctx, "/api/v1/nodes", cn.Object()); err != nil {
			return err
		}
		if err := handles[i].Start(cn.Agents()...); err != nil {
			return err
		}
	}
	if err := l.resolver(ctx, c, a); err != nil {
		return err
	}
	for i, n := range c.Nodes {
		kubelet, err := handles[i].State(component.Kubelet)
		if err != nil {
			return err
		}
		if err := wait(ctx, n.Name+" is ready", func(ctx context.Context) (bool, error) {
			return a.nodeReady(ctx, n.Name, kubelet.Since)
		}); err != nil {
			return err
		}
	}
	l.say("%s: nodes ready", c.Name)
	if err := wait(ctx, "CoreDNS is available", a.dnsReady); err != nil {
		return err
	}
	l.say("%s: CoreDNS available", c.Name)
	return wait(ctx, "the default ServiceAccount exists", a.usable)
}

// serve runs a control plane. One that cannot run is given up with what it said last.
func (l lab) serve(ctx context.Context, h node.Handle, control component.Control, a api) error {
	if err := h.Start(control.Store()...); err != nil {
		return err
	}
	if err := wait(ctx, "the API server is ready", func(ctx context.Context) (bool, error) {
		if err := h.Hopeless(); err != nil {
			return false, fatal{err}
		}
		return a.ready(ctx)
	}); err != nil {
		return err
	}
	return h.Start(control.Controllers()...)
}

// resolver installs CoreDNS, once: afterwards it is the user's to change.
func (l lab) resolver(ctx context.Context, c plan.Cluster, a api) error {
	if found, err := a.get(ctx, dnsDeployment, nil); err != nil || found {
		return err
	}
	cmd := exec.CommandContext(ctx, "kubectl", "--kubeconfig", l.control(c).PKI().Path("admin.conf"), "apply", "--server-side", "--force-conflicts", "-f", "-")
	cmd.Stdin = strings.NewReader(component.DNSConfig() + "---\n" + component.DNS(c))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("install CoreDNS: %w: %s", err, out)
	}
	return nil
}
