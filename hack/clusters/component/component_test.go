package component

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fairlead.dev/fairlead/hack/clusters/plan"
)

func sample(t *testing.T, ip string) (Node, plan.Fleet) {
	t.Helper()
	f, err := plan.New(plan.Options{Clusters: 2, Nodes: 2, Network: "flat", IP: ip})
	if err != nil {
		t.Fatal(err)
	}
	c := f.Clusters[1]
	control := Control{Name: c.Name, Dir: "/lab/east", Address: c.API(), Local: c.API(), Services: c.Services, Pods: c.Pods}
	return Node{Node: c.Nodes[1], Cluster: c, Dir: "/lab/east/east-2", Cgroup: "fairlead-east-2", Control: control}, f
}

var blank = regexp.MustCompile(`\{[a-z]+\}`)

func TestNoBlankStaysUnfilled(t *testing.T) {
	for _, ip := range []string{"ipv4", "ipv6", "dual"} {
		n, _ := sample(t, ip)
		texts := n.Files()
		texts["dns"] = DNS(n.Cluster)
		for name, text := range texts {
			if left := blank.FindAllString(text, -1); left != nil {
				t.Errorf("%s, %s: %v", ip, name, left)
			}
		}
		for _, c := range slices.Concat(n.Control.Store(), n.Control.Controllers(), n.Agents(), []Component{n.Runtime()}) {
			if left := blank.FindAllString(strings.Join(c.Argv, " "), -1); left != nil || c.Argv[0] != c.Name {
				t.Errorf("%s, %s: %v", ip, c.Name, c.Argv)
			}
		}
	}
}

func TestPodsGetTheRangesOfThePlan(t *testing.T) {
	for ip, want := range map[string]string{
		"ipv4": `[[{"subnet":"10.242.2.0/24"}]]`,
		"ipv6": `[[{"subnet":"fdfa:1ead:242:2::/64"}]]`,
		"dual": `[[{"subnet":"10.242.2.0/24"}],[{"subnet":"fdfa:1ead:242:2::/64"}]]`,
	} {
		n, _ := sample(t, ip)
		var config struct {
			Plugins []struct {
				IPAM struct{ Ranges json.RawMessage }
			}
		}
		if err := json.Unmarshal([]byte(n.Files()["cni/10-fairlead.conflist"]), &config); err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(string(config.Plugins[0].IPAM.Ranges), " ", "")
		if got != want {
			t.Errorf("%s: %s, want %s", ip, got, want)
		}
		spec := n.Object()["spec"].(map[string]any)
		if ranges := spec["podCIDRs"].([]string); len(ranges) != len(n.Pods) || ranges[0] != spec["podCIDR"] {
			t.Errorf("%s: node object %v", ip, spec)
		}
	}
}

func TestControllerManagerKnowsTheSizesOfRanges(t *testing.T) {
	for ip, want := range map[string][]string{
		"ipv4": {"--node-cidr-mask-size=24"},
		"ipv6": {"--node-cidr-mask-size=64"},
		"dual": {"--node-cidr-mask-size-ipv4=24", "--node-cidr-mask-size-ipv6=64"},
	} {
		n, _ := sample(t, ip)
		argv := n.Control.Controllers()[0].Argv
		for _, flag := range want {
			if !slices.Contains(argv, flag) {
				t.Errorf("%s: no %s in %v", ip, flag, argv)
			}
		}
	}
}

func TestCorefileStaysWholeInItsConfigMap(t *testing.T) {
	_, text, found := strings.Cut(DNSConfig(), "  Corefile: |\n")
	if !found {
		t.Fatal("no Corefile")
	}
	if got := strings.ReplaceAll("\n"+text, "\n    ", "\n"); strings.TrimSpace(got) != strings.TrimSpace(Corefile) {
		t.Errorf("got:\n%s", got)
	}
}

func TestControlPlaneWithoutNodes(t *testing.T) {
	n, _ := sample(t, "ipv4")
	c := n.Control
	c.Pods = nil
	c.Address, _ = plan.Options{}.Beside(1)
	if all := c.Controllers(); len(all) != 1 || all[0].Name != Controller {
		t.Errorf("controllers: %v", all)
	}
	if argv := c.Store()[1].Argv; !slices.Contains(argv, "--endpoint-reconciler-type=none") {
		t.Errorf("a loopback address would be refused as an endpoint: %v", argv)
	}
}
