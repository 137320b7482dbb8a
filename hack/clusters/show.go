package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"fairlead.dev/fairlead/hack/clusters/node"
	"fairlead.dev/fairlead/hack/clusters/plan"
	"fairlead.dev/fairlead/hack/clusters/wire"
)

func env(*flag.FlagSet) func(context.Context, lab, []string) error {
	return func(_ context.Context, l lab, _ []string) error {
		if _, err := l.fleet(); err != nil {
			return err
		}
		fmt.Printf("export KUBECONFIG=%[1]s\nexport FAIRLEAD_TEST_KUBECONFIG=%[1]s\nexport PATH=%[2]s:$PATH\n", l.kubeconfig(), l.bin())
		return nil
	}
}

func status(*flag.FlagSet) func(context.Context, lab, []string) error {
	return func(_ context.Context, l lab, _ []string) error {
		f, err := l.fleet()
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		defer w.Flush()
		fmt.Fprintf(w, "network %s, %s, contexts in %s\n", f.Network, f.Options.IP, l.kubeconfig())
		for _, c := range f.Clusters {
			cuts, err := l.cuts(c)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "\n%s\t%s\tpods %v\tservices %v", c.Name, c.Server(), c.Pods, c.Services)
			for _, cut := range cuts {
				fmt.Fprintf(w, "\t%s", cut)
			}
			fmt.Fprintln(w)
			for _, n := range c.Nodes {
				if err := l.statusOf(w, n); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func (l lab) statusOf(w io.Writer, n plan.Node) error {
	h, err := l.find(n)
	if errors.Is(err, node.ErrDown) {
		fmt.Fprintf(w, "  %s\tdown\n", n.Name)
		return nil
	}
	if err != nil {
		return err
	}
	states, err := h.States()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "  %s\t%v\tprocess %d\t%d MB", n.Name, n.Addrs, h.PID, h.Memory()>>20)
	if s, slow := wire.Slowed(l.state, n); slow {
		fmt.Fprintf(w, "\t%v", s)
	}
	fmt.Fprintln(w)
	for _, s := range states {
		fmt.Fprintf(w, "    %s\t%s\tfor %s\t%d restarts\n", s.Name, s.State, time.Since(s.Since).Round(time.Second), s.Restarts)
	}
	return nil
}

func execute(*flag.FlagSet) func(context.Context, lab, []string) error {
	return func(ctx context.Context, l lab, args []string) error {
		if err := need(args, 2, -1, "CLUSTER[/NODE] COMMAND..."); err != nil {
			return err
		}
		_, _, nodes, err := l.target(args[0])
		if err != nil {
			return err
		}
		h, err := l.find(nodes[0])
		if err != nil {
			return err
		}
		cmd := h.Command(ctx, args[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		var exit *exec.ExitError
		if err := cmd.Run(); errors.As(err, &exit) {
			os.Exit(exit.ExitCode())
		} else if err != nil {
			return err
		}
		return nil
	}
}

func logs(*flag.FlagSet) func(context.Context, lab, []string) error {
	return func(_ context.Context, l lab, args []string) error {
		if err := need(args, 1, 2, "CLUSTER[/NODE] [COMPONENT]"); err != nil {
			return err
		}
		_, _, nodes, err := l.target(args[0])
		if err != nil {
			return err
		}
		pattern := "*"
		if len(args) == 2 {
			pattern = args[1]
		}
		found := 0
		for _, n := range nodes {
			files, err := filepath.Glob(filepath.Join(l.node(n), "log", pattern+".log"))
			if err != nil {
				return err
			}
			for _, file := range files {
				if err := copyLines(file, n.Name+" "+strings.TrimSuffix(filepath.Base(file), ".log")); err != nil {
					return err
				}
				found++
			}
		}
		if found == 0 {
			return fmt.Errorf("no component %q has run in %s", pattern, args[0])
		}
		return nil
	}
}

// copyLines prints a log, each line with its source.
func copyLines(file, source string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Printf("%s: %s\n", source, lines.Text())
	}
	return lines.Err()
}
