package remote

import (
	"context"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub/hubtest"
	"fairlead.dev/fairlead/manifest"
)

// realFleet is a fleet on context west of FAIRLEAD_TEST_KUBECONFIG, with members that may do what members may. What is installed there
// already is left as it is.
func realFleet(t *testing.T) *fleet {
	t.Helper()
	file := os.Getenv("FAIRLEAD_TEST_KUBECONFIG")
	if file == "" {
		t.Skip("no FAIRLEAD_TEST_KUBECONFIG: make e2e runs this against real clusters")
	}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: file}, &clientcmd.ConfigOverrides{CurrentContext: "west"}).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{}
	f := newFleet(t, config)
	admin := administrator(t, config)
	install(t, admin, manifest.Hub(manifest.HubOptions{Bare: true})...)
	f.enrol = func(t *testing.T, cluster string) *rest.Config { return enrol(t, admin, config, cluster) }
	return f
}

func administrator(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	_ = clientgoscheme.AddToScheme(scheme)
	_ = apiextensionsv1.AddToScheme(scheme)
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// install creates what is not there. A kind that was just defined takes a moment to be served.
func install(t *testing.T, admin client.Client, objects ...client.Object) {
	t.Helper()
	for _, obj := range objects {
		if err := admin.Create(t.Context(), obj); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatalf("create %T %s: %v", obj, obj.GetName(), err)
		}
	}
}

// enrol gives a cluster its namespace and its rights, but no Member.
func enrol(t *testing.T, admin client.Client, config *rest.Config, cluster string) *rest.Config {
	t.Helper()
	var account *corev1.ServiceAccount
	for _, obj := range manifest.Member(cluster, manifest.MemberOptions{}) {
		switch obj := obj.(type) {
		case *v1alpha1.Member:
			continue
		case *corev1.ServiceAccount:
			account = obj
		}
		install(t, admin, obj)
		t.Cleanup(func() { _ = admin.Delete(context.WithoutCancel(t.Context()), obj) })
	}
	a, err := newAPI(config, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := a.token(t.Context(), account.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	member := rest.AnonymousClientConfig(config)
	member.BearerToken = text
	if a, err = newAPI(member, nil); err != nil {
		t.Fatal(err)
	}
	await(t, "the member may read", func() bool {
		_, err := a.revision(t.Context())
		return err == nil
	})
	return member
}

func TestTheContractIsKeptByARealHub(t *testing.T) {
	realFleet(t) // installs
	hubtest.Run(t, func(t *testing.T) hubtest.Fleet {
		f := realFleet(t)
		await(t, "the hub serves its kinds", func() bool {
			_, err := f.api.revision(t.Context())
			return err == nil
		})
		return f
	})
}

// await waits until something holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
