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
	"clusters": `fairlead clusters [--context HUB]

Lists the clusters: where they are, what they export, and what the others hold of
them (serving, suspect, draining or lost). With the context of a real hub it lists
the members: their versions, the age of their heartbeats, and how they stand with
the hub (present, draining, silent, joining, invited, introduced, leaving).

    $ fairlead clusters
`,
	"status": `fairlead status [--context CLUSTER]

Prints what an operator needs first: clusters that do not serve, records that are
held, objects that were not taken with file and line, gateways and routes that are
not ready, whether the hub is there. With the context of a real member cluster its
agent is asked.

    $ fairlead status
`,
	"picture": `fairlead picture [DIR] [--from CLUSTER] [--context CLUSTER]

Prints what a cluster sees, one line per route, service, endpoint group and name,
and what was not taken and why. With DIR it is worked out from the folder; with
--context the agent of a real cluster is asked; without either, a running dev.
Without --from every cluster is printed.

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
	"drain": `fairlead drain CLUSTER [--context HUB]

Takes all new traffic off a cluster, everywhere, and waits until every other cluster
says so. What is on its way ends by itself. On a real hub it writes the wish, which
the members obey within moments.

    $ fairlead drain west
`,
	"restore": `fairlead restore CLUSTER [--context HUB]

Lets a drained cluster take traffic again.

    $ fairlead restore west
`,
	"release": `fairlead release CLUSTER [--context HUB]

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
	"hub": `fairlead hub install --context HUB [--clusterset NAME] [--image I] [--bare]
fairlead hub invite CLUSTER --context HUB [--ttl 1h] [--namespaces A,B]
fairlead hub rebuild --context NEWHUB --members CONTEXT,CONTEXT [--server URL]
fairlead hub uninstall --context HUB [--force]
fairlead hub run
fairlead hub down|up

install makes a cluster's API the hub of a clusterset, or brings a hub up to this
version; --bare leaves out the Deployment that keeps ClusterProfiles, which is what
hub run is. invite prepares a member that another team brings in, and prints an
invitation: a secret, good for --ttl, to be used by fairlead join --invitation.
rebuild makes a lost hub again from what its members remember, with their exports
untouched. uninstall takes a hub away that has no members. down and up take away
the hub of a running dev, and bring it back: everything serves without it.

    $ fairlead hub install --context west
`,
	"join": `fairlead join CLUSTER --hub-context HUB --context CLUSTER [--again]
              [--namespaces A,B] [--region R] [--zone Z] [--network N]
              [--server URL] [--wait 3m] [--dns coredns] [--image I]
              [--replicas N] [--dns-replicas N] [--gateways] [--network-policy]
fairlead join --invitation -|WORD --context CLUSTER

Makes a cluster a member: its Member and its credential on the hub, the agent in the
cluster. It waits until the agent has written to the hub; --wait 0 does not. Region
and zone are those of the nodes where they agree. --server is the URL of the hub as
the cluster's pods reach it, where that differs from the hub's context. --namespaces
are those whose services it may export; without, all. A cluster that is a member is
refused; --again installs the agent anew, with new credentials. --dns coredns does
what fairlead dns enable does.
With an invitation by the hub's operator the cluster introduces itself, and takes
part once that operator has approved it.

    $ fairlead join west --hub-context west --context west
`,
	"approve": `fairlead approve CLUSTER [--context HUB]

Lets a member in that was invited and has introduced itself. From then on it is held
to be the cluster whose namespace kube-system has the uid that it told.

    $ fairlead approve west --context hub
`,
	"leave": `fairlead leave CLUSTER --hub-context HUB [--context CLUSTER] [--keep]
               [--force] [--grace 5s]

Lets a member go. The others drop what it exported at once; its credential is worth
nothing; its records and its namespace on the hub go. With its own context the agent
is removed too, with what was imported, unless --keep is given. --force stands in for
the context of a cluster that is dead. ServiceExports are left where they are.

    $ fairlead leave west --hub-context hub --context west
`,
	"uninstall": `fairlead uninstall --context CLUSTER [--keep] [--force]

Removes the agent, and what was imported, from a cluster whose hub is gone or that
has left already. While its hub answers and has it as a member, that is refused:
see leave. Kinds and ServiceExports are left where they are.

    $ fairlead uninstall --context west
`,
	"agent": `fairlead agent [--cluster NAME] [--namespace fairlead-system] [--gateways]
               [--health :15020] [--beacon :15021] [--peers :15022]
               [--pod NAME] [--pod-ip IP] [--log-level info] [--log-format text|json]

Runs one replica of a member cluster's agent. It is what runs in the pods that join
installs. It waits for the Secret fairlead-hub, and is ready once it has read its own
cluster's objects, whether the hub is there or not. /healthz, /readyz and /metrics
are on --health, the other clusters' probes are answered on --beacon, and --peers is
what replicas tell each other and what fairlead status and picture ask. Outside of a
pod, --context and --kubeconfig say which cluster is its own.

    $ fairlead agent --context west
`,
	"manifest": `fairlead manifest hub|agent [--image IMAGE] [--replicas N] [--dns-replicas N]
                        [--gateways] [--network-policy] [--bare]

Prints all objects of an installation as one YAML stream: what makes a cluster the
hub, or what stands in a member cluster. The same words print the same bytes.
--gateways lets agents read Gateways and Secrets, for their certificates;
--network-policy opens their ports where namespaces deny all; --bare is a hub
without a Deployment. A member needs the Secret fairlead-hub too: see join.

    $ fairlead manifest agent | kubectl --context west apply --server-side -f -
`,
	"dns": `fairlead dns print|enable|disable [--context NAME] [--kubeconfig FILE]
fairlead dns [--listen :8053] [--health :15020] [--linger 5s]
             [--log-level info]

Sees to it that a cluster's own resolver asks Fairlead for clusterset.local: print
shows what to put into which Corefile, enable puts a block there between two marker
lines, disable takes exactly it out again. Where something else serves the zone it
is left alone, and told. Without a word it serves the zone from the cluster's own
objects: that is what runs as Deployment fairlead-dns.

    $ fairlead dns enable --context west
`,
	"check": `fairlead check [--context NAME] [--hub-context HUB] [--with NAME,...]
               [--image IMAGE] [--server URL] [--no-pods] [--wait 1m]

Looks for what breaks fleets, before a cluster joins and after: versions, another
controller for the same API, address ranges that overlap with those of the members,
NetworkPolicies in the way, clocks, your permissions, the resolver. Then short-lived
pods of --image try the ways to the hub, to the other members, and between all
clusters of --with: routes, large packets, addresses that are translated. One line
for each finding; the exit status is 1 if one of them is FAIL.

    $ fairlead check --context west --hub-context hub --with east
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
