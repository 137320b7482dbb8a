package verbs

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/control"
)

func (a *app) lose() *cobra.Command {
	return a.steer("lose", "its connections hang and its control is silent until fairlead find", (*control.Client).Lose, nil)
}

func (a *app) find() *cobra.Command {
	return a.steer("find", "it answers again", (*control.Client).Find, nil)
}

// release is no fault, but the operator's word after one.
func (a *app) release() *cobra.Command {
	return a.steer("release", "what it withdraws is believed", (*control.Client).Release, nil)
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
