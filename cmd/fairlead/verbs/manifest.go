package verbs

import (
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/manifest"
)

const manifestForm = "fairlead manifest hub|agent [--image IMAGE]"

// manifest prints what an installation consists of. Nothing is asked and nothing is applied.
func (a *app) manifest() *cobra.Command {
	var hub manifest.HubOptions
	var agent manifest.AgentOptions
	cmd := &cobra.Command{
		Use: "manifest", Args: count(1, 1, manifestForm),
		RunE: func(_ *cobra.Command, args []string) error {
			hub.Image, hub.Replicas = agent.Image, agent.Replicas
			switch args[0] {
			case "hub":
				return a.print(manifest.Hub(hub))
			case "agent":
				return a.print(manifest.Agent(agent))
			}
			return mistake("try: fairlead manifest agent", "there is a manifest for hub and for agent, and none for %q", args[0])
		},
	}
	cmd.Flags().StringVar(&agent.Image, "image", manifest.Image, "")
	cmd.Flags().Int32Var(&agent.Replicas, "replicas", 2, "")
	cmd.Flags().Int32Var(&agent.DNSReplicas, "dns-replicas", 2, "")
	cmd.Flags().BoolVar(&agent.Gateways, "gateways", false, "")
	cmd.Flags().BoolVar(&agent.NetworkPolicy, "network-policy", false, "")
	cmd.Flags().BoolVar(&hub.Bare, "bare", false, "")
	return cmd
}

func (a *app) print(objects []client.Object) error {
	if a.output == "json" {
		return a.answer(objects, nil)
	}
	if _, err := a.out.Write(manifest.Text(objects)); err != nil {
		return fmt.Errorf("print the manifest: %w", err)
	}
	return nil
}
