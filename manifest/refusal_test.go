package manifest_test

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// TestARefusalSaysWhy holds each rule to its own sentence, so that none of them refuses in another one's stead.
func TestARefusalSaysWhy(t *testing.T) {
	s, cluster, as := hubWith(t)
	ctx, own := t.Context(), hub.Namespace(cluster)
	changed := func(change func(*v1alpha1.ServiceRecord)) func() error {
		return func() error {
			r := record(cluster, "shop", "a", "1")
			change(r)
			return as.Create(ctx, r, client.DryRunAll)
		}
	}
	admin := func(change func(*v1alpha1.Member)) func() error {
		return func() error {
			m := &v1alpha1.Member{}
			if err := s.Get(ctx, client.ObjectKey{Namespace: own, Name: cluster}, m); err != nil {
				return err
			}
			change(m)
			return s.Update(ctx, m, client.DryRunAll)
		}
	}
	named := func(name, cluster string) func() error {
		return func() error {
			return s.Create(ctx, &v1alpha1.Member{
				ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: name}, Spec: v1alpha1.MemberSpec{Cluster: cluster},
			}, client.DryRunAll)
		}
	}
	for _, tc := range []struct {
		what string
		do   func() error
		want string
	}{
		{"another namespace", changed(func(r *v1alpha1.ServiceRecord) {
			r.Spec.Namespace, r.Labels[v1alpha1.LabelNamespace] = "bank", "bank"
		}), "spec.namespaces of Member " + cluster + " does not grant namespace bank: add it there"},
		{"another cluster", changed(func(r *v1alpha1.ServiceRecord) {
			r.Spec.Cluster, r.Labels[v1alpha1.LabelCluster] = "other", "other"
		}), "spec.cluster must be " + cluster},
		{"a label that says something else", changed(func(r *v1alpha1.ServiceRecord) { r.Labels[v1alpha1.LabelService] = "b" }), "must repeat the spec"},
		{"no labels", changed(func(r *v1alpha1.ServiceRecord) { r.Labels = nil }), "must repeat the spec"},
		{"a finalizer", changed(func(r *v1alpha1.ServiceRecord) { r.Finalizers = []string{"a.b/c"} }), "neither finalizers nor owners"},
		{"an owner", changed(func(r *v1alpha1.ServiceRecord) {
			r.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: "a", UID: "a"}}
		}), "neither finalizers nor owners"},
		{"no term", changed(func(r *v1alpha1.ServiceRecord) { r.Annotations = nil }), "must be the writer's term"},
		{"a term that is no number", changed(func(r *v1alpha1.ServiceRecord) { r.Annotations[hub.AnnotationTerm] = "-1" }), "must be the writer's term"},
		{"a port that is none", changed(func(r *v1alpha1.ServiceRecord) { r.Spec.Ports = []v1alpha1.ServicePort{{Port: 70000}} }), "less than or equal to 65535"},
		{"too many ports", changed(func(r *v1alpha1.ServiceRecord) {
			r.Spec.Ports = slices.Repeat([]v1alpha1.ServicePort{{Port: 80}}, 251)
		}), "must have at most 250 items"},
		{"a record too large", func() error {
			e := endpoints(cluster, "shop", "a", "1")
			e.Spec.Packed = make([]byte, 1<<20+3)
			return as.Create(ctx, e, client.DryRunAll)
		}, "spec.packed"},
		{"a heartbeat of another name", func() error { return as.Create(ctx, lease(cluster, "other"), client.DryRunAll) }, "a member has one Lease"},
		{"a token of a year", func() error {
			return as.SubResource("token").Create(ctx, serviceAccount(cluster, "member"), tokenFor(31536000))
		}, "lasts a day at most"},
		{"a Member that is renamed", admin(func(m *v1alpha1.Member) { m.Spec.Cluster = "b" }), "cluster is immutable"},
		{"a Member of another name", named("b", "c"), "metadata.name must be spec.cluster"},
		{"a name with two dots", named("a.b.c", "a.b.c"), "spec.cluster in body should match"},
		{"a name in capitals", named("b", "B"), "spec.cluster in body should match"},
		{"a name that is too long", named(strings.Repeat("a", 64), strings.Repeat("a", 64)), "may not be more than 63"},
		{"a name with one dot", named("b.eu", "b.eu"), ""},
	} {
		switch err := tc.do(); {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", tc.what, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: %v, want it to say %q", tc.what, err, tc.want)
		}
	}
}

func TestAClusterKeepsItsUID(t *testing.T) {
	s := realServer(t)
	_, cluster, _ := hubWith(t)
	set := func(uid string) string {
		m := &v1alpha1.Member{}
		if err := s.Get(t.Context(), client.ObjectKey{Namespace: hub.Namespace(cluster), Name: cluster}, m); err != nil {
			t.Fatal(err)
		}
		m.Spec.ClusterUID = uid
		return outcome(s.Update(t.Context(), m))
	}
	for _, tc := range []struct{ uid, want string }{{"a", "done"}, {"a", "done"}, {"b", "invalid"}, {"", "invalid"}} {
		if got := set(tc.uid); got != tc.want {
			t.Errorf("uid %q: %s, want %s", tc.uid, got, tc.want)
		}
	}
}
