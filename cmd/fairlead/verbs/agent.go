package verbs

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/role"
)

// agent runs the role: one replica of a member cluster's agent.
func (a *app) agent() *cobra.Command {
	var t target
	var level, format string
	var options role.AgentOptions
	cmd := &cobra.Command{
		Use: "agent", Args: count(0, 0, "fairlead agent"),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if options.Log, err = a.formatted(level, format); err != nil {
				return err
			}
			if options.Config, err = t.ownConfig(); err != nil {
				return refused(err)
			}
			options.Version = build().Version
			role.Libraries(options.Log)
			return role.Agent(cmd.Context(), options)
		},
	}
	host, _ := os.Hostname()
	cmd.Flags().StringVar(&t.kubeconfig, "kubeconfig", "", "")
	cmd.Flags().StringVar(&t.context, "context", "", "")
	cmd.Flags().StringVar(&options.Namespace, "namespace", manifest.Namespace, "")
	cmd.Flags().StringVar(&options.Cluster, "cluster", "", "")
	cmd.Flags().StringVar(&options.Pod, "pod", cmp.Or(os.Getenv("POD_NAME"), host), "")
	cmd.Flags().StringVar(&options.PodIP, "pod-ip", os.Getenv("POD_IP"), "")
	cmd.Flags().StringVar(&options.Health, "health", fmt.Sprintf(":%d", manifest.PortHealth), "")
	cmd.Flags().StringVar(&options.Beacon, "beacon", fmt.Sprintf(":%d", manifest.PortBeacon), "")
	cmd.Flags().StringVar(&options.Peers, "peers", fmt.Sprintf(":%d", manifest.PortPeers), "")
	cmd.Flags().BoolVar(&options.Gateways, "gateways", false, "")
	cmd.Flags().StringVar(&level, "log-level", "info", "")
	cmd.Flags().StringVar(&format, "log-format", "text", "")
	return cmd
}

// formatted is logger for what runs in a cluster, where logs are gathered: as text, or as JSON.
func (a *app) formatted(level, format string) (*slog.Logger, error) {
	if format == "text" {
		return a.logger(level)
	}
	if format != "json" {
		return nil, mistake("write --log-format text or --log-format json", "there is no log format %q", format)
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, mistake("the levels are debug, info, warn and error", "there is no log level %q", level)
	}
	return slog.New(slog.NewJSONHandler(a.err, &slog.HandlerOptions{Level: l})), nil
}
