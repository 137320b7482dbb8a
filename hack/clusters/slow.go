package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/hack/clusters/plan"
	"fairlead.dev/fairlead/hack/clusters/wire"
)

func slow(flags *flag.FlagSet) func(context.Context, lab, []string) error {
	var s wire.Slowness
	flags.DurationVar(&s.Delay, "delay", 0, "")
	flags.DurationVar(&s.Jitter, "jitter", 0, "")
	flags.Func("loss", "", func(text string) (err error) {
		s.Loss, err = percent(text)
		return err
	})
	return func(ctx context.Context, l lab, args []string) error {
		if err := need(args, 1, -1, "CLUSTER..."); err != nil {
			return err
		}
		if s == (wire.Slowness{}) || s.Delay < s.Jitter {
			return errUsage("expected --delay or --loss, and --jitter not above the delay")
		}
		for _, word := range args {
			_, _, nodes, err := l.target(word)
			if err != nil {
				return err
			}
			for _, n := range nodes {
				h, err := l.find(n)
				if err != nil {
					return err
				}
				if err := wire.Slow(ctx, l.program(), l.state, n, h, s); err != nil {
					return err
				}
				l.say("%s: %v", n.Name, s)
			}
		}
		return nil
	}
}

// quicken ends the slowness of a cluster.
func (l lab) quicken(ctx context.Context, c plan.Cluster) error {
	return each(c.Nodes, func(n plan.Node) error {
		h, err := l.find(n)
		if err != nil {
			return err
		}
		return wire.Quicken(ctx, l.state, n, h)
	})
}

// percent reads 1% or 0.01.
func percent(text string) (float64, error) {
	number, hundredth := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(number, 64)
	if hundredth {
		x /= 100
	}
	if err == nil && (x < 0 || x > 1) {
		err = fmt.Errorf("%s is not between 0%% and 100%%", text)
	}
	return x, err
}
