package verbs

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/membership"
)

// hub gathers what concerns the hub: a real one, and, with down and up, the one of a running dev.
func (a *app) hub() *cobra.Command {
	cmd := &cobra.Command{
		Use: "hub", Args: count(1, 1, "fairlead hub install --context HUB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "up", "down":
				return a.toggleHub(cmd, args[0] == "up")
			}
			return mistake("try: fairlead help hub", "hub does not know %q", args[0])
		},
	}
	cmd.AddCommand(a.hubInstall(), a.hubUninstall(), a.hubInvite(), a.hubRebuild(), a.hubRun())
	return cmd
}

// toggleHub takes the hub of a running dev away, or brings it back.
func (a *app) toggleHub(cmd *cobra.Command, up bool) error {
	if err := a.dial().Hub(cmd.Context(), up); err != nil {
		return refused(err)
	}
	if up {
		return a.done("hub up", "the hub is up: the clusters exchange their records again")
	}
	return a.done("hub down", "the hub is down: everything keeps serving, records are not exchanged until fairlead hub up")
}

// done answers that something was done.
func (a *app) done(did, sentence string) error {
	return a.answer(Steered{Did: did}, func(w io.Writer) { fmt.Fprintln(w, sentence) })
}

func (a *app) hubInstall() *cobra.Command {
	var t target
	o := membership.InstallOptions{Version: build().Version, Tell: a.progress()}
	cmd := &cobra.Command{
		Use: "install", Args: count(0, 0, "fairlead hub install --context HUB"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := t.openHub()
			if err != nil {
				return refused(err)
			}
			done, err := membership.Install(cmd.Context(), h, o)
			if err != nil {
				return refused(err)
			}
			return a.answer(done, func(w io.Writer) {
				fmt.Fprintf(w, "%s is the hub of the clusterset %s.\n", done.Hub, done.ClusterSet)
				fmt.Fprintf(w, "Next: fairlead join CLUSTER --hub-context %s --context CONTEXT\n", done.Hub)
			})
		},
	}
	t.flags(cmd)
	cmd.Flags().StringVar(&o.ClusterSet, "clusterset", "", "")
	cmd.Flags().StringVar(&o.Manifest.Image, "image", manifest.Image, "")
	cmd.Flags().Int32Var(&o.Manifest.Replicas, "replicas", 2, "")
	cmd.Flags().BoolVar(&o.Manifest.Bare, "bare", false, "")
	return cmd
}

func (a *app) hubUninstall() *cobra.Command {
	var t target
	var force bool
	cmd := &cobra.Command{
		Use: "uninstall", Args: count(0, 0, "fairlead hub uninstall --context HUB"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := t.openHub()
			if err != nil {
				return refused(err)
			}
			if err := membership.Uninstall(cmd.Context(), h, build().Version, force, a.progress()); err != nil {
				return refused(err)
			}
			return a.done("hub uninstall", h.Context+" is no hub any more")
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "")
	return cmd
}

func (a *app) hubRebuild() *cobra.Command {
	var t target
	var contexts []string
	o := membership.RebuildOptions{Version: build().Version, Tell: a.progress()}
	const form = "fairlead hub rebuild --context NEWHUB --members west,east"
	cmd := &cobra.Command{
		Use: "rebuild", Args: count(0, 0, form),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(contexts) == 0 {
				return mistake("try: "+form, "hub rebuild needs the contexts of the members, who know what the lost hub knew")
			}
			h, err := t.openHub()
			if err != nil {
				return refused(err)
			}
			var members []*membership.Access
			for _, c := range contexts {
				m, err := membership.Open(t.kubeconfig, c)
				if err != nil {
					return refused(err)
				}
				members = append(members, m)
			}
			done, err := membership.Rebuild(cmd.Context(), h, members, o)
			if err != nil {
				return refused(err)
			}
			return a.answer(done, func(w io.Writer) { printRebuilt(w, done) })
		},
	}
	t.flags(cmd)
	cmd.Flags().StringSliceVar(&contexts, "members", nil, "")
	cmd.Flags().StringVar(&o.Server, "server", "", "")
	cmd.Flags().StringVar(&o.Manifest.Image, "image", manifest.Image, "")
	cmd.Flags().BoolVar(&o.Manifest.Bare, "bare", false, "")
	return cmd
}

func printRebuilt(w io.Writer, done membership.Rebuilt) {
	fmt.Fprintf(w, "%s is the hub of the clusterset %s again, with %s:\n", done.Hub, done.ClusterSet, plural(len(done.Members), "member"))
	for _, m := range done.Members {
		if m.Entrusted {
			fmt.Fprintf(w, "  %s has new credentials and publishes by itself\n", m.Cluster)
		} else {
			fmt.Fprintf(w, "  %s was not among --members: fairlead join %s --hub-context %s --context CONTEXT --again\n", m.Cluster, m.Cluster, done.Hub)
		}
	}
}
