package verbs

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/membership"
)

// Invited is what hub invite prints as JSON.
type Invited struct {
	Cluster    string    `json:"cluster"`
	Expires    time.Time `json:"expires"`
	Invitation string    `json:"invitation"`
}

func (a *app) hubInvite() *cobra.Command {
	var t target
	o := membership.InviteOptions{Version: build().Version}
	cmd := &cobra.Command{
		Use: "invite", Args: count(1, 1, "fairlead hub invite west --context HUB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Cluster = args[0]
			h, err := t.openHub()
			if err != nil {
				return refused(err)
			}
			i, err := membership.Invite(cmd.Context(), h, o)
			if err != nil {
				return refused(err)
			}
			if tty(a.err) {
				fmt.Fprintf(a.err, "Good until %s for whoever has it. The operator of %s runs: fairlead join --invitation - --context CONTEXT\n",
					i.Expires.Local().Format(time.Kitchen), i.Cluster)
				fmt.Fprintf(a.err, "Then: fairlead approve %s --context %s\n", i.Cluster, h.Context)
			}
			return a.answer(Invited{i.Cluster, i.Expires, i.String()}, func(w io.Writer) { fmt.Fprintln(w, i) })
		},
	}
	t.flags(cmd)
	cmd.Flags().DurationVar(&o.TTL, "ttl", time.Hour, "")
	cmd.Flags().StringSliceVar(&o.Namespaces, "namespaces", nil, "")
	cmd.Flags().StringVar(&o.Region, "region", "", "")
	cmd.Flags().StringVar(&o.Zone, "zone", "", "")
	cmd.Flags().StringVar(&o.Network, "network", "", "")
	cmd.Flags().StringVar(&o.Server, "server", "", "")
	return cmd
}
