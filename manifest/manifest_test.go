package manifest_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/manifest"
)

// installations are all the ways to install, by what they are.
func installations() map[string][]client.Object {
	return map[string][]client.Object{
		"hub":            manifest.Hub(manifest.HubOptions{}),
		"bare hub":       manifest.Hub(manifest.HubOptions{Bare: true}),
		"agent":          manifest.Agent(manifest.AgentOptions{}),
		"agent with all": manifest.Agent(manifest.AgentOptions{Gateways: true, NetworkPolicy: true}),
		"member":         manifest.Member("west.eu", manifest.MemberOptions{}),
		"invited member": manifest.Member("west.eu", manifest.MemberOptions{Spec: v1alpha1.MemberSpec{Pending: true}}),
	}
}

func id(obj client.Object) string {
	return obj.GetObjectKind().GroupVersionKind().Kind + " " + client.ObjectKeyFromObject(obj).String()
}

func TestObjectsCanBeAppliedInTheirOrder(t *testing.T) {
	for name, objects := range installations() {
		kinds, spaces, accounts := map[string]bool{}, map[string]bool{"": true}, map[string]bool{}
		var seen []string
		for _, obj := range objects {
			gvk := obj.GetObjectKind().GroupVersionKind()
			if gvk.Kind == "" || gvk.Version == "" || obj.GetName() == "" {
				t.Errorf("%s: %T %q does not say its kind", name, obj, obj.GetName())
			}
			if slices.Contains(seen, id(obj)) {
				t.Errorf("%s: %s is there twice", name, id(obj))
			}
			seen = append(seen, id(obj))
			if !spaces[obj.GetNamespace()] {
				t.Errorf("%s: %s comes before its namespace", name, id(obj))
			}
			switch obj := obj.(type) {
			case *corev1.Namespace:
				spaces[obj.Name] = true
			case *apiextensionsv1.CustomResourceDefinition:
				kinds[obj.Spec.Names.Kind] = true
			case *corev1.ServiceAccount:
				accounts[obj.Namespace+"/"+obj.Name] = true
			case *admissionv1.ValidatingAdmissionPolicy:
				if p := obj.Spec.ParamKind; p != nil && !kinds[p.Kind] {
					t.Errorf("%s: %s comes before the kind of its parameters", name, id(obj))
				}
			case *appsv1.Deployment:
				if !accounts[obj.Namespace+"/"+obj.Spec.Template.Spec.ServiceAccountName] {
					t.Errorf("%s: %s comes before its ServiceAccount", name, id(obj))
				}
			}
		}
	}
}

func TestTheSameOptionsPrintTheSameBytes(t *testing.T) {
	again := installations()
	for name, objects := range installations() {
		text := manifest.Text(objects)
		if !bytes.Equal(text, manifest.Text(again[name])) {
			t.Errorf("%s: two prints differ", name)
		}
		if n := bytes.Count(text, []byte("---\n")); n != len(objects) {
			t.Errorf("%s: %d documents for %d objects", name, n, len(objects))
		}
		for _, word := range []string{": null\n", "creationTimestamp:", "\nstatus:"} {
			if bytes.Contains(text, []byte(word)) {
				t.Errorf("%s: prints %q, which is a server's to fill in", name, word)
			}
		}
	}
}

// TestPodsAreRestricted is what the namespace's label makes the API server hold pods to, and the read-only root besides.
func TestPodsAreRestricted(t *testing.T) {
	found := 0
	for name, objects := range installations() {
		for _, obj := range objects {
			d, ok := obj.(*appsv1.Deployment)
			if !ok {
				continue
			}
			found++
			pod := d.Spec.Template.Spec
			if s := pod.SecurityContext; !*s.RunAsNonRoot || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s: pods of %s may run as root or unconfined", name, d.Name)
			}
			for _, c := range pod.Containers {
				s := c.SecurityContext
				if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
					t.Errorf("%s: container %s of %s has privileges", name, c.Name, d.Name)
				}
				if c.ReadinessProbe == nil || c.LivenessProbe == nil || c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
					t.Errorf("%s: container %s of %s lacks probes or resources", name, c.Name, d.Name)
				}
			}
			if len(pod.Volumes) > 0 || pod.HostNetwork || pod.HostPID {
				t.Errorf("%s: pods of %s reach into the node", name, d.Name)
			}
		}
	}
	if found == 0 {
		t.Error("no Deployment was looked at")
	}
}

func TestNoRoleHasAStar(t *testing.T) {
	for name, objects := range installations() {
		for _, obj := range objects {
			var rules []rbacv1.PolicyRule
			switch obj := obj.(type) {
			case *rbacv1.ClusterRole:
				rules = obj.Rules
			case *rbacv1.Role:
				rules = obj.Rules
			}
			for _, r := range rules {
				if words := slices.Concat(r.Verbs, r.APIGroups, r.Resources); slices.Contains(words, "*") ||
					slices.ContainsFunc(words, func(w string) bool { return slices.Contains([]string{"impersonate", "bind", "escalate"}, w) }) {
					t.Errorf("%s: %s allows %v", name, id(obj), r)
				}
			}
		}
	}
}

// TestPoliciesKnowEveryMember holds the expression by which policies tell members to the names that members have.
func TestPoliciesKnowEveryMember(t *testing.T) {
	var who []*regexp.Regexp
	for _, obj := range manifest.Hub(manifest.HubOptions{}) {
		if p, ok := obj.(*admissionv1.ValidatingAdmissionPolicy); ok {
			expression := p.Spec.MatchConditions[0].Expression
			who = append(who, regexp.MustCompile(expression[strings.Index(expression, "'")+1:strings.LastIndex(expression, "'")]))
			if *p.Spec.FailurePolicy != admissionv1.Fail {
				t.Errorf("%s lets through what it cannot judge", p.Name)
			}
		}
	}
	if len(who) < 4 {
		t.Fatalf("%d policies on a hub", len(who))
	}
	rapid.Check(t, func(t *rapid.T) {
		cluster := rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?)?`).Draw(t, "cluster")
		name := "system:serviceaccount:" + hub.Namespace(cluster) + ":" + manifest.MemberAccount
		for _, w := range who {
			if !w.MatchString(name) || w.MatchString(name+"x") || w.MatchString("x"+name) {
				t.Fatalf("%s is not told from others by %s", name, w)
			}
		}
	})
}

func TestApprovingOnlyAdds(t *testing.T) {
	invited := manifest.Member("west", manifest.MemberOptions{Spec: v1alpha1.MemberSpec{Pending: true}})
	approved := manifest.Member("west", manifest.MemberOptions{})
	if len(approved) <= len(invited) {
		t.Fatal("an approved member has no more than an invited one")
	}
	for i, obj := range invited {
		if id(approved[i]) != id(obj) {
			t.Errorf("object %d is %s invited, and %s approved", i, id(obj), id(approved[i]))
		}
	}
	spec := v1alpha1.MemberSpec{Namespaces: []string{"shop"}}
	member := manifest.Member("west", manifest.MemberOptions{Spec: spec})[1].(*v1alpha1.Member)
	if member.Spec.Cluster != "west" || spec.Cluster != "" {
		t.Errorf("the Member is %+v, the options became %+v", member.Spec, spec)
	}
	member.Spec.Namespaces[0] = "bank"
	if spec.Namespaces[0] != "shop" {
		t.Error("the Member shares memory with the options")
	}
}

func TestKindsOfMembersAreStandard(t *testing.T) {
	for _, crd := range manifest.MemberCRDs() {
		if crd.Spec.Group == v1alpha1.Group {
			t.Errorf("%s is ours: a member cluster needs none of our kinds", crd.Name)
		}
	}
	for _, obj := range installations()["agent with all"] {
		if obj.GetLabels()[manifest.LabelManagedBy] != "" {
			t.Errorf("%s carries the label of what the agent owns", id(obj))
		}
	}
}
