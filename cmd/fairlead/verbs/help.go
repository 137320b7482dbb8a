package verbs

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/plan"
)

//go:embed usage.txt
var usageText string

// about holds what help says of each verb: its form, what it does, and a real example.
var about = map[string]string{
	"dev": `fairlead dev DIR [--control PATH] [--port-per-cluster] [--log-level debug|info|warn|error]

Runs the clusterset in DIR until it is interrupted: gateways, DNS, beacons and the
pods of the image fairlead.dev/echo, everything on loopback addresses. A changed
file is live at once; a broken one is told by file, line and field, and what it
described last keeps serving. --port-per-cluster uses 127.0.0.1 alone, with ports
100 apart, as it always is where further loopback addresses do not exist.

    $ fairlead dev examples/shop
`,
	"clusters": `fairlead clusters

Lists the clusters: where they are, what they export, and what the others hold of
them (serving, suspect, draining or lost).

    $ fairlead clusters
`,
	"status": `fairlead status

Prints what an operator needs first: clusters that do not serve, records that are
held, objects that were not taken with file and line, gateways and routes that are
not ready, whether the hub is there.

    $ fairlead status
`,
	"picture": `fairlead picture [DIR] [--from CLUSTER]

Prints what a cluster sees, one line per route, service, endpoint group and name,
and what was not taken and why. With DIR it is worked out from the folder; without,
a running dev is asked. Without --from every cluster is printed.

    $ fairlead picture examples/shop --from west
`,
	"trace": `fairlead trace --from CLUSTER [METHOD] URL [DIR] [-H 'NAME: VALUE']

Sends a virtual request through what a cluster's proxy was given, and tells which
route, rule, service, tier, cluster and endpoint it meets and why the others lost.

    $ fairlead trace --from west GET https://shop.example/cart examples/shop
`,
	"plan": `fairlead plan DIR --if EVENT [--if EVENT]...

Prints what would change in each cluster's picture if something happened, and which
services would have less left. The events happen one after another:

` + indent(plan.Grammar) + `
    $ fairlead plan examples/shop --if 'lose east'
`,
	"drain": `fairlead drain CLUSTER

Takes all new traffic off a cluster, everywhere, and waits until every other cluster
says so. What is on its way ends by itself.

    $ fairlead drain west
`,
	"restore": `fairlead restore CLUSTER

Lets a drained cluster take traffic again.

    $ fairlead restore west
`,
	"release": `fairlead release CLUSTER

Lets a withdrawal go on that the other clusters hold: when more than half of a
cluster's exports, and more than 20, go at once, that looks like an accident and
waits for a minute, or for this word. fairlead status tells what is held.

    $ fairlead release west
`,
	"lose": `fairlead lose CLUSTER

For trying failures: the cluster's data path goes dark (connections hang) and its
control goes silent, until it is found again.

    $ fairlead lose east
`,
	"find": `fairlead find CLUSTER

Lets a cluster that was lost answer again.

    $ fairlead find east
`,
	"hub": `fairlead hub down|up

For trying failures: takes the hub away, through which the clusters exchange their
records, or brings it back. Everything keeps serving without it.

    $ fairlead hub down
`,
	"version": `fairlead version

Prints which build this is.
`,
}

// helpFor returns the page of one verb, and the whole usage for anything else.
func helpFor(verb string) string {
	if text, ok := about[verb]; ok {
		return text
	}
	return usageText
}

func (a *app) help() *cobra.Command {
	return &cobra.Command{
		Use: "help", Args: count(0, 1, "fairlead help"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				fmt.Fprint(a.out, usageText)
				return nil
			}
			if _, ok := about[args[0]]; !ok {
				return unknownVerb(cmd.Root(), args[0])
			}
			fmt.Fprint(a.out, about[args[0]])
			return nil
		},
	}
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}
