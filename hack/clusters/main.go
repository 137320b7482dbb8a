// Command clusters runs real Kubernetes clusters on one Linux machine without Docker: etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler, containerd, runc, kubelet, kube-proxy and CoreDNS, each node in namespaces of its own on one bridge.
//
// Start to read at up.go and cluster.go: `up` is a list of steps each of which looks before it does, so that running it twice repairs what is missing.
// Package plan says where everything is, component how each program is started, node keeps programs running inside a node, wire joins
// the nodes and cuts them off, pki and image make certificates and images, recipe builds the programs.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"fairlead.dev/fairlead/hack/clusters/node"
	"fairlead.dev/fairlead/hack/clusters/wire"
)

//go:embed usage.txt
var usage string

// errUsage is a command line that cannot be understood; its text says why.
type errUsage string

func (e errUsage) Error() string { return string(e) }

// verb is one of the command's verbs. It declares its flags, and returns what runs with the other arguments.
type verb func(flags *flag.FlagSet) func(ctx context.Context, l lab, args []string) error

var verbs = map[string]verb{
	"up": up, "down": down, "status": status, "env": env,
	"build": build, "images": images, "load": load, "exec": execute, "logs": logs, "apiserver": apiserver,
	"cut": cut, "slow": slow, "restore": restore,
	"freeze": fault("freeze"), "thaw": fault("thaw"), "kill": fault("kill"), "start": fault("start"),
	"snapshot": snapshot, "revert": revert,
}

func main() {
	switch os.Args[0] {
	case node.Argv0:
		fmt.Fprintln(os.Stderr, node.Main(os.Args[1]))
		os.Exit(1)
	case wire.RelayArgv0:
		fmt.Fprintln(os.Stderr, wire.Relay(os.Args[1:]))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	var wrong errUsage
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.As(err, &wrong):
		fmt.Fprintf(os.Stderr, "clusters: %v\nall verbs and flags: clusters help\n", err)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "clusters: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		fmt.Print(usage)
		return nil
	}
	v, ok := verbs[args[0]]
	if !ok {
		return errUsage(fmt.Sprintf("there is no verb %q", args[0]))
	}
	l, err := newLab()
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	do := v(flags)
	rest, err := parse(flags, args[1:], args[0] == "exec")
	if errors.Is(err, flag.ErrHelp) {
		fmt.Print(usage)
		return nil
	}
	if err != nil {
		return errUsage(err.Error())
	}
	return do(ctx, l, rest)
}

// parse lets flags stand before and after arguments, except where the arguments are a command with flags of its own.
func parse(flags *flag.FlagSet, args []string, command bool) (rest []string, err error) {
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if command || flags.NArg() == 0 {
			return append(rest, flags.Args()...), nil
		}
		rest, args = append(rest, flags.Arg(0)), flags.Args()[1:]
	}
	return rest, nil
}

// need refuses the wrong number of arguments.
func need(args []string, least, most int, what string) error {
	if len(args) < least || (most >= 0 && len(args) > most) {
		return errUsage(strings.TrimSpace("expected " + what))
	}
	return nil
}
