package verbs

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/fleet"
)

func (a *app) clusters() *cobra.Command {
	return &cobra.Command{
		Use: "clusters", Args: count(0, 0, "fairlead clusters"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			clusters, err := a.dial().Clusters(cmd.Context())
			if err != nil {
				return refused(err)
			}
			return a.answer(clusters, func(w io.Writer) { table(w, clusterRows(clusters)) })
		},
	}
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
