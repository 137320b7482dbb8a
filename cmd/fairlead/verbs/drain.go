package verbs

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/membership"
)

// drainWait bounds how long drain and restore wait for the clusters' word; drainLook is how often they ask.
const (
	drainWait = 30 * time.Second
	drainLook = 100 * time.Millisecond
)

// Steered is what drain, restore, release, lose, find and hub print as JSON.
type Steered struct {
	Did     string            `json:"did"`
	Cluster string            `json:"cluster,omitempty"`
	Seen    map[string]string `json:"seen,omitempty"` // what each cluster holds of it now
}

func (a *app) drain() *cobra.Command {
	return a.steer(steering{
		verb: "drain", effect: "all new traffic goes elsewhere; what is on its way ends by itself", ask: (*control.Client).Drain,
		done: func(v fleet.Verdict) bool { return v != fleet.Serving && v != fleet.Suspect },
		real: func(ctx context.Context, h *membership.Access, cluster string) error {
			return membership.Drain(ctx, h, cluster, true)
		},
	})
}

func (a *app) restore() *cobra.Command {
	return a.steer(steering{
		verb: "restore", effect: "it takes traffic again", ask: (*control.Client).Restore,
		done: func(v fleet.Verdict) bool { return v != fleet.DrainingCluster },
		real: func(ctx context.Context, h *membership.Access, cluster string) error {
			return membership.Drain(ctx, h, cluster, false)
		},
	})
}

// steering is a verb that asks for something of one cluster.
type steering struct {
	verb, effect string
	// ask asks a running dev for it.
	ask func(*control.Client, context.Context, string) error
	// done says of the verdict of a cluster whether it has seen it; nil: nobody waits.
	done func(fleet.Verdict) bool
	// real asks a real hub for it; nil: there is no such thing.
	real func(context.Context, *membership.Access, string) error
}

func (a *app) steer(s steering) *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use: s.verb, Args: count(1, 1, "fairlead "+s.verb+" west"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if t.given() {
				return a.steerReal(cmd.Context(), s, t, args[0])
			}
			return a.steerDev(cmd.Context(), s, args[0])
		},
	}
	if s.real != nil {
		t.flags(cmd)
	}
	return cmd
}

// steerReal writes the wish to the hub. The members obey it by themselves.
func (a *app) steerReal(ctx context.Context, s steering, t target, cluster string) error {
	h, err := t.openHub()
	if err != nil {
		return refused(err)
	}
	if err := s.real(ctx, h, cluster); err != nil {
		return refused(err)
	}
	return a.answer(Steered{Did: s.verb, Cluster: cluster}, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s: %s, as soon as each member sees it\n", past[s.verb], cluster, s.effect)
	})
}

// steerDev asks a running dev and waits until every cluster sees it.
func (a *app) steerDev(ctx context.Context, s steering, cluster string) error {
	client := a.dial()
	if err := a.checkCluster(ctx, client, cluster); err != nil {
		return err
	}
	if err := s.ask(client, ctx, cluster); err != nil {
		return refused(err)
	}
	var seen map[string]string
	if s.done != nil {
		var err error
		if seen, err = a.await(ctx, client, cluster, s.done); err != nil {
			return err
		}
	}
	return a.answer(Steered{Did: s.verb, Cluster: cluster, Seen: seen}, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s: %s\n", past[s.verb], cluster, s.effect)
	})
}

var past = map[string]string{"drain": "drained", "restore": "restored", "lose": "lost", "find": "found", "release": "released"}

// await asks again and again until every cluster that is not dark itself, the one concerned too, holds what it should.
func (a *app) await(ctx context.Context, client *control.Client, cluster string, done func(fleet.Verdict) bool) (map[string]string, error) {
	end := time.Now().Add(drainWait)
	for told := ""; ; {
		clusters, err := client.Clusters(ctx)
		if err != nil {
			return nil, refused(err)
		}
		seen, missing := opinions(clusters, cluster, done)
		if len(missing) == 0 {
			return seen, nil
		}
		if note := "waiting for " + strings.Join(missing, ", "); note != told && tty(a.err) {
			fmt.Fprintln(a.err, note)
			told = note
		}
		if time.Now().After(end) {
			return nil, failure("fairlead status", "asked for, but after %v %s have not seen it", drainWait, strings.Join(missing, ", "))
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(drainLook):
		}
	}
}

// opinions returns what the clusters hold of one, itself included, and which of them are still to come round.
func opinions(clusters []control.Cluster, cluster string, done func(fleet.Verdict) bool) (seen map[string]string, missing []string) {
	dark := map[string]bool{}
	for _, c := range clusters {
		dark[c.Name] = c.Lost
	}
	seen = map[string]string{}
	for _, c := range clusters {
		if c.Name != cluster {
			continue
		}
		for _, v := range c.Verdicts {
			seen[v.From] = v.Verdict.String()
			if !done(v.Verdict) && !dark[v.From] {
				missing = append(missing, v.From)
			}
		}
	}
	return seen, missing
}

// checkCluster refuses the name of a cluster that the running dev does not have.
func (a *app) checkCluster(ctx context.Context, client *control.Client, cluster string) error {
	clusters, err := client.Clusters(ctx)
	if err != nil {
		return refused(err)
	}
	if names := clusterNames(clusters); !slices.Contains(names, cluster) {
		return unknownCluster(cluster, names)
	}
	return nil
}
