package verbs

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"

	"fairlead.dev/fairlead/check"
)

// joined is a cluster where Fairlead's DNS servers run, with a Corefile.
func joined(corefile string) *fake.Clientset {
	return fake.NewClientset(
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "fairlead-system", Name: "fairlead-dns"}, Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.53"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "coredns"}, Data: map[string]string{"Corefile": corefile}},
	)
}

func TestDNSTellsWhatItDid(t *testing.T) {
	const reloading = ".:53 {\n    reload\n}\n"
	client, taken := joined(reloading), joined("clusterset.local {\n    whoami\n}\n")
	type word func(*app, context.Context, kubernetes.Interface) error
	for _, c := range []struct {
		name   string
		do     word
		client kubernetes.Interface
		output string
		want   string // of stdout, or of the error
	}{
		{"print", (*app).dnsPrint, client, "text", "# Into kube-system/coredns[Corefile], or by: fairlead dns enable\nclusterset.local:53 {"},
		{"enable", (*app).dnsEnable, client, "text", "kube-system/coredns[Corefile] leads clusterset.local to 10.96.0.53\n"},
		{"again", (*app).dnsEnable, client, "text", "kube-system/coredns[Corefile] is as it was\n"},
		{"print what is there", (*app).dnsPrint, client, "text", "# kube-system/coredns[Corefile] has this already."},
		{"as JSON", (*app).dnsPrint, client, "json", `"enabled": true`},
		{"disable", (*app).dnsDisable, client, "text", "kube-system/coredns[Corefile] knows nothing of clusterset.local any more\n"},
		{"no reload", (*app).dnsEnable, joined(".:53 {\n}\n"), "text", "leads clusterset.local to 10.96.0.53\n"},
		{"print what somebody serves", (*app).dnsPrint, taken, "text", "serves clusterset.local by something else already: the server block clusterset.local"},
		{"leave that alone", (*app).dnsEnable, taken, "text", "served by something else: the server block clusterset.local"},
		{"no servers", (*app).dnsEnable, fake.NewClientset(), "text", "read Service fairlead-system/fairlead-dns"},
		{"nothing to disable", (*app).dnsDisable, fake.NewClientset(), "text", ""},
	} {
		var out, errs bytes.Buffer
		a := &app{out: &out, err: &errs, output: c.output}
		if err := c.do(a, context.Background(), c.client); err != nil {
			out.WriteString(err.Error())
		}
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: got %s", c.name, out.String())
		}
		if told := strings.Contains(errs.String(), "no plugin reload"); told != (c.name == "no reload") {
			t.Errorf("%s: told on stderr: %q", c.name, errs.String())
		}
	}
}

func TestCheckAndDNSExitStatus(t *testing.T) {
	kubeconfig := t.TempDir() + "/none"
	for line, want := range map[string]int{
		"dns sideways":             2,
		"dns print west":           2,
		"check west":               2,
		"check probe --to nowhere": 2,
		"dns enable --context nowhere --kubeconfig " + kubeconfig: 1,
		"dns --log-level loud":                                     2,
		"check --context nowhere --kubeconfig " + kubeconfig:       1,
		"check --with a --context b --kubeconfig " + kubeconfig:    1,
		"dns enable --hub-context h --kubeconfig " + kubeconfig:    2,
		"check probe --serve not-an-address":                       1,
		"dns --listen 127.0.0.1:0 --context nowhere --kubeconfig ": 1,
	} {
		if status, _, stderr := run(strings.Split(line, " ")...); status != want || stderr == "" {
			t.Errorf("fairlead %s: exit status %d, want %d\n%s", line, status, want, stderr)
		}
	}
}

// What a pod saw is JSON on stdout, whatever it saw.
func TestCheckProbe(t *testing.T) {
	status, stdout, stderr := run("check", "probe", "--to", "east=127.0.0.1:1")
	var r check.Report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || status != 0 || stderr != "" {
		t.Fatalf("status %d, %v: %s%s", status, err, stdout, stderr)
	}
	if len(r.Paths) != 1 || r.Paths[0].To != "east" || r.Paths[0].Error == "" || r.Resolver == nil {
		t.Errorf("got %+v", r)
	}
}

func TestFindingsAreALineEach(t *testing.T) {
	var out bytes.Buffer
	printFindings(&out, []check.Finding{{Level: check.OK, Check: "hub", What: "it is there"}, {Level: check.FAIL, Check: "paths", What: "no way", Why: "a wall", Remedy: "a door"}})
	if want := "OK    hub    it is there\nFAIL  paths  no way: a wall; a door\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
