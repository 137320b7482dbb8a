package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Dial connects as a process on the cluster's first node would: kube-proxy of this cluster decides where a Service's address leads. The
// address must be literal. It needs root.
func (c *Cluster) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	ns, err := c.network()
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	err = within(ns, func() error {
		// The socket is made by this thread, in the namespace that the thread is in, and stays there.
		var dialer net.Dialer
		conn, err = dialer.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens on the cluster's first node. It needs root.
func (c *Cluster) Listen(network, address string) (net.Listener, error) {
	ns, err := c.network()
	if err != nil {
		return nil, err
	}
	var l net.Listener
	err = within(ns, func() error {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// within calls do in a network namespace. A thread that cannot be brought back ends with its goroutine.
func within(ns int, do func() error) error {
	runtime.LockOSThread()
	own, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open the own network namespace: %w", err)
	}
	defer unix.Close(own)
	if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter the network namespace of a node (this needs root): %w", err)
	}
	err = do()
	if back := unix.Setns(own, unix.CLONE_NEWNET); back == nil {
		runtime.UnlockOSThread()
	}
	return err
}

// nodeNetwork opens the network namespace of a cluster's first node. A process there says which one it is, and some process on this
// machine is in it.
func nodeNetwork(cluster string) (int, error) {
	said, err := Verb(context.Background(), "exec", cluster, "readlink", "/proc/self/ns/net")
	if err != nil {
		return 0, err
	}
	wanted := strings.TrimSpace(said)
	links, err := filepath.Glob("/proc/[0-9]*/ns/net")
	if err != nil {
		return 0, err
	}
	for _, link := range links {
		if is, err := os.Readlink(link); err == nil && is == wanted {
			return unix.Open(link, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
	}
	return 0, fmt.Errorf("no process of this machine is in network namespace %q of cluster %s", wanted, cluster)
}
