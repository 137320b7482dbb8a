package role

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	inventory "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/membership"
)

// bareHub opens a real API server without Fairlead, makes it a hub with one member, and takes that back in the end.
func bareHub(t *testing.T) *membership.Access {
	t.Helper()
	file := os.Getenv("FAIRLEAD_TEST_KUBECONFIG")
	if file == "" {
		t.Skip("needs a real API server: make e2e runs this, with FAIRLEAD_TEST_KUBECONFIG")
	}
	lock, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Close() })
	// The tests of package membership use the same API servers.
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	h, err := membership.Open(file, "west")
	if err != nil {
		t.Fatal(err)
	}
	err = h.Get(t.Context(), client.ObjectKey{Name: manifest.Namespace}, &corev1.Namespace{})
	if !apierrors.IsNotFound(err) {
		t.Skipf("west has Fairlead installed already, or does not answer: %v", err)
	}
	t.Cleanup(func() {
		if err := membership.Remove(context.Background(), h, membership.UninstallOptions{Force: true}); err != nil {
			t.Error(err)
		}
		if err := membership.Uninstall(context.Background(), h, "devel", true, nil); err != nil {
			t.Error(err)
		}
	})
	if _, err := membership.Install(t.Context(), h, membership.InstallOptions{ClusterSet: "shop", Version: "devel"}); err != nil {
		t.Fatal(err)
	}
	o := membership.JoinOptions{Cluster: "west", Region: "eu", Server: h.Config.Host, Version: "devel"}
	if _, err := membership.Join(t.Context(), h, h, o); err != nil {
		t.Fatal(err)
	}
	return h
}

// asHubRole returns the access that the role has in its pod.
func asHubRole(t *testing.T, h *membership.Access) *rest.Config {
	t.Helper()
	account := &corev1.ServiceAccount{}
	account.Namespace, account.Name = manifest.Namespace, manifest.HubName
	request := &authenticationv1.TokenRequest{}
	if err := h.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(h.Config)
	config.BearerToken = request.Status.Token
	return config
}

func TestTheHubKeepsAProfileOfEachMember(t *testing.T) {
	h := bareHub(t)
	foreign := &inventory.ClusterProfile{Spec: inventory.ClusterProfileSpec{ClusterManager: inventory.ClusterManager{Name: "ocm"}}}
	foreign.Namespace, foreign.Name = manifest.Namespace, "elsewhere"
	if err := h.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	config := asHubRole(t, h)
	go func() {
		ended <- Hub(ctx, HubOptions{Config: config, Health: "127.0.0.1:0", Identity: "test", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	}()
	var p inventory.ClusterProfile
	for began := time.Now(); p.Status.Version.Kubernetes == "" && len(p.Status.Properties) == 0; time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("there is no profile of west")
		}
		_ = h.Get(t.Context(), client.ObjectKey{Namespace: manifest.Namespace, Name: "west"}, &p)
	}
	if p.Labels["x-k8s.io/cluster-manager"] != "fairlead" || p.Status.Conditions[0].Reason != "NotSeenYet" {
		t.Errorf("got %+v", p)
	}
	if err := h.Get(t.Context(), client.ObjectKeyFromObject(foreign), foreign); err != nil {
		t.Errorf("another manager's profile: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTheHubTellsHowItsMembersStand(t *testing.T) {
	g := newRegistryGauges()
	g.looked(nil, 2, nil)
	g.looked(nil, 0, context.DeadlineExceeded)
	server := httptest.NewServer(g.handler())
	defer server.Close()
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ok", "/metrics": "fairlead_hub_profile_writes_total 2\n"} {
		res, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %v without %q", path, res.StatusCode, err, want)
		}
	}
}
