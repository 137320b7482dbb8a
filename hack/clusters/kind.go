package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"fairlead.dev/fairlead/hack/clusters/plan"
)

// kind, where a machine has it, makes the same clusters in containers: same names, ranges and kubeconfig. Routes join their pods where the
// network is flat. There are no faults for them.
type kind struct {
	lab
	fleet plan.Fleet
}

func (k kind) up(ctx context.Context) error {
	there, err := output(ctx, "", "kind", "get", "clusters")
	if err != nil {
		return err
	}
	for _, c := range k.fleet.Clusters {
		if slices.Contains(strings.Fields(there), kindName(c)) {
			continue
		}
		k.say("kind: creating %s", c.Name)
		if _, err := output(ctx, k.config(c), "kind", "create", "cluster", "--name", kindName(c), "--kubeconfig", k.kubeconfig(), "--config", "-"); err != nil {
			return err
		}
		if _, err := output(ctx, "", "kubectl", "--kubeconfig", k.kubeconfig(), "config", "rename-context", "kind-"+kindName(c), c.Name); err != nil {
			return err
		}
	}
	if k.fleet.Network == "flat" {
		if err := k.routes(ctx); err != nil {
			return err
		}
	}
	k.say("%d clusters are up in kind; export KUBECONFIG=%s", len(k.fleet.Clusters), k.kubeconfig())
	return nil
}

func (k kind) config(c plan.Cluster) string {
	var text strings.Builder
	fmt.Fprintf(&text, "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnetworking:\n  ipFamily: %s\n  podSubnet: %q\n  serviceSubnet: %q\nnodes:\n- role: control-plane\n",
		k.fleet.IP, join(c.Pods), join(c.Services))
	for range c.Nodes[1:] {
		text.WriteString("- role: worker\n")
	}
	return text.String()
}

// kindNode is a node with one address and one range of pods for each IP family.
type kindNode struct {
	cluster, name string
	addrs, pods   []string
}

// routes gives every node a way to the pods of all nodes of other clusters.
func (k kind) routes(ctx context.Context) error {
	nodes, err := k.nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		for _, other := range nodes {
			if n.cluster == other.cluster {
				continue
			}
			for i, to := range other.pods {
				if _, err := output(ctx, "", "docker", "exec", n.name, "ip", "route", "replace", to, "via", other.addrs[i]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (k kind) nodes(ctx context.Context) (all []kindNode, err error) {
	const path = `{range .items[*]}{.metadata.name} {.status.addresses[?(@.type=="InternalIP")].address} {.spec.podCIDRs[*]}{"\n"}{end}`
	for _, c := range k.fleet.Clusters {
		out, err := output(ctx, "", "kubectl", "--kubeconfig", k.kubeconfig(), "--context", c.Name, "get", "nodes", "-o", "jsonpath="+path)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(out) {
			f := strings.Fields(line)
			half := 1 + len(f)/2
			all = append(all, kindNode{c.Name, f[0], f[1:half], f[half:]})
		}
	}
	return all, nil
}

func (k kind) down(ctx context.Context) error {
	for _, c := range k.fleet.Clusters {
		if _, err := output(ctx, "", "kind", "delete", "cluster", "--name", kindName(c)); err != nil {
			return err
		}
	}
	return os.RemoveAll(k.state)
}

func (k kind) load(ctx context.Context, archives []string) error {
	for _, c := range k.fleet.Clusters {
		for _, a := range archives {
			if _, err := output(ctx, "", "kind", "load", "image-archive", a, "--name", kindName(c)); err != nil {
				return err
			}
		}
	}
	return nil
}

func kindName(c plan.Cluster) string { return "fairlead-" + c.Name }

func join[T fmt.Stringer](all []T) string {
	words := make([]string, len(all))
	for i, x := range all {
		words[i] = x.String()
	}
	return strings.Join(words, ",")
}

func output(ctx context.Context, stdin, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(problem.String()))
	}
	return string(out), nil
}
