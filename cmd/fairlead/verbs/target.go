package verbs

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/membership"
)

// target is which real clusters a verb talks to. Where a verb talks to the hub alone, --context means the hub too.
type target struct {
	kubeconfig, context, hub string
}

func (t *target) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.kubeconfig, "kubeconfig", "", "")
	cmd.Flags().StringVar(&t.context, "context", "", "")
	cmd.Flags().StringVar(&t.hub, "hub-context", "", "")
}

// given says whether real clusters are meant, and not a running dev.
func (t *target) given() bool { return *t != target{} }

// openHub opens the hub, for a verb that talks to nothing else.
func (t *target) openHub() (*membership.Access, error) {
	return membership.Open(t.kubeconfig, cmp.Or(t.hub, t.context))
}

// openBoth opens the hub and one member cluster, which have to be named.
func (t *target) openBoth() (hub, member *membership.Access, err error) {
	if hub, err = membership.Open(t.kubeconfig, t.hub); err != nil {
		return nil, nil, err
	}
	member, err = membership.Open(t.kubeconfig, t.context)
	return hub, member, err
}

// ask asks the agent of the member cluster for a page.
func (t *target) ask(ctx context.Context, page string) ([]byte, error) {
	m, err := membership.Open(t.kubeconfig, t.context)
	if err != nil {
		return nil, err
	}
	return membership.Ask(ctx, m, page)
}

// progress tells on stderr what is being done, where somebody looks on.
func (a *app) progress() membership.Tell {
	if !tty(a.err) {
		return nil
	}
	return func(line string) { fmt.Fprintln(a.err, line) }
}
