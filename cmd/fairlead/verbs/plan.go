package verbs

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/plan"
)

// Plan is what plan prints as JSON.
type Plan struct {
	Events   []string       `json:"events"`
	Outcomes []plan.Outcome `json:"outcomes"`
	Summary  string         `json:"summary"`
}

func (a *app) plan() *cobra.Command {
	var events []string
	cmd := &cobra.Command{
		Use: "plan", Args: count(1, 1, "fairlead plan examples/shop --if 'lose east'"),
		RunE: func(_ *cobra.Command, args []string) error {
			parsed, err := parseEvents(events)
			if err != nil {
				return err
			}
			s, err := a.readClusterset("plan", args[0])
			if err != nil {
				return err
			}
			before := s.fleet.Pictures()
			for _, e := range parsed {
				if err := a.happen(s, e); err != nil {
					return err
				}
			}
			outcomes := plan.Compare(before, s.fleet.Pictures())
			p := Plan{Events: events, Outcomes: outcomes, Summary: plan.Summary(outcomes)}
			return a.answer(p, func(w io.Writer) { printPlan(w, p) })
		},
	}
	cmd.Flags().StringArrayVar(&events, "if", nil, "")
	return cmd
}

func parseEvents(lines []string) ([]plan.Event, error) {
	if len(lines) == 0 {
		return nil, mistake("try: fairlead plan examples/shop --if 'lose east'", "plan needs to know what happens: --if EVENT")
	}
	var events []plan.Event
	for _, line := range lines {
		e, err := plan.ParseEvent(line)
		if err != nil {
			return nil, mistake("try: fairlead help plan, which lists what can happen", "%w", err)
		}
		events = append(events, e)
	}
	return events, nil
}

// printPlan prints each cluster's changed lines under a head that says what is left of its services, and the summary.
func printPlan(w io.Writer, p Plan) {
	for _, o := range p.Outcomes {
		fmt.Fprintf(w, "# seen from %s: %s change\n", o.Cluster, plural(len(o.Lines), "line"))
		for _, l := range o.Services {
			fmt.Fprintf(w, "# %s\n", l)
		}
		for _, line := range o.Lines {
			fmt.Fprintln(w, line)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, p.Summary)
}
