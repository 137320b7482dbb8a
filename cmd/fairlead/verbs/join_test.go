package verbs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/membership"
)

func TestMembershipRefusesWithARemedy(t *testing.T) {
	none := " --kubeconfig " + t.TempDir() + "/none"
	for _, tc := range []struct {
		line string
		want int
		says []string
	}{
		{"join", 2, []string{"join needs the name", "--hub-context HUB"}},
		{"join west", 2, []string{"the contexts of the hub and of the cluster", "fairlead join west --hub-context HUB"}},
		{"join west east", 2, []string{`what to do with "east"`}},
		{"join west --hub-context a --context b --dns bind", 2, []string{`no way "bind"`, "fairlead dns print"}},
		{"join --invitation rubbish --context west", 1, []string{"no invitation", "fairlead hub invite"}},
		{"join west --hub-context a --context b" + none, 1, []string{"no usable context", "kubectl config get-contexts"}},
		{"leave west", 2, []string{"the context of the hub", "fairlead leave west --hub-context HUB"}},
		{"leave", 2, []string{"fairlead leave west"}},
		{"approve", 2, []string{"fairlead approve west"}},
		{"approve west --context a" + none, 1, []string{"no usable context"}},
		{"hub invite", 2, []string{"hub invite needs more"}},
		{"hub rebuild --context a", 2, []string{"the contexts of the members", "--members west,east"}},
		{"hub install --contxt a", 2, []string{"hub install has no flag --contxt", "fairlead hub install --context"}},
		{"hub uninstall now", 2, []string{`hub uninstall does not know what to do with "now"`}},
		{"uninstall --context a" + none, 1, []string{"no usable context"}},
		{"clusters --context a" + none, 1, []string{"no usable context"}},
		{"drain west --context a" + none, 1, []string{"no usable context"}},
		{"status --context a" + none, 1, []string{"no usable context"}},
		{"picture --context a --from west" + none, 2, []string{"its own picture only"}},
		{"lose west --context a", 2, []string{"lose has no flag --context"}},
	} {
		status, stdout, stderr := run(strings.Fields(tc.line)...)
		if status != tc.want || stdout != "" {
			t.Errorf("fairlead %s: exit status %d, want %d; %q", tc.line, status, tc.want, stdout)
		}
		for _, w := range tc.says {
			if !strings.Contains(stderr, w) {
				t.Errorf("fairlead %s: %q does not say %q", tc.line, stderr, w)
			}
		}
	}
}

func TestEveryFormOfAVerbHasHelp(t *testing.T) {
	for _, line := range []string{"hub install --help", "hub invite --help", "help join", "join -h", "dns enable --help"} {
		status, stdout, _ := run(strings.Fields(line)...)
		verb, _, _ := strings.Cut(strings.TrimPrefix(line, "help "), " ")
		if status != 0 || !strings.HasPrefix(stdout, "fairlead "+verb) {
			t.Errorf("fairlead %s: exit status %d, %q", line, status, stdout)
		}
	}
}

func TestTheMembersOfARealHub(t *testing.T) {
	beat := now.Add(-7 * time.Second)
	var b strings.Builder
	table(&b, memberRows([]membership.Member{
		{Cluster: "east", Region: "eu", Zone: "eu-1", Exports: 12, Kubernetes: "v1.36.3", Agent: "v0.1.0", Heartbeat: &beat, State: membership.Draining},
		{Cluster: "north", State: membership.Invited},
	}, now))
	want := `CLUSTER  REGION  ZONE  EXPORTS  KUBERNETES  AGENT   HEARTBEAT  STATE
east     eu      eu-1  12       v1.36.3     v0.1.0  7s         draining
north    -       -     0        -           -       -          invited
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestAJoinSaysWhatComesNext(t *testing.T) {
	for want, j := range map[string]membership.Joined{
		"fairlead approve west":                   {Cluster: "west", ClusterSet: "shop", Pending: true},
		"shop, in eu/eu-1":                        {Cluster: "west", ClusterSet: "shop", Region: "eu", Zone: "eu-1", Ready: true},
		"in no region":                            {Cluster: "west", ClusterSet: "shop", Ready: true},
		"was installed and not waited for":        {Cluster: "west", ClusterSet: "shop"},
		"fairlead dns enable --context ctx":       {Cluster: "west", ClusterSet: "shop", Ready: true},
		"Next: fairlead check --context ctx; the": {Cluster: "west", ClusterSet: "shop", Ready: true, Names: true},
	} {
		var b strings.Builder
		printJoined(&b, j, "ctx")
		if !strings.Contains(b.String(), want) || (j.Names && strings.Contains(b.String(), "dns enable")) {
			t.Errorf("%q does not say %q", b.String(), want)
		}
	}
}

func TestARebuildTellsWhoIsStillToCome(t *testing.T) {
	var b strings.Builder
	printRebuilt(&b, membership.Rebuilt{Hub: "north", ClusterSet: "shop", Members: []membership.RebuiltMember{
		{Cluster: "east"}, {Cluster: "west", Entrusted: true},
	}})
	for _, want := range []string{"north is the hub of the clusterset shop again, with 2 members", "fairlead join east --hub-context north --context CONTEXT --again", "west has new credentials"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q does not say %q", b.String(), want)
		}
	}
}
