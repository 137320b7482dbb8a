package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// flags are what the command line says.
type flags struct {
	xds, node, accessLog, admin string
	drain                       time.Duration
	level                       slog.Level
}

var errHelp = errors.New("help")

// parse reads the command line. Each mistake has its sentence.
func parse(args []string) (flags, error) {
	f := flags{level: slog.LevelInfo}
	set := flag.NewFlagSet("fairlead-proxy", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&f.xds, "xds", "", "")
	set.StringVar(&f.node, "node", "", "")
	set.StringVar(&f.accessLog, "access-log", "", "")
	set.StringVar(&f.admin, "admin", "", "")
	set.DurationVar(&f.drain, "drain-timeout", 10*time.Second, "")
	set.TextVar(&f.level, "log-level", slog.LevelInfo, "")
	if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
		return f, errHelp
	} else if err != nil {
		return f, err
	}
	switch {
	case set.NArg() > 0 && set.Arg(0) == "help":
		return f, errHelp
	case set.NArg() > 0:
		return f, fmt.Errorf("%q is not understood: only options are", set.Arg(0))
	case f.xds == "":
		return f, errors.New("--xds is missing: say where the control plane is, as in --xds 127.0.0.1:15010")
	case f.node == "":
		return f, errors.New("--node is missing: say by which name the control plane knows this proxy, as in --node west/gateway")
	case f.drain <= 0:
		return f, fmt.Errorf("--drain-timeout %s: it must be above 0", f.drain)
	}
	return f, nil
}
