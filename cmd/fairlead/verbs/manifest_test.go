package verbs

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestManifestPrintsObjects(t *testing.T) {
	for line, want := range map[string]string{
		"manifest hub":                            "name: fairlead-member-writer",
		"manifest agent":                          "name: fairlead-agents",
		"manifest agent --image example.org/f:1":  "image: example.org/f:1",
		"manifest agent --replicas 3":             "replicas: 3",
		"manifest agent --gateways":               "name: fairlead-agent-gateways",
		"manifest agent --network-policy":         "kind: NetworkPolicy",
		"manifest agent --network-policy -o json": `"kind": "NetworkPolicy"`,
	} {
		status, stdout, stderr := run(strings.Fields(line)...)
		if status != 0 || stderr != "" || !strings.Contains(stdout, want) {
			t.Errorf("fairlead %s: status %d, %q, and no %q", line, status, stderr, want)
		}
	}
	if _, stdout, _ := run("manifest", "hub", "--bare"); strings.Contains(stdout, "kind: Deployment") {
		t.Error("a bare hub has a Deployment")
	}
	var list []map[string]any
	if _, stdout, _ := run("manifest", "agent", "-o", "json"); json.Unmarshal([]byte(stdout), &list) != nil || len(list) < 10 {
		t.Error("as JSON it is no list of objects")
	}
	if status, _, stderr := run("manifest", "hubb"); status != 2 || !strings.Contains(stderr, "try: fairlead manifest agent") {
		t.Errorf("a wrong word: status %d, %q", status, stderr)
	}
}
