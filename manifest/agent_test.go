package manifest_test

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/manifest"
)

// derived returns a Service as the agent makes it, changed.
func derived(name string, changes ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceDefault, Name: "fairlead-try-" + name, Labels: map[string]string{manifest.LabelManagedBy: manifest.ManagedBy},
		},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Ports: []corev1.ServicePort{{Port: 80}}},
	}
	for _, change := range changes {
		change(s)
	}
	return s
}

func slice(name string, labels map[string]string) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "fairlead-try-" + name, Labels: labels},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
}

func TestTheAgentTouchesOnlyWhatIsItsOwn(t *testing.T) {
	s := realServer(t)
	ctx := t.Context()
	s.apply(t, manifest.Agent(manifest.AgentOptions{})...)
	as := s.as(t, manifest.Namespace, manifest.AgentName)
	unlabelled := func(svc *corev1.Service) { svc.Labels = nil }
	theirs := derived("theirs", unlabelled)
	theirSlice := slice("theirs", map[string]string{discoveryv1.LabelManagedBy: "somebody"})
	ours, ourSlice := derived("ours"), slice("ours", map[string]string{discoveryv1.LabelManagedBy: manifest.ManagedBy})
	for _, obj := range []client.Object{theirs, theirSlice, ours, ourSlice, derived("typed"), derived("selecting")} {
		_ = s.Delete(ctx, obj)
	}
	for _, obj := range []client.Object{theirs, theirSlice} {
		if err := s.Create(ctx, obj); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Delete(context.Background(), obj) })
	}
	eventually(t, "the policy refuses", func() error {
		if err := as.Create(ctx, derived("early", unlabelled), client.DryRunAll); err == nil {
			return errNotYet
		}
		return nil
	})
	for _, tc := range []struct {
		what string
		do   func() error
		want string
	}{
		{"create its Service", func() error { return as.Create(ctx, ours) }, "done"},
		{"change its Service", func() error { ours.Spec.SessionAffinity = corev1.ServiceAffinityClientIP; return as.Update(ctx, ours) }, "done"},
		{"create its slice", func() error { return as.Create(ctx, ourSlice) }, "done"},
		{"change its slice", func() error {
			ourSlice.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{"10.9.9.9"}}}
			return as.Update(ctx, ourSlice)
		}, "done"},
		{"try which families there are", func() error {
			return as.Create(ctx, derived("families", func(svc *corev1.Service) { svc.Spec.IPFamilyPolicy = new(corev1.IPFamilyPolicyPreferDualStack) }), client.DryRunAll)
		}, "done"},
		{"create somebody's Service", func() error { return as.Create(ctx, derived("early", unlabelled)) }, "forbidden"},
		{"change somebody's Service", func() error {
			theirs.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
			return as.Update(ctx, theirs)
		}, "forbidden"},
		{"take somebody's Service over", func() error {
			theirs.Labels = map[string]string{manifest.LabelManagedBy: manifest.ManagedBy}
			return as.Update(ctx, theirs)
		}, "forbidden"},
		{"delete somebody's Service", func() error { return as.Delete(ctx, theirs) }, "forbidden"},
		{"delete the API server's Service", func() error {
			return as.Delete(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "kubernetes"}})
		}, "forbidden"},
		{"change somebody's slice", func() error {
			theirSlice.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{"10.9.9.9"}}}
			return as.Update(ctx, theirSlice)
		}, "forbidden"},
		{"delete somebody's slice", func() error { return as.Delete(ctx, theirSlice) }, "forbidden"},
		{"drop the label", func() error {
			return as.Patch(ctx, ours, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":null}}`)))
		}, "forbidden"},
		{"open a load balancer", func() error {
			return as.Create(ctx, derived("typed", func(svc *corev1.Service) { svc.Spec.Type = corev1.ServiceTypeLoadBalancer }))
		}, "forbidden"},
		{"select pods", func() error {
			return as.Create(ctx, derived("selecting", func(svc *corev1.Service) { svc.Spec.Selector = map[string]string{"app": "db"} }))
		}, "forbidden"},
		{"take an external IP", func() error {
			return as.Create(ctx, derived("typed", func(svc *corev1.Service) { svc.Spec.ExternalIPs = []string{"192.0.2.1"} }))
		}, "forbidden"},
		{"read Secrets", func() error { return as.List(ctx, &corev1.SecretList{}) }, "forbidden"},
		{"read another Secret of its namespace", func() error {
			return as.Get(ctx, client.ObjectKey{Namespace: manifest.Namespace, Name: "other"}, &corev1.Secret{})
		}, "forbidden"},
		{"create a pod", func() error { return as.Create(ctx, pod(manifest.Namespace)) }, "forbidden"},
		{"bind itself to the administrator", func() error { return as.Create(ctx, bound(manifest.Namespace)) }, "forbidden"},
		{"delete its slice", func() error { return as.Delete(ctx, ourSlice) }, "done"},
		{"delete its Service", func() error { return as.Delete(ctx, ours) }, "done"},
	} {
		if err := tc.do(); outcome(err) != tc.want {
			t.Errorf("%s: %v, want %s", tc.what, err, tc.want)
		}
	}
}
