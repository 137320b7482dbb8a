package verbs

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/membership"
)

func (a *app) leave() *cobra.Command {
	var t target
	o := membership.LeaveOptions{Version: build().Version, Tell: a.progress()}
	const form = "fairlead leave west --hub-context HUB --context WEST"
	cmd := &cobra.Command{
		Use: "leave", Args: count(1, 1, form),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Cluster = args[0]
			if t.hub == "" {
				return mistake("try: fairlead leave "+o.Cluster+" --hub-context HUB --context CONTEXT", "leave needs the context of the hub")
			}
			h, err := membership.Open(t.kubeconfig, t.hub)
			if err != nil {
				return refused(err)
			}
			var m *membership.Access
			if t.context != "" {
				if m, err = membership.Open(t.kubeconfig, t.context); err != nil {
					return refused(err)
				}
			}
			done, err := membership.Leave(cmd.Context(), h, m, o)
			if err != nil {
				return refused(err)
			}
			return a.answer(done, func(w io.Writer) {
				fmt.Fprintf(w, "%s has left; its credential is worth nothing any more\n", done.Cluster)
				if !done.Uninstalled {
					fmt.Fprintln(w, "Its agent, where it still runs, keeps what it had imported: fairlead uninstall --context CONTEXT")
				}
			})
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&o.Force, "force", false, "")
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "")
	cmd.Flags().DurationVar(&o.Grace, "grace", 5*time.Second, "")
	return cmd
}

func (a *app) uninstall() *cobra.Command {
	var t target
	o := membership.UninstallOptions{Tell: a.progress()}
	cmd := &cobra.Command{
		Use: "uninstall", Args: count(0, 0, "fairlead uninstall --context WEST"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := membership.Open(t.kubeconfig, t.context)
			if err != nil {
				return refused(err)
			}
			if err := membership.Remove(cmd.Context(), m, o); err != nil {
				return refused(err)
			}
			return a.done("uninstall", "Fairlead is gone from "+m.Context+"; ServiceExports are left where they are")
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&o.Force, "force", false, "")
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "")
	return cmd
}
