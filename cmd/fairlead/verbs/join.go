package verbs

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/membership"
)

const joinForm = "fairlead join west --hub-context HUB --context WEST"

func (a *app) join() *cobra.Command {
	var t target
	var invitation, names string
	o := membership.JoinOptions{Version: build().Version, Tell: a.progress()}
	cmd := &cobra.Command{
		Use: "join", Args: count(0, 1, joinForm),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Cluster = args[0]
			}
			if names != "none" && names != "coredns" {
				return mistake("write --dns coredns, or leave it out and look at fairlead dns print", "there is no way %q to make the names known", names)
			}
			o.Names = names == "coredns"
			done, err := a.joinBy(cmd, t, o, invitation)
			if err != nil {
				return refused(err)
			}
			return a.answer(done, func(w io.Writer) { printJoined(w, done, t.context) })
		},
	}
	t.flags(cmd)
	cmd.Flags().StringVar(&invitation, "invitation", "", "")
	cmd.Flags().StringVar(&o.Region, "region", "", "")
	cmd.Flags().StringVar(&o.Zone, "zone", "", "")
	cmd.Flags().StringVar(&o.Network, "network", "", "")
	cmd.Flags().StringSliceVar(&o.Namespaces, "namespaces", nil, "")
	cmd.Flags().StringVar(&o.Server, "server", "", "")
	cmd.Flags().BoolVar(&o.Again, "again", false, "")
	cmd.Flags().DurationVar(&o.Wait, "wait", 3*time.Minute, "")
	cmd.Flags().StringVar(&names, "dns", "none", "")
	cmd.Flags().StringVar(&o.Agent.Image, "image", manifest.Image, "")
	cmd.Flags().Int32Var(&o.Agent.Replicas, "replicas", 2, "")
	cmd.Flags().Int32Var(&o.Agent.DNSReplicas, "dns-replicas", 2, "")
	cmd.Flags().BoolVar(&o.Agent.Gateways, "gateways", false, "")
	cmd.Flags().BoolVar(&o.Agent.NetworkPolicy, "network-policy", false, "")
	return cmd
}

// joinBy joins with both contexts, or with an invitation where one is given.
func (a *app) joinBy(cmd *cobra.Command, t target, o membership.JoinOptions, invitation string) (membership.Joined, error) {
	if invitation != "" {
		return a.accept(cmd, t, o, invitation)
	}
	switch {
	case o.Cluster == "":
		return membership.Joined{}, mistake("try: "+joinForm, "join needs the name that the cluster is to have")
	case t.hub == "" || t.context == "":
		return membership.Joined{}, mistake("try: fairlead join "+o.Cluster+" --hub-context HUB --context CONTEXT; or, with another team's hub: --invitation",
			"join needs the contexts of the hub and of the cluster")
	}
	h, m, err := t.openBoth()
	if err != nil {
		return membership.Joined{}, err
	}
	return membership.Join(cmd.Context(), h, m, o)
}

// accept joins with an invitation, which may come on stdin.
func (a *app) accept(cmd *cobra.Command, t target, o membership.JoinOptions, word string) (membership.Joined, error) {
	if word == "-" {
		b, err := io.ReadAll(io.LimitReader(a.in, 1<<20))
		if err != nil {
			return membership.Joined{}, fmt.Errorf("read the invitation: %w", err)
		}
		word = string(b)
	}
	i, err := membership.ParseInvitation(word)
	if err != nil {
		return membership.Joined{}, err
	}
	if o.Cluster != "" && o.Cluster != i.Cluster {
		return membership.Joined{}, failure("ask the hub's operator: fairlead hub invite "+o.Cluster, "the invitation is for %s and not for %s", i.Cluster, o.Cluster)
	}
	m, err := membership.Open(t.kubeconfig, t.context)
	if err != nil {
		return membership.Joined{}, err
	}
	return membership.Accept(cmd.Context(), m, membership.AcceptOptions{
		Invitation: i, Agent: o.Agent, Names: o.Names, Wait: o.Wait, Version: o.Version, Tell: o.Tell,
	})
}

// printJoined says what is so now, and what comes next.
func printJoined(w io.Writer, j membership.Joined, context string) {
	place := strings.Trim(j.Region+"/"+j.Zone, "/")
	if j.Pending {
		fmt.Fprintf(w, "%s has introduced itself to the clusterset %s.\n", j.Cluster, j.ClusterSet)
		fmt.Fprintf(w, "Next, by the hub's operator: fairlead approve %s\n", j.Cluster)
		return
	}
	fmt.Fprintf(w, "%s is a member of the clusterset %s, in %s.\n", j.Cluster, j.ClusterSet, cmp.Or(place, "no region"))
	if !j.Ready {
		fmt.Fprintln(w, "Its agent was installed and not waited for.")
	}
	if !j.Names {
		fmt.Fprintf(w, "Its resolver does not know clusterset.local yet: fairlead dns enable --context %s\n", context)
	}
	fmt.Fprintf(w, "Next: fairlead check --context %s; then make a ServiceExport with the name of a Service\n", context)
}
