package manifest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/manifest"
)

var scheme = newScheme()

func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	_ = clientgoscheme.AddToScheme(s)
	_ = apiextensionsv1.AddToScheme(s)
	own := schema.GroupVersion{Group: v1alpha1.Group, Version: v1alpha1.Version}
	s.AddKnownTypes(own, &v1alpha1.Member{}, &v1alpha1.MemberList{}, &v1alpha1.ServiceRecord{}, &v1alpha1.ServiceRecordList{},
		&v1alpha1.EndpointRecord{}, &v1alpha1.EndpointRecordList{})
	metav1.AddToGroupVersion(s, own)
	return s
}

// server is a real API server, as its administrator or as somebody else.
type server struct {
	client.Client
	config *rest.Config
}

// realServer returns context west of FAIRLEAD_TEST_KUBECONFIG. What a test leaves there has names of its own.
func realServer(t *testing.T) server {
	t.Helper()
	path := os.Getenv("FAIRLEAD_TEST_KUBECONFIG")
	if path == "" {
		t.Skip("no FAIRLEAD_TEST_KUBECONFIG: make e2e runs this against real clusters")
	}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: path}, &clientcmd.ConfigOverrides{CurrentContext: "west"}).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	return reach(t, config)
}

func reach(t *testing.T, config *rest.Config) server {
	t.Helper()
	config = rest.CopyConfig(config)
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return server{c, config}
}

// apply makes the objects be there, as fairlead's verbs do, but starts nothing. A kind that was just defined takes a moment to be served.
func (s server) apply(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, obj := range objects {
		if _, runs := obj.(*appsv1.Deployment); runs {
			continue
		}
		text, err := json.Marshal(obj)
		if err != nil {
			t.Fatal(err)
		}
		u := &unstructured.Unstructured{}
		if err := json.Unmarshal(text, &u.Object); err != nil {
			t.Fatal(err)
		}
		unstructured.RemoveNestedField(u.Object, "status")
		eventually(t, "apply "+u.GetKind()+" "+u.GetName(), func() error {
			return s.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("fairlead-test"), client.ForceOwnership)
		})
	}
}

// joined makes a cluster with a name of its own a member, until the test ends, and returns its name and its access.
func (s server) joined(t *testing.T, spec v1alpha1.MemberSpec) (cluster string, as server) {
	t.Helper()
	cluster = fmt.Sprintf("try-%06x", rand.N(1<<24))
	t.Cleanup(func() {
		for _, obj := range slices.Backward(manifest.Member(cluster, manifest.MemberOptions{})) {
			_ = s.Delete(context.Background(), obj)
		}
	})
	s.apply(t, manifest.Member(cluster, manifest.MemberOptions{Spec: spec})...)
	return cluster, s.as(t, hub.Namespace(cluster), manifest.MemberAccount)
}

// as returns the server as one of its ServiceAccounts has it.
func (s server) as(t *testing.T, namespace, account string) server {
	t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(3600))}}
	of := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}}
	if err := s.SubResource("token").Create(t.Context(), of, request); err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(s.config)
	config.BearerToken = request.Status.Token
	return reach(t, config)
}

// eventually tries until there is no error. It is patient: the machine may be busy.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// outcome says in one word how a request ended.
func outcome(err error) string {
	switch {
	case err == nil:
		return "done"
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return "forbidden"
	case apierrors.IsInvalid(err):
		return "invalid"
	}
	return err.Error()
}
