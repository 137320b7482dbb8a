package stub

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func cluster(maps map[string]map[string]string) *fake.Clientset {
	client := fake.NewClientset()
	for name, data := range maps {
		_ = client.Tracker().Add(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name}, Data: data})
	}
	return client
}

func data(t *testing.T, client *fake.Clientset, name, key string) string {
	t.Helper()
	m, err := client.CoreV1().ConfigMaps("kube-system").Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m.Data[key]
}

func TestEnableAndDisable(t *testing.T) {
	custom := kubeadm + "import /etc/coredns/custom/*.server\n"
	for name, c := range map[string]struct {
		maps    map[string]map[string]string
		changed string
	}{
		"kubeadm":                    {map[string]map[string]string{"coredns": {"Corefile": kubeadm}}, "kube-system/coredns[Corefile]"},
		"with a node-local cache":    {map[string]map[string]string{"coredns": {"Corefile": kubeadm}, "node-local-dns": {"Corefile": nodeLocal}}, "kube-system/coredns[Corefile] kube-system/node-local-dns[Corefile]"},
		"with imports":               {map[string]map[string]string{"coredns": {"Corefile": custom}, "coredns-custom": {"x.server": "x {\n}\n"}}, "kube-system/coredns-custom[fairlead.server]"},
		"with imports, and none yet": {map[string]map[string]string{"coredns": {"Corefile": custom}}, "kube-system/coredns-custom[fairlead.server]"},
		"other imports":              {map[string]map[string]string{"coredns": {"Corefile": kubeadm + "import /etc/coredns/custom/*.override\n"}}, "kube-system/coredns[Corefile]"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, client := context.Background(), cluster(c.maps)
			done, err := Enable(ctx, client, one)
			if got := told(done); err != nil || got != c.changed {
				t.Fatalf("got %q, %v", got, err)
			}
			for _, d := range done {
				if text := data(t, client, d.ConfigMap, d.Key); !strings.Contains(text, "forward . "+one.String()) {
					t.Errorf("%s: got %s", d, text)
				}
			}
			if done, err := Enable(ctx, client, one); err != nil || told(done) != "" {
				t.Errorf("again: got %q, %v", told(done), err)
			}
			found, err := Find(ctx, client)
			if err != nil || !found[0].Ours || found[0].To != one {
				t.Errorf("got %+v, %v", found, err)
			}
			if done, err := Disable(ctx, client); err != nil || told(done) != c.changed {
				t.Errorf("disable: got %q, %v", told(done), err)
			}
			for name, before := range c.maps {
				for key, text := range before {
					if got := data(t, client, name, key); got != text {
						t.Errorf("%s: got %s", name, got)
					}
				}
			}
		})
	}
}

func told(done []Change) string {
	var words []string
	for _, d := range done {
		if d.Changed {
			words = append(words, d.String())
		}
	}
	return strings.Join(words, " ")
}

func TestEnableRefuses(t *testing.T) {
	taken := ".:53 {\n multicluster clusterset.local\n}\n"
	imports := kubeadm + "import custom/*.server\n"
	for name, c := range map[string]struct {
		maps map[string]map[string]string
		want error
		text string
	}{
		"no CoreDNS":                {nil, ErrUnknown, ""},
		"somebody serves it":        {map[string]map[string]string{"coredns": {"Corefile": taken}}, ErrTaken, "multicluster"},
		"a node-local cache has it": {map[string]map[string]string{"coredns": {"Corefile": kubeadm}, "node-local-dns": {"Corefile": taken}}, ErrTaken, "node-local-dns"},
		"an imported file has it":   {map[string]map[string]string{"coredns": {"Corefile": imports}, "coredns-custom": {"x.server": taken}}, ErrTaken, "x.server"},
		"a broken file":             {map[string]map[string]string{"coredns": {"Corefile": imports}, "coredns-custom": {"x.server": "{"}}, nil, "x.server"},
		"a broken Corefile":         {map[string]map[string]string{"coredns": {"Corefile": "}"}}, nil, "closing brace"},
	} {
		client := cluster(c.maps)
		_, err := Enable(context.Background(), client, one)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v", name, err)
		}
		for _, a := range client.Actions() {
			if a.GetVerb() != "get" {
				t.Errorf("%s: did %s %s", name, a.GetVerb(), a.GetResource().Resource)
			}
		}
	}
	if done, err := Disable(context.Background(), cluster(nil)); err != nil || len(done) > 0 {
		t.Errorf("got %v, %v", done, err)
	}
}

func TestServerAddress(t *testing.T) {
	client := fake.NewClientset(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "fairlead-system", Name: "fairlead-dns"}, Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.53"}})
	if ip, err := ServerAddress(context.Background(), client, "fairlead-system"); err != nil || ip != one {
		t.Errorf("got %v, %v", ip, err)
	}
	if _, err := ServerAddress(context.Background(), client, "elsewhere"); err == nil {
		t.Error("an address of a Service that is not there")
	}
}
