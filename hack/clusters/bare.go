package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"fairlead.dev/fairlead/hack/clusters/component"
	"fairlead.dev/fairlead/hack/clusters/node"
	"fairlead.dev/fairlead/hack/clusters/plan"
	"fairlead.dev/fairlead/hack/clusters/wire"
)

// dnsLabel is what a control plane may be called.
var dnsLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$`)

// bareMost is how many control planes without nodes there may be.
const bareMost = 200

func apiserver(flags *flag.FlagSet) func(context.Context, lab, []string) error {
	end := flags.Bool("down", false, "")
	onWire := flags.Bool("wire", false, "")
	return func(ctx context.Context, l lab, args []string) error {
		if err := need(args, 1, 1, "NAME"); err != nil {
			return err
		}
		name := args[0]
		if !dnsLabel.MatchString(name) || slices.Contains(plan.Names, name) {
			return errUsage(fmt.Sprintf("%q: a name of lower-case letters, digits and dashes that is not a cluster's", name))
		}
		if *end {
			return l.endBare(ctx, name)
		}
		return l.bare(ctx, name, *onWire)
	}
}

func (l lab) bareDir(name string) string { return filepath.Join(l.state, "control-planes", name) }

// bareLink is the link from a loopback address to the control plane that has it.
func (l lab) bareLink(number int) string {
	local, _ := plan.Options{}.Beside(number)
	return l.bareDir(local.String())
}

// bare runs a control plane without nodes, and prints the path of its kubeconfig.
func (l lab) bare(ctx context.Context, name string, onWire bool) error {
	if err := l.build(ctx); err != nil {
		return err
	}
	dir := l.bareDir(name)
	if err := l.lock(ctx, dir); err != nil {
		return err
	}
	if err := l.install(); err != nil {
		return err
	}
	control, err := l.bareControl(ctx, name, onWire)
	if err != nil {
		return err
	}
	server := "https://" + netip.AddrPortFrom(control.Address, 6443).String()
	if err := control.Credentials(server, []netip.Addr{control.Services[0].Addr().Next()}); err != nil {
		return err
	}
	h, err := node.Find(dir)
	if errors.Is(err, node.ErrDown) {
		h, err = node.Spawn(ctx, l.program(), dir, l.setup(name, true))
	}
	if err != nil {
		return err
	}
	a, err := newAPI(name, server, control.PKI())
	if err != nil {
		return err
	}
	if err := l.serve(ctx, h, control, a); err != nil {
		return err
	}
	if err := wait(ctx, "the default ServiceAccount exists", a.usable); err != nil {
		return err
	}
	l.say("%s: control plane ready at %s", name, server)
	fmt.Println(control.PKI().Path("admin.conf"))
	return nil
}

// bareControl gives a control plane its addresses, and keeps them.
func (l lab) bareControl(ctx context.Context, name string, onWire bool) (component.Control, error) {
	number, err := l.bareNumber(name, true)
	if err != nil {
		return component.Control{}, err
	}
	if onWire {
		if err := os.WriteFile(filepath.Join(l.bareDir(name), "wire"), nil, 0o644); err != nil {
			return component.Control{}, err
		}
	}
	control := component.Control{Name: name, Dir: l.bareDir(name), Services: []netip.Prefix{netip.MustParsePrefix("10.250.0.0/16")}}
	control.Local, control.Address, err = l.bareAddresses(name, number)
	if err == nil && control.Address != control.Local {
		err = wire.Host(ctx, control.Address)
	}
	return control, err
}

// bareAddresses are where its etcd and where its API server listens.
func (l lab) bareAddresses(name string, number int) (local, api netip.Addr, err error) {
	if _, err := os.Stat(filepath.Join(l.bareDir(name), "wire")); errors.Is(err, fs.ErrNotExist) {
		local, _ := plan.Options{}.Beside(number)
		return local, local, nil
	}
	f, err := l.fleet()
	local, api = f.Beside(number)
	return local, api, err
}

// bareNumber finds the number of a control plane, or takes the first that is free.
func (l lab) bareNumber(name string, take bool) (int, error) {
	free := 0
	for n := 1; n <= bareMost; n++ {
		owner, err := os.Readlink(l.bareLink(n))
		switch {
		case err == nil && owner == name:
			return n, nil
		case errors.Is(err, fs.ErrNotExist) && free == 0:
			free = n
		}
	}
	if !take || free == 0 {
		return 0, fmt.Errorf("there is no control plane %q", name)
	}
	err := os.Symlink(name, l.bareLink(free))
	if errors.Is(err, fs.ErrExist) { // somebody was faster
		return l.bareNumber(name, take)
	}
	return free, err
}

func (l lab) endBare(ctx context.Context, name string) error {
	if err := l.lock(ctx, l.bareDir(name)); err != nil {
		return err
	}
	h, err := node.Find(l.bareDir(name))
	if err == nil {
		err = h.End(ctx)
	}
	if err != nil && !errors.Is(err, node.ErrDown) {
		return err
	}
	if number, err := l.bareNumber(name, false); err == nil {
		if err := os.Remove(l.bareLink(number)); err != nil {
			return err
		}
	}
	return os.RemoveAll(l.bareDir(name))
}
