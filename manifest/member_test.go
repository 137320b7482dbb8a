package manifest_test

import (
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/manifest"
)

func record(cluster, namespace, name, term string) *v1alpha1.ServiceRecord {
	return &v1alpha1.ServiceRecord{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: hub.Namespace(cluster), Name: namespace + "-" + name,
			Labels:      map[string]string{v1alpha1.LabelCluster: cluster, v1alpha1.LabelNamespace: namespace, v1alpha1.LabelService: name},
			Annotations: map[string]string{hub.AnnotationTerm: term},
		},
		Spec: v1alpha1.ServiceRecordSpec{Cluster: cluster, Namespace: namespace, Name: name, ExportedAt: metav1.Now()},
	}
}

func endpoints(cluster, namespace, service, term string) *v1alpha1.EndpointRecord {
	return &v1alpha1.EndpointRecord{
		ObjectMeta: record(cluster, namespace, service, term).ObjectMeta,
		Spec:       v1alpha1.EndpointRecordSpec{Cluster: cluster, Namespace: namespace, Service: service, Slice: service + "-x", Packed: []byte("x")},
	}
}

func lease(cluster, name string) *coordinationv1.Lease {
	return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: hub.Namespace(cluster), Name: name}}
}

// hubWith returns a hub with a member that may export shop and cafe only, after the policies have begun to work.
func hubWith(t *testing.T) (s server, cluster string, as server) {
	t.Helper()
	s = realServer(t)
	s.apply(t, manifest.Hub(manifest.HubOptions{Bare: true})...)
	cluster, as = s.joined(t, v1alpha1.MemberSpec{Namespaces: []string{"shop", "cafe"}})
	eventually(t, "write the first record", func() error { return as.Create(t.Context(), record(cluster, "shop", "cart", "1")) })
	eventually(t, "policies refuse", func() error {
		if err := as.Create(t.Context(), record(cluster, "bank", "vault", "1"), client.DryRunAll); err == nil {
			return errNotYet
		}
		return nil
	})
	return s, cluster, as
}

type plainError string

func (e plainError) Error() string { return string(e) }

const errNotYet = plainError("not yet")

func TestAMemberDoesWhatItMust(t *testing.T) {
	_, cluster, as := hubWith(t)
	ctx := t.Context()
	beat := lease(cluster, manifest.MemberLease)
	self := &v1alpha1.Member{}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"list all members", func() error { return as.List(ctx, &v1alpha1.MemberList{}) }},
		{"list all records", func() error { return as.List(ctx, &v1alpha1.ServiceRecordList{}) }},
		{"list all endpoint records", func() error { return as.List(ctx, &v1alpha1.EndpointRecordList{}) }},
		{"list all heartbeats", func() error {
			return as.List(ctx, &coordinationv1.LeaseList{}, client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", manifest.MemberLease)})
		}},
		{"create endpoint records", func() error { return as.Create(ctx, endpoints(cluster, "shop", "cart", "1")) }},
		{"change a record", func() error {
			r := &v1alpha1.ServiceRecord{}
			if err := as.Get(ctx, client.ObjectKeyFromObject(record(cluster, "shop", "cart", "1")), r); err != nil {
				return err
			}
			r.Spec.Headless = true
			return as.Update(ctx, r)
		}},
		{"create the heartbeat", func() error { return as.Create(ctx, beat) }},
		{"renew the heartbeat", func() error {
			beat.Spec.HolderIdentity = new("a")
			return as.Update(ctx, beat)
		}},
		{"write the marker", func() error {
			if err := as.Get(ctx, client.ObjectKey{Namespace: hub.Namespace(cluster), Name: cluster}, self); err != nil {
				return err
			}
			self.Status.Marker = v1alpha1.Marker{Term: 1, Sequence: 5}
			return as.Status().Update(ctx, self)
		}},
		{"renew the token", func() error {
			return as.SubResource("token").Create(ctx, serviceAccount(cluster, manifest.MemberAccount), tokenFor(86400))
		}},
		{"delete a record", func() error { return as.Delete(ctx, record(cluster, "shop", "cart", "1")) }},
	} {
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.what, err)
		}
	}
}

func serviceAccount(cluster, name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: hub.Namespace(cluster), Name: name}}
}

func tokenFor(seconds int64) *authenticationv1.TokenRequest {
	return &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
}

// TestAMemberDoesNothingElse tries what a stolen credential would be tried for.
func TestAMemberDoesNothingElse(t *testing.T) {
	s, cluster, as := hubWith(t)
	other, asOther := s.joined(t, v1alpha1.MemberSpec{})
	eventually(t, "the other one writes", func() error { return asOther.Create(t.Context(), record(other, "shop", "cart", "1")) })
	ctx, own := t.Context(), hub.Namespace(cluster)
	at := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name}
	}
	foreign := record(cluster, "shop", "intruder", "1")
	foreign.Namespace = hub.Namespace(other)
	self := &v1alpha1.Member{}
	if err := s.Get(ctx, client.ObjectKey{Namespace: own, Name: cluster}, self); err != nil {
		t.Fatal(err)
	}
	greedy := self.DeepCopy()
	greedy.Spec.Namespaces = nil
	for what, do := range map[string]func() error{
		"create a record in another's namespace": func() error { return as.Create(ctx, foreign) },
		"change another's record":                func() error { return as.Update(ctx, read(t, s, other)) },
		"delete another's record":                func() error { return as.Delete(ctx, record(other, "shop", "cart", "1")) },
		"delete all of another's records": func() error {
			return as.DeleteAllOf(ctx, &v1alpha1.ServiceRecord{}, client.InNamespace(hub.Namespace(other)))
		},
		"grant itself all namespaces": func() error { return as.Update(ctx, greedy) },
		"delete its Member":           func() error { return as.Delete(ctx, self) },
		"create a second Member": func() error {
			return as.Create(ctx, &v1alpha1.Member{ObjectMeta: at(own, "b"), Spec: v1alpha1.MemberSpec{Cluster: "b"}})
		},
		"write another's status":         func() error { return as.Status().Update(ctx, member(t, s, other)) },
		"read a secret of its namespace": func() error { return as.Get(ctx, client.ObjectKey{Namespace: own, Name: "a"}, &corev1.Secret{}) },
		"list all secrets":               func() error { return as.List(ctx, &corev1.SecretList{}) },
		"create a secret that holds a token": func() error {
			return as.Create(ctx, &corev1.Secret{ObjectMeta: at(own, "a"), Type: corev1.SecretTypeServiceAccountToken})
		},
		"read ConfigMaps of the system": func() error { return as.List(ctx, &corev1.ConfigMapList{}, client.InNamespace("kube-system")) },
		"list namespaces":               func() error { return as.List(ctx, &corev1.NamespaceList{}) },
		"create a namespace":            func() error { return as.Create(ctx, &corev1.Namespace{ObjectMeta: at("", "member-x")}) },
		"delete its namespace":          func() error { return as.Delete(ctx, &corev1.Namespace{ObjectMeta: at("", own)}) },
		"create a pod":                  func() error { return as.Create(ctx, pod(own)) },
		"create a ServiceAccount":       func() error { return as.Create(ctx, serviceAccount(cluster, "b")) },
		"token of another account of its namespace": func() error {
			return as.SubResource("token").Create(ctx, serviceAccount(cluster, "default"), tokenFor(3600))
		},
		"token of another member": func() error {
			return as.SubResource("token").Create(ctx, serviceAccount(other, manifest.MemberAccount), tokenFor(3600))
		},
		"a token of a year": func() error {
			return as.SubResource("token").Create(ctx, serviceAccount(cluster, manifest.MemberAccount), tokenFor(31536000))
		},
		"bind itself to the administrator":   func() error { return as.Create(ctx, bound(own)) },
		"create a role":                      func() error { return as.Create(ctx, &rbacv1.Role{ObjectMeta: at(own, "a")}) },
		"change the role that it has":        func() error { return as.Delete(ctx, &rbacv1.ClusterRole{ObjectMeta: at("", manifest.RoleWriter)}) },
		"a Lease of another name":            func() error { return as.Create(ctx, lease(cluster, "other")) },
		"another's heartbeat":                func() error { return as.Create(ctx, lease(other, manifest.MemberLease)) },
		"list all leases":                    func() error { return as.List(ctx, &coordinationv1.LeaseList{}) },
		"lift the policies":                  func() error { return as.Delete(ctx, policyNamed(t, "fairlead-records")) },
		"delete the definition of its kinds": func() error { return as.Delete(ctx, manifest.HubCRDs()[0]) },
		"act as the administrator":           func() error { return asSomebody(t, as, "system:admin").List(ctx, &corev1.SecretList{}) },
		"act as another member": func() error {
			return asSomebody(t, as, "system:serviceaccount:"+hub.Namespace(other)+":member").Create(ctx, record(other, "shop", "b", "1"))
		},
		"records of a namespace that is not granted": func() error { return as.Create(ctx, record(cluster, "bank", "vault", "1")) },
		"endpoints of one that is not granted":       func() error { return as.Create(ctx, endpoints(cluster, "bank", "vault", "1")) },
		"a record that says it is another's": func() error {
			return as.Create(ctx, says(record(cluster, "shop", "a", "1"), func(r *v1alpha1.ServiceRecord) { r.Spec.Cluster = other }))
		},
		"a record without its namespace's label": func() error {
			return as.Create(ctx, says(record(cluster, "shop", "a", "1"), func(r *v1alpha1.ServiceRecord) { delete(r.Labels, v1alpha1.LabelNamespace) }))
		},
		"a record that is labelled as another's": func() error {
			return as.Create(ctx, says(record(cluster, "shop", "a", "1"), func(r *v1alpha1.ServiceRecord) { r.Labels[v1alpha1.LabelCluster] = other }))
		},
		"a record with a finalizer": func() error {
			return as.Create(ctx, says(record(cluster, "shop", "a", "1"), func(r *v1alpha1.ServiceRecord) { r.Finalizers = []string{"a.b/c"} }))
		},
		"a record without a term":       func() error { return as.Create(ctx, record(cluster, "shop", "a", "")) },
		"a record whose term is a word": func() error { return as.Create(ctx, record(cluster, "shop", "a", "one")) },
	} {
		if got := outcome(do()); got != "forbidden" {
			t.Errorf("%s: %s, want forbidden", what, got)
		}
	}
}

func says(r *v1alpha1.ServiceRecord, change func(*v1alpha1.ServiceRecord)) *v1alpha1.ServiceRecord {
	change(r)
	return r
}

func TestAnOlderTermIsFenced(t *testing.T) {
	_, cluster, as := hubWith(t)
	ctx := t.Context()
	mark := func(term, sequence int64) error {
		self := &v1alpha1.Member{}
		if err := as.Get(ctx, client.ObjectKey{Namespace: hub.Namespace(cluster), Name: cluster}, self); err != nil {
			return err
		}
		self.Status.Marker = v1alpha1.Marker{Term: term, Sequence: sequence}
		return as.Status().Update(ctx, self)
	}
	if err := mark(3, 10); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		term, sequence int64
		want           string
	}{{2, 11, "forbidden"}, {3, 9, "forbidden"}, {0, 0, "forbidden"}, {3, 11, "done"}, {4, 12, "done"}} {
		if got := outcome(mark(tc.term, tc.sequence)); got != tc.want {
			t.Errorf("marker of term %d, sequence %d: %s, want %s", tc.term, tc.sequence, got, tc.want)
		}
	}
	// The policy reads the marker from a cache that follows within moments.
	eventually(t, "the fence stands", func() error {
		if err := as.Create(ctx, record(cluster, "shop", "late", "3"), client.DryRunAll); err == nil || !strings.Contains(err.Error(), "newer term") {
			return errNotYet
		}
		return nil
	})
	if err := as.Create(ctx, record(cluster, "shop", "late", "4")); err != nil {
		t.Error(err)
	}
}

func TestAnInvitedClusterOnlyIntroducesItself(t *testing.T) {
	s, _, _ := hubWith(t)
	ctx := t.Context()
	cluster, as := s.joined(t, v1alpha1.MemberSpec{Pending: true})
	self := &v1alpha1.Member{}
	eventually(t, "read the own Member", func() error {
		return as.Get(ctx, client.ObjectKey{Namespace: hub.Namespace(cluster), Name: cluster}, self)
	})
	self.Status.Kubernetes = "v1.36.3"
	if err := as.Status().Update(ctx, self); err != nil {
		t.Errorf("introduce itself: %v", err)
	}
	for what, do := range map[string]func() error{
		"approve itself": func() error { self.Spec.Pending = false; return as.Update(ctx, self) },
		"read the fleet": func() error { return as.List(ctx, &v1alpha1.MemberList{}) },
		"read records":   func() error { return as.List(ctx, &v1alpha1.ServiceRecordList{}) },
		"write a record": func() error { return as.Create(ctx, record(cluster, "shop", "cart", "1")) },
		"heartbeat":      func() error { return as.Create(ctx, lease(cluster, manifest.MemberLease)) },
		"renew its token": func() error {
			return as.SubResource("token").Create(ctx, serviceAccount(cluster, manifest.MemberAccount), tokenFor(3600))
		},
	} {
		if got := outcome(do()); got != "forbidden" {
			t.Errorf("%s: %s, want forbidden", what, got)
		}
	}

	s.apply(t, manifest.Member(cluster, manifest.MemberOptions{})...)
	eventually(t, "write once approved", func() error { return as.Create(ctx, record(cluster, "shop", "cart", "1")) })

	s.apply(t, manifest.Member(cluster, manifest.MemberOptions{Spec: v1alpha1.MemberSpec{Leaving: true}})...)
	eventually(t, "write nothing more once it leaves", func() error {
		if as.Create(ctx, record(cluster, "shop", "late", "1"), client.DryRunAll) == nil {
			return errNotYet
		}
		return nil
	})
	if err := as.Delete(ctx, record(cluster, "shop", "cart", "1")); err != nil {
		t.Errorf("delete a record while it leaves: %v", err)
	}
}

// TestARevokedMemberIsRefused takes the permissions with the account: an API server remembers for some seconds that a token was good.
func TestARevokedMemberIsRefused(t *testing.T) {
	s, cluster, as := hubWith(t)
	for _, obj := range manifest.Member(cluster, manifest.MemberOptions{}) {
		switch obj.(type) {
		case *rbacv1.RoleBinding, *rbacv1.ClusterRoleBinding, *corev1.ServiceAccount:
			if err := s.Delete(t.Context(), obj); err != nil {
				t.Fatal(err)
			}
		}
	}
	for what, do := range map[string]func() error{
		"read":  func() error { return as.List(t.Context(), &v1alpha1.MemberList{}) },
		"write": func() error { return as.Create(t.Context(), record(cluster, "shop", "late", "1"), client.DryRunAll) },
		"renew": func() error {
			return as.SubResource("token").Create(t.Context(), serviceAccount(cluster, manifest.MemberAccount), tokenFor(3600))
		},
	} {
		eventually(t, what+" is refused", func() error {
			if outcome(do()) != "forbidden" {
				return errNotYet
			}
			return nil
		})
	}
}

func read(t *testing.T, s server, cluster string) *v1alpha1.ServiceRecord {
	t.Helper()
	r := &v1alpha1.ServiceRecord{}
	if err := s.Get(t.Context(), client.ObjectKeyFromObject(record(cluster, "shop", "cart", "1")), r); err != nil {
		t.Fatal(err)
	}
	r.Spec.Headless = !r.Spec.Headless
	return r
}

func member(t *testing.T, s server, cluster string) *v1alpha1.Member {
	t.Helper()
	m := &v1alpha1.Member{}
	if err := s.Get(t.Context(), client.ObjectKey{Namespace: hub.Namespace(cluster), Name: cluster}, m); err != nil {
		t.Fatal(err)
	}
	m.Status.Marker.Sequence++
	return m
}

func pod(namespace string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "a"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: manifest.ImageEcho}}},
	}
}

func bound(namespace string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "a"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: manifest.MemberAccount}},
	}
}

func policyNamed(t *testing.T, name string) client.Object {
	t.Helper()
	for _, obj := range manifest.Hub(manifest.HubOptions{}) {
		if obj.GetName() == name {
			return obj
		}
	}
	t.Fatalf("no object %s on a hub", name)
	return nil
}

func asSomebody(t *testing.T, as server, user string) server {
	t.Helper()
	config := as.config
	config.Impersonate.UserName = user
	return reach(t, config)
}
