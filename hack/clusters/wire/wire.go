package wire

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/hack/clusters/node"
	"fairlead.dev/fairlead/hack/clusters/plan"
)

// Bridge is the interface that all nodes hang on.
const Bridge = "fairlead0"

// link is this machine's end of a node's cable; the other is the node's eth0.
func link(n plan.Node) string { return "fl-" + n.Name }

// Lay makes the bridge with this machine's addresses and routes, where something is missing.
func Lay(ctx context.Context, f plan.Fleet) error {
	if !exists(Bridge) {
		if err := clear(ctx); err != nil {
			return err
		}
		if err := ip(exec.CommandContext(ctx, "ip", "-batch", "-"), "link add "+Bridge+" type bridge"); err != nil {
			return err
		}
	}
	var lines []string
	for _, w := range plan.Wire() {
		// A machine may have no IPv6.
		if w.Addr().Is4() || f.IP != "ipv4" {
			lines = append(lines, address(w, Bridge))
		}
	}
	lines = append(lines, "link set "+Bridge+" up")
	for _, r := range f.HostRoutes() {
		lines = append(lines, fmt.Sprintf("route replace %s via %s dev %s", r.To, r.Via, Bridge))
	}
	return ip(exec.CommandContext(ctx, "ip", "-batch", "-"), lines...)
}

// Host gives this machine one more address on the bridge.
func Host(ctx context.Context, a netip.Addr) error {
	return ip(exec.CommandContext(ctx, "ip", "-batch", "-"), address(netip.PrefixFrom(a, a.BitLen()), Bridge))
}

// clear refuses to lay the wire where this machine already has other routes into its ranges.
func clear(ctx context.Context) error {
	for _, r := range []string{"root 10.240.0.0/12", "root fdfa:1ead::/32"} {
		out, err := exec.CommandContext(ctx, "ip", append([]string{"route", "show"}, strings.Fields(r)...)...).Output()
		if err != nil {
			continue // a machine without IPv6
		}
		if len(out) > 0 {
			return fmt.Errorf("this machine already has routes where the clusters would be: %s", strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// Attach gives a node its cable, addresses, routes and rules, where something is missing.
func Attach(ctx context.Context, f plan.Fleet, n plan.Node, h node.Handle, rules string) error {
	if h.Network(ctx, "ip", "link", "show", "eth0").Run() != nil {
		if err := unplug(ctx, link(n)); err != nil {
			return err
		}
		cable := fmt.Sprintf("link add %s type veth peer name eth0 netns %d", link(n), h.PID)
		if err := ip(exec.CommandContext(ctx, "ip", "-batch", "-"), cable, fmt.Sprintf("link set %s master %s up", link(n), Bridge)); err != nil {
			return fmt.Errorf("cable of %s: %w", n.Name, err)
		}
	}
	lines := []string{"link set lo up"}
	for _, a := range n.Addrs {
		bits := 16
		if a.Is6() {
			bits = 64
		}
		lines = append(lines, address(netip.PrefixFrom(a, bits), "eth0"))
	}
	lines = append(lines, "link set eth0 up")
	for _, a := range n.Addrs {
		lines = append(lines, fmt.Sprintf("route replace default via %s dev eth0", plan.Gateway(a)))
	}
	for _, r := range f.Routes(n) {
		lines = append(lines, fmt.Sprintf("route replace %s via %s dev eth0", r.To, r.Via))
	}
	if err := ip(h.Network(ctx, "ip", "-batch", "-"), lines...); err != nil {
		return fmt.Errorf("addresses of %s: %w", n.Name, err)
	}
	return Filter(ctx, h, rules)
}

// Filter puts the rules into a node, in one transaction.
func Filter(ctx context.Context, h node.Handle, rules string) error {
	return feed(h.Network(ctx, "nft", "-f", "-"), rules)
}

// Remove takes the bridge away, with the routes over it, and all cables.
func Remove(ctx context.Context) error {
	links, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.Name != Bridge && !strings.HasPrefix(l.Name, "fl-") {
			continue
		}
		if err := unplug(ctx, l.Name); err != nil {
			return err
		}
	}
	return nil
}

// unplug removes an interface, which may be on the way to go by itself: a cable goes soon after its node.
func unplug(ctx context.Context, name string) error {
	if !exists(name) {
		return nil
	}
	if err := ip(exec.CommandContext(ctx, "ip", "-batch", "-"), "link del "+name); err != nil && exists(name) {
		return err
	}
	return nil
}

// address is the command that gives an interface an address, at once: nobody else here can have it.
func address(a netip.Prefix, dev string) string {
	if a.Addr().Is6() {
		return fmt.Sprintf("addr replace %s dev %s nodad", a, dev)
	}
	return fmt.Sprintf("addr replace %s dev %s", a, dev)
}

// Instances is the setting that limits how many processes may watch files: that of most machines is enough for four nodes.
const Instances = "/proc/sys/fs/inotify/max_user_instances"

// Raise sets a number of the machine unless it is that high, and returns what it was.
func Raise(file string, to int) (was int, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	if was, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil || was >= to {
		return was, err
	}
	return was, os.WriteFile(file, []byte(strconv.Itoa(to)), 0o644)
}

// Lower sets a number of the machine back.
func Lower(file string, to int) error { return os.WriteFile(file, []byte(strconv.Itoa(to)), 0o644) }

func exists(name string) bool {
	_, err := net.InterfaceByName(name)
	return err == nil
}

// bridged is true when the interface is on the bridge.
func bridged(name string) bool {
	out, err := exec.Command("ip", "-oneline", "link", "show", "dev", name).Output()
	return err == nil && strings.Contains(string(out), " master "+Bridge+" ")
}

func ip(batch *exec.Cmd, lines ...string) error { return feed(batch, strings.Join(lines, "\n")+"\n") }

func feed(cmd *exec.Cmd, text string) error {
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
