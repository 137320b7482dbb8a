package verbs

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/fleet"
)

func (a *app) status() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use: "status", Args: count(0, 0, "fairlead status"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ask := a.dial().Status
			if t.given() {
				ask = t.askStatus
			}
			s, err := ask(cmd.Context())
			if err != nil {
				return refused(err)
			}
			return a.answer(s, func(w io.Writer) { printStatus(w, s, time.Now()) })
		},
	}
	t.flags(cmd)
	return cmd
}

// askStatus asks the agent of a real cluster, which tells what it sees.
func (t *target) askStatus(ctx context.Context) (s control.Status, err error) {
	b, err := t.ask(ctx, "status")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("read the status that the agent told: %w", err)
	}
	problems, err := t.nameProblems(ctx)
	s.Problems = append(s.Problems, problems...)
	return s, err
}

// printStatus prints the page that is read in an outage: a line for each cluster, then only what is wrong, the gravest first.
func printStatus(w io.Writer, s control.Status, now time.Time) {
	off := cutOff(s.Clusters)
	fmt.Fprintln(w, headline(s, off))
	fmt.Fprintln(w)
	table(w, verdictRows(s.Clusters, off, now))
	if len(off) > 0 {
		fmt.Fprintf(w, "Cut off, so what it holds of the others is left out: %s.\n", strings.Join(slices.Sorted(maps.Keys(off)), ", "))
	}
	section(w, "Held: missing without an explanation, and therefore kept", heldLines(s))
	section(w, "Addresses that could not be opened", problemLines(s.Listeners))
	section(w, problemsTitle(s.Problems), problemLines(s.Problems))
	section(w, "Not taken", rejectionLines(s))
	section(w, "Not ready", unreadyLines(s.Unready))
	section(w, "Refused by a proxy", nackLines(s))
	section(w, "Proxies without their control plane; they serve what they had last", orphanLines(s.Proxies))
	section(w, "Endpoints that a proxy does not use", unusableLines(s.Proxies))
	section(w, "Conflicts between exports", conflictLines(s.Services))
}

// problemsTitle says where the problems are: in the files of a folder, or in a running cluster, where nothing has a place in a file.
func problemsTitle(problems []control.Problem) string {
	if slices.ContainsFunc(problems, func(p control.Problem) bool { return p.Where != "" }) {
		return "Problems in the folder; what they described last keeps serving"
	}
	return "Problems"
}

// cutOff returns the clusters that see nobody while somebody holds them for lost: what they hold of the others says little.
func cutOff(clusters []control.Cluster) map[string]bool {
	off := map[string]bool{}
	for _, c := range clusters {
		lost := slices.ContainsFunc(c.Verdicts, func(v control.Verdict) bool { return v.From != c.Name && v.Verdict == fleet.Lost })
		if c.Lost || lost {
			off[c.Name] = true
		}
	}
	return off
}

// headline says in one line how things stand.
func headline(s control.Status, off map[string]bool) string {
	serving := 0
	for _, c := range s.Clusters {
		if len(doubts(c, off)) == 0 && !c.Lost {
			serving++
		}
	}
	hub := "the hub is up"
	if !s.HubUp {
		hub = "the hub is DOWN: records are not exchanged, everything else goes on"
	}
	return fmt.Sprintf("%d of %s serve, %s; %s.", serving, plural(len(s.Clusters), "cluster"), plural(len(s.Services), "service"), hub)
}

// doubts returns the verdicts of other clusters, as far as they are not cut off, that are not serving.
func doubts(c control.Cluster, off map[string]bool) (bad []control.Verdict) {
	for _, v := range c.Verdicts {
		if v.From != c.Name && !off[v.From] && v.Verdict != fleet.Serving {
			bad = append(bad, v)
		}
	}
	return bad
}

// verdictRows gives one row for each cluster that all agree on, and one for each doubt about the others.
func verdictRows(clusters []control.Cluster, off map[string]bool, now time.Time) [][]string {
	rows := [][]string{{"CLUSTER", "VERDICT", "SEEN FROM", "SINCE", "REASON"}}
	for _, c := range clusters {
		bad := doubts(c, off)
		if len(bad) == 0 {
			rows = append(rows, []string{c.Name, fleet.Serving.String(), "all", "-", "-"})
			continue
		}
		for _, v := range bad {
			rows = append(rows, []string{c.Name, v.Verdict.String(), v.From, ago(now, v.Since), orDash(v.Reason)})
		}
	}
	return rows
}

func ago(now, since time.Time) string {
	if since.IsZero() {
		return "-"
	}
	return max(0, now.Sub(since)).Round(time.Second).String()
}
