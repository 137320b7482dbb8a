package verbs

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/dev"
)

func (a *app) dev() *cobra.Command {
	var options dev.Options
	var level string
	cmd := &cobra.Command{
		Use: "dev", Args: count(1, 1, "fairlead dev examples/shop"),
		RunE: func(cmd *cobra.Command, args []string) error {
			log, err := a.logger(level)
			if err != nil {
				return err
			}
			if err := checkFolder("dev", args[0]); err != nil {
				return err
			}
			options.Dir, options.Control, options.Log = args[0], a.control, log
			options.Out, options.Err = a.out, a.err
			return refused(dev.Run(cmd.Context(), options))
		},
	}
	cmd.Flags().BoolVar(&options.PortPerCluster, "port-per-cluster", false, "")
	cmd.Flags().StringVar(&level, "log-level", "warn", "")
	return cmd
}

// logger writes to stderr, from the given level on.
func (a *app) logger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, mistake("the levels are debug, info, warn and error", "there is no log level %q", level)
	}
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: l})), nil
}

// checkFolder refuses what is no folder.
func checkFolder(verb, dir string) error {
	info, err := os.Stat(dir)
	switch {
	case os.IsNotExist(err):
		return failure("try: fairlead "+verb+" examples/shop", "there is no folder %s", dir)
	case err != nil:
		return fmt.Errorf("look at the folder: %w", err)
	case !info.IsDir():
		return failure("give the folder that has a sub-folder for each cluster", "%s is no folder", dir)
	}
	return nil
}
