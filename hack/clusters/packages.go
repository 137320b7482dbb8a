package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// needed are the files that come from Debian packages.
var needed = []struct{ file, pkg string }{
	{"/usr/sbin/runc", "runc"},
	{"/usr/lib/cni/ptp", "containernetworking-plugins"},
	{"/usr/sbin/nft", "nftables"},
	{"/sbin/ip", "iproute2"},
	{"/usr/bin/nsenter", "util-linux"},
	{"/usr/sbin/conntrack", "conntrack"},
	{"/sbin/ethtool", "ethtool"},
	{"/bin/busybox", "busybox-static"},
	{"/usr/bin/socat", "socat"},
	{"/bin/nc.openbsd", "netcat-openbsd"},
	{"/usr/bin/dig", "bind9-dnsutils"},
	{"/usr/bin/curl", "curl"},
	{"/etc/ssl/certs/ca-certificates.crt", "ca-certificates"},
}

// packages installs what is missing, where apt is there to do it.
func (l lab) packages(ctx context.Context) error {
	var missing []string
	for _, n := range needed {
		if _, err := os.Stat(n.file); err != nil {
			missing = append(missing, n.pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("install what Debian has in the packages %s", strings.Join(missing, ", "))
	}
	l.say("installing %s", strings.Join(missing, " "))
	install := append([]string{"install", "-y", "-qq", "--no-install-recommends"}, missing...)
	if err := apt(ctx, install...); err == nil {
		return nil
	}
	// Perhaps the lists of packages are old.
	if err := apt(ctx, "update", "-qq"); err != nil {
		return err
	}
	return apt(ctx, install...)
}

func apt(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}
