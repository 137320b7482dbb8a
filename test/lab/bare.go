package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
)

// Bare is a control plane without nodes on a loopback address of this machine.
type Bare struct {
	*Cluster
	Kubeconfig string // a file
}

// StartBare starts a new control plane. One that runs already under this name is taken away first.
func StartBare(ctx context.Context, name string) (*Bare, error) {
	if _, err := Verb(ctx, "apiserver", name, "--down"); err != nil {
		return nil, err
	}
	out, err := Verb(ctx, "apiserver", name)
	if err != nil {
		return nil, err
	}
	file := strings.TrimSpace(out)
	config, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig of control plane %s: %w", name, err)
	}
	c, err := NewCluster(name, config)
	return &Bare{c, file}, err
}

// Stop takes the control plane away with all that it holds.
func (b *Bare) Stop(ctx context.Context) error {
	_, err := Verb(ctx, "apiserver", b.Name, "--down")
	return err
}

// Address is its host and port.
func (b *Bare) Address() string { return strings.TrimPrefix(b.Config.Host, "https://") }

// StartAgent starts an agent beside it, a process of this machine. What it says goes to a file in the temporary folder.
func (b *Bare) StartAgent() (*Process, error) {
	binary, err := Binary("fairlead")
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(b.Address())
	if err != nil {
		return nil, fmt.Errorf("address of control plane %s: %w", b.Name, err)
	}
	log, err := os.OpenFile(filepath.Join(os.TempDir(), "fairlead-agent-"+b.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of the agent: %w", err)
	}
	return Start(log, binary, "agent", "--kubeconfig", b.Kubeconfig,
		"--health", host+":15020", "--beacon", host+":15021", "--peers", host+":15022")
}

// JoinBare makes the first control plane a hub and lets others join it, the hub itself among them where it is named.
func JoinBare(ctx context.Context, hub *Bare, members ...*Bare) error {
	kubeconfig := []string{hub.Kubeconfig}
	for _, m := range members {
		if m != hub {
			kubeconfig = append(kubeconfig, m.Kubeconfig)
		}
	}
	verbs := [][]string{{"hub", "install", "--bare", "--context", hub.Name}}
	for _, m := range members {
		verbs = append(verbs, []string{
			"join", m.Name, "--hub-context", hub.Name, "--context", m.Name, "--wait", "0s", "--server", hub.Config.Host,
		})
	}
	for _, args := range verbs {
		if _, err := Fairlead(ctx, strings.Join(kubeconfig, ":"), args...); err != nil {
			return err
		}
	}
	return nil
}
