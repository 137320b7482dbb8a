package membership

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	aboutv1beta1 "fairlead.dev/fairlead/api/about/v1beta1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/manifest"
)

// lab is three real API servers without Fairlead. Whether anything runs on their nodes does not matter here: no agent is waited for.
type lab struct {
	west, east, north *Access
}

// enter opens the lab and leaves it as it was found.
func enter(t *testing.T) lab {
	t.Helper()
	file := os.Getenv("FAIRLEAD_TEST_KUBECONFIG")
	if file == "" {
		t.Skip("needs real API servers: make e2e runs this, with FAIRLEAD_TEST_KUBECONFIG")
	}
	alone(t, file)
	open := func(name string) *Access {
		a, err := Open(file, name)
		if err != nil {
			t.Fatal(err)
		}
		// An installation that others use is not to be touched.
		err = a.Get(t.Context(), client.ObjectKey{Name: manifest.Namespace}, &corev1.Namespace{})
		if err == nil {
			t.Skipf("%s has Fairlead installed already", name)
		}
		if !unserved(err) {
			t.Fatal(err)
		}
		t.Cleanup(func() { clear(t, a) })
		return a
	}
	return lab{west: open("west"), east: open("east"), north: open("north")}
}

// alone waits until no other test, of whatever package, uses the API servers of a kubeconfig.
func alone(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

// clear takes everything away.
func clear(t *testing.T, a *Access) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := Remove(ctx, a, UninstallOptions{Force: true}); err != nil {
		t.Errorf("clear %s: %v", a.Context, err)
	}
	if err := Uninstall(ctx, a, "", true, nil); err != nil {
		t.Errorf("clear %s: %v", a.Context, err)
	}
	for _, name := range []string{manifest.Namespace, hub.Namespace("west"), hub.Namespace("east"), hub.Namespace("north")} {
		if err := a.gone(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, time.Minute); err != nil {
			t.Errorf("clear %s: %v", a.Context, err)
		}
	}
}

// install makes a hub.
func install(t *testing.T, h *Access) {
	t.Helper()
	if _, err := Install(t.Context(), h, InstallOptions{ClusterSet: "shop", Version: "devel", Manifest: manifest.HubOptions{Bare: true}}); err != nil {
		t.Fatal(err)
	}
}

// joinAs joins without waiting for an agent.
func joinAs(t *testing.T, h, m *Access, cluster string, change ...func(*JoinOptions)) (Joined, error) {
	t.Helper()
	o := JoinOptions{Cluster: cluster, Server: h.Config.Host, Version: "devel"}
	for _, c := range change {
		c(&o)
	}
	return Join(t.Context(), h, m, o)
}

func mustJoin(t *testing.T, h, m *Access, cluster string, change ...func(*JoinOptions)) {
	t.Helper()
	if _, err := joinAs(t, h, m, cluster, change...); err != nil {
		t.Fatal(err)
	}
}

// credential opens the hub with what was left in the member cluster.
func credential(t *testing.T, m *Access) *Access {
	t.Helper()
	var s corev1.Secret
	if err := m.Get(t.Context(), client.ObjectKey{Namespace: manifest.Namespace, Name: manifest.HubSecret}, &s); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(s.Data[manifest.KeyKubeconfig])
	if err != nil {
		t.Fatal(err)
	}
	h, err := Reach(config, "the hub")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// propertiesOf returns the cluster's id and clusterset, as it says itself.
func propertiesOf(t *testing.T, m *Access) (id, set string) {
	t.Helper()
	id, err := m.property(t.Context(), aboutv1beta1.ClusterName)
	if err != nil {
		t.Fatal(err)
	}
	if set, err = m.property(t.Context(), aboutv1beta1.ClusterSet); err != nil {
		t.Fatal(err)
	}
	return id, set
}

// states returns how the members stand with the hub.
func states(t *testing.T, h *Access) map[string]State {
	t.Helper()
	members, err := Clusters(t.Context(), h, "devel")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]State{}
	for _, m := range members {
		all[m.Cluster] = m.State
	}
	return all
}

// eventually asks until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	if err := until(t.Context(), 30*time.Second, func() (bool, error) { return so(), nil }); err != nil {
		t.Fatalf("never: %s", what)
	}
}
