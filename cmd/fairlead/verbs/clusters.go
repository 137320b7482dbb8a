package verbs

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/membership"
)

func (a *app) clusters() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use: "clusters", Args: count(0, 0, "fairlead clusters"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if t.given() {
				return a.realClusters(cmd.Context(), t)
			}
			clusters, err := a.dial().Clusters(cmd.Context())
			if err != nil {
				return refused(err)
			}
			return a.answer(clusters, func(w io.Writer) { table(w, clusterRows(clusters)) })
		},
	}
	t.flags(cmd)
	return cmd
}

// realClusters lists the members of a hub.
func (a *app) realClusters(ctx context.Context, t target) error {
	h, err := t.openHub()
	if err != nil {
		return refused(err)
	}
	members, err := membership.Clusters(ctx, h, build().Version)
	if err != nil {
		return refused(err)
	}
	return a.answer(members, func(w io.Writer) { table(w, memberRows(members, time.Now())) })
}

func memberRows(members []membership.Member, now time.Time) [][]string {
	rows := [][]string{{"CLUSTER", "REGION", "ZONE", "EXPORTS", "KUBERNETES", "AGENT", "HEARTBEAT", "STATE"}}
	for _, m := range members {
		beat := "-"
		if m.Heartbeat != nil {
			beat = ago(now, *m.Heartbeat)
		}
		rows = append(rows, []string{
			m.Cluster, orDash(m.Region), orDash(m.Zone), fmt.Sprint(m.Exports), orDash(m.Kubernetes), orDash(m.Agent), beat, string(m.State),
		})
	}
	return rows
}

func clusterRows(clusters []control.Cluster) [][]string {
	off := cutOff(clusters)
	rows := [][]string{{"CLUSTER", "REGION", "ZONE", "ADDRESS", "EXPORTS", "PROBLEMS", "SEEN AS"}}
	for _, c := range clusters {
		rows = append(rows, []string{
			c.Name, orDash(c.Region), orDash(c.Zone), c.Address, fmt.Sprint(c.Exports), fmt.Sprint(c.Problems), held(c, off),
		})
	}
	return rows
}

// held says what the others hold of a cluster, as far as they are not cut off themselves: one word where all agree.
func held(c control.Cluster, off map[string]bool) string {
	var words []string
	var first fleet.Verdict
	agree := true
	for _, v := range c.Verdicts {
		if v.From == c.Name || off[v.From] {
			continue
		}
		if len(words) == 0 {
			first = v.Verdict
		}
		agree = agree && v.Verdict == first
		words = append(words, fmt.Sprintf("%s (%s)", v.Verdict, v.From))
	}
	text := strings.Join(words, ", ")
	if agree && len(words) > 0 {
		text = first.String()
	}
	if c.Vanished {
		text += ", folder gone"
	}
	return orDash(text)
}
