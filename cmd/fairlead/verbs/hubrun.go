package verbs

import (
	"fmt"
	"net"
	"strconv"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/role"
)

// hubRun is the role hub: in a pod it reaches the API of its own cluster, elsewhere the one that the flags name.
func (a *app) hubRun() *cobra.Command {
	var t target
	var level string
	o := role.HubOptions{}
	cmd := &cobra.Command{
		Use: "run", Args: count(0, 0, "fairlead hub run"),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Log, err = a.logger(level); err != nil {
				return err
			}
			if o.Config, err = t.ownConfig(); err != nil {
				return refused(err)
			}
			role.Libraries(o.Log)
			return role.Hub(cmd.Context(), o)
		},
	}
	t.flags(cmd)
	cmd.Flags().StringVar(&o.Health, "health", net.JoinHostPort("", strconv.Itoa(manifest.PortHealth)), "")
	cmd.Flags().StringVar(&level, "log-level", "info", "")
	return cmd
}

// ownConfig reaches the API of the cluster that this process runs in, or the one that the flags name.
func (t *target) ownConfig() (*rest.Config, error) {
	if t.given() {
		h, err := t.openHub()
		if err != nil {
			return nil, err
		}
		return h.Config, nil
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("reach the API of the own cluster: %w (outside of a pod, name it by --context)", err)
	}
	return config, nil
}
