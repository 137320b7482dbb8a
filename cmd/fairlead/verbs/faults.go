package verbs

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/control"
)

func (a *app) lose() *cobra.Command {
	return a.steer("lose", "its connections hang and its control is silent until fairlead find", (*control.Client).Lose)
}

func (a *app) find() *cobra.Command {
	return a.steer("find", "it answers again", (*control.Client).Find)
}

// release is no fault, but the operator's word after one.
func (a *app) release() *cobra.Command {
	return a.steer("release", "what it withdraws is believed", (*control.Client).Release)
}

// steer returns a verb that asks for something and is done.
func (a *app) steer(verb, effect string, ask func(*control.Client, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use: verb, Args: count(1, 1, "fairlead "+verb+" east"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, cluster := a.dial(), args[0]
			if err := a.checkCluster(cmd.Context(), client, cluster); err != nil {
				return err
			}
			if err := ask(client, cmd.Context(), cluster); err != nil {
				return refused(err)
			}
			return a.answer(Steered{Did: verb, Cluster: cluster}, func(w io.Writer) {
				fmt.Fprintf(w, "%s %s: %s\n", past[verb], cluster, effect)
			})
		},
	}
}

func (a *app) hub() *cobra.Command {
	return &cobra.Command{
		Use: "hub", Args: count(1, 1, "fairlead hub down"),
		RunE: func(cmd *cobra.Command, args []string) error {
			up := args[0] == "up"
			if !up && args[0] != "down" {
				return mistake("try: fairlead hub down, or fairlead hub up", "the hub can go down or come up, not %q", args[0])
			}
			if err := a.dial().Hub(cmd.Context(), up); err != nil {
				return refused(err)
			}
			return a.answer(Steered{Did: "hub " + args[0]}, func(w io.Writer) {
				if up {
					fmt.Fprintln(w, "the hub is up: the clusters exchange their records again")
				} else {
					fmt.Fprintln(w, "the hub is down: everything keeps serving, records are not exchanged until fairlead hub up")
				}
			})
		},
	}
}
