package verbs

import (
	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/membership"
)

func (a *app) lose() *cobra.Command {
	return a.steer(steering{
		verb: "lose", effect: "its connections hang and its control is silent until fairlead find", ask: (*control.Client).Lose,
	})
}

func (a *app) find() *cobra.Command {
	return a.steer(steering{verb: "find", effect: "it answers again", ask: (*control.Client).Find})
}

// release is no fault, but the operator's word after one.
func (a *app) release() *cobra.Command {
	return a.steer(steering{
		verb: "release", effect: "what it withdraws is believed", ask: (*control.Client).Release, real: membership.Release,
	})
}
