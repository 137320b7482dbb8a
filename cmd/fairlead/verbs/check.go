package verbs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/check"
	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/membership"
)

const checkForm = "fairlead check --context WEST --hub-context HUB [--with EAST,NORTH]"

// errFound ends check with status 1 after it has said what it found.
var errFound = &refusal{error: errors.New(""), code: exitFailed}

// checking is one run of check.
type checking struct {
	target
	with   []string
	image  string
	server string
	noPods bool
	wait   time.Duration
}

// check looks for what breaks fleets, in one cluster and on the way to others.
func (a *app) check() *cobra.Command {
	var c checking
	cmd := &cobra.Command{
		Use: "check", Args: count(0, 0, checkForm),
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings, err := a.findings(cmd.Context(), c)
			if err != nil {
				return refused(err)
			}
			if err := a.answer(findings, func(w io.Writer) { printFindings(w, findings) }); err != nil {
				return err
			}
			if check.Worst(findings) == check.FAIL {
				return errFound
			}
			return nil
		},
	}
	c.flags(cmd)
	cmd.Flags().StringSliceVar(&c.with, "with", nil, "")
	cmd.Flags().StringVar(&c.image, "image", manifest.Image, "")
	cmd.Flags().StringVar(&c.server, "server", "", "")
	cmd.Flags().BoolVar(&c.noPods, "no-pods", false, "")
	cmd.Flags().DurationVar(&c.wait, "wait", time.Minute, "")
	cmd.AddCommand(a.checkProbe())
	return cmd
}

func printFindings(w io.Writer, findings []check.Finding) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		fmt.Fprintln(tw, f)
	}
	tw.Flush()
}

// findings gathers, sends pods, and judges.
func (a *app) findings(ctx context.Context, c checking) ([]check.Finding, error) {
	own, err := membership.Open(c.kubeconfig, c.context)
	if err != nil {
		return nil, err
	}
	places, others := []check.Place{{Context: own.Context, Config: own.Config}}, []check.Place{}
	var hub *check.Place
	if c.hub != "" {
		access, err := membership.Open(c.kubeconfig, c.hub)
		if err != nil {
			return nil, err
		}
		hub = &check.Place{Context: access.Context, Config: access.Config}
	}
	for _, name := range c.with {
		access, err := membership.Open(c.kubeconfig, name)
		if err != nil {
			return nil, err
		}
		others = append(others, check.Place{Context: access.Context, Config: access.Config})
	}
	facts, err := check.Gather(ctx, places[0], hub, others)
	if err != nil {
		return nil, err
	}
	if !c.noPods {
		facts.Walks = a.walk(c, facts, hub, append(places, others...)).Send(ctx)
	}
	return check.Judge(facts), nil
}

// walk is what pods are to try: the ways between the clusters, to the beacons of the other members, and to the hub.
func (a *app) walk(c checking, facts *check.Facts, hub *check.Place, places []check.Place) check.Walk {
	w := check.Walk{Places: places, Image: c.image, Patience: c.wait, Beacons: facts.Beacons(), Hub: c.server}
	for _, p := range places {
		w.Names = append(w.Names, p.Context)
	}
	if w.Hub == "" {
		w.Hub = facts.Cluster.HubServer
	}
	if w.Hub == "" && hub != nil {
		w.Hub = hub.Config.Host
	}
	if tell := a.progress(); tell != nil {
		w.Say = tell
	}
	return w
}

// checkProbe is what check runs in pods.
func (a *app) checkProbe() *cobra.Command {
	var hub, serve string
	var to []string
	cmd := &cobra.Command{
		Use: "probe", Hidden: true, Args: count(0, 0, "fairlead check probe --to east=10.2.0.7:15021"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if serve != "" {
				return check.Serve(cmd.Context(), serve, "check")
			}
			var targets []check.Target
			for _, t := range to {
				name, address, ok := strings.Cut(t, "=")
				if !ok {
					return mistake("write --to CLUSTER=HOST:PORT", "%q is no target", t)
				}
				targets = append(targets, check.Target{To: name, Address: address})
			}
			return json.NewEncoder(a.out).Encode(check.Probe(cmd.Context(), hub, targets))
		},
	}
	cmd.Flags().StringVar(&hub, "hub", "", "")
	cmd.Flags().StringVar(&serve, "serve", "", "")
	cmd.Flags().StringArrayVar(&to, "to", nil, "")
	return cmd
}
