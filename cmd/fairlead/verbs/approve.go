package verbs

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/membership"
)

func (a *app) approve() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use: "approve", Args: count(1, 1, "fairlead approve west --context HUB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := t.openHub()
			if err != nil {
				return refused(err)
			}
			done, err := membership.Approve(cmd.Context(), h, args[0], build().Version)
			if err != nil {
				return refused(err)
			}
			return a.answer(done, func(w io.Writer) {
				fmt.Fprintf(w, "approved %s: it is the cluster whose namespace kube-system has the uid %s\n", done.Cluster, done.UID)
			})
		},
	}
	t.flags(cmd)
	return cmd
}
