package manifest_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/manifest"
)

// rules returns what the API server says a caller may do in a namespace, one line each, without what everybody may.
func rules(t *testing.T, as server, namespace string) (lines []string) {
	t.Helper()
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	if err := as.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	for _, r := range review.Status.ResourceRules {
		if group := r.APIGroups[0]; strings.HasPrefix(group, "authorization.") || strings.HasPrefix(group, "authentication.") {
			continue
		}
		line := strings.Join(r.Verbs, ",") + " " + cmp.Or(r.APIGroups[0], "core") + "/" + strings.Join(r.Resources, ",")
		if len(r.ResourceNames) > 0 {
			line += " named " + strings.Join(r.ResourceNames, ",")
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("%s:\n%s\nwant:\n%s", what, g, w)
	}
}

// TestPermissionsAreExactlyThese asks the API server itself, so that a permission that comes by some other way shows up too.
func TestPermissionsAreExactlyThese(t *testing.T) {
	s := realServer(t)
	s.apply(t, manifest.Hub(manifest.HubOptions{})...)
	s.apply(t, manifest.Agent(manifest.AgentOptions{})...)
	cluster, as := s.joined(t, v1alpha1.MemberSpec{})
	pending, asPending := s.joined(t, v1alpha1.MemberSpec{Pending: true})

	everywhere := []string{
		"get,list,watch coordination.k8s.io/leases named member",
		"get,list,watch fairlead.dev/members,servicerecords,endpointrecords",
	}
	eventually(t, "the roles count", func() error {
		if len(rules(t, as, "default")) == 0 {
			return errNotYet
		}
		return nil
	})
	expect(t, "a member, elsewhere", rules(t, as, "default"), everywhere...)
	expect(t, "a member, with the system", rules(t, as, "kube-system"), everywhere...)
	expect(t, "a member, at another's", rules(t, as, hub.Namespace(pending)), everywhere...)
	expect(t, "a member, at home", rules(t, as, hub.Namespace(cluster)),
		"create coordination.k8s.io/leases",
		"create core/serviceaccounts/token named member",
		"get,list,watch coordination.k8s.io/leases named member",
		"get,list,watch fairlead.dev/members",
		"get,list,watch fairlead.dev/members,servicerecords,endpointrecords",
		"get,list,watch,create,update,patch,delete fairlead.dev/servicerecords,endpointrecords",
		"get,list,watch,update,patch coordination.k8s.io/leases named member",
		"get,update,patch fairlead.dev/members/status",
	)
	expect(t, "an invited one, elsewhere", rules(t, asPending, "default"))
	expect(t, "an invited one, at home", rules(t, asPending, hub.Namespace(pending)),
		"get,list,watch fairlead.dev/members",
		"get,update,patch fairlead.dev/members/status",
	)

	fleet := []string{
		"get,list,watch coordination.k8s.io/leases named member",
		"get,list,watch fairlead.dev/members",
	}
	keeper := s.as(t, manifest.Namespace, manifest.HubName)
	expect(t, "fairlead-hub, elsewhere", rules(t, keeper, "default"), fleet...)
	expect(t, "fairlead-hub, at home", rules(t, keeper, manifest.Namespace),
		"create coordination.k8s.io/leases",
		"get core/namespaces named fairlead-system",
		"get,list,watch coordination.k8s.io/leases named member",
		"get,list,watch fairlead.dev/members",
		"get,list,watch,create,update,patch,delete multicluster.x-k8s.io/clusterprofiles",
		"get,list,watch,update,patch coordination.k8s.io/leases named fairlead-hub",
		"get,update,patch multicluster.x-k8s.io/clusterprofiles/status",
	)
	if err := keeper.Get(t.Context(), client.ObjectKey{Name: manifest.Namespace}, &corev1.Namespace{}); err != nil {
		t.Errorf("fairlead-hub reads the name of the clusterset: %v", err)
	}
	names := s.as(t, manifest.Namespace, manifest.DNSName)
	expect(t, "fairlead-dns", rules(t, names, manifest.Namespace),
		"get,list,watch discovery.k8s.io/endpointslices",
		"get,list,watch multicluster.x-k8s.io/serviceimports",
	)
	for _, line := range rules(t, s.as(t, manifest.Namespace, manifest.AgentName), "default") {
		if strings.Contains(line, "secrets") {
			t.Errorf("the agent reads Secrets of the cluster without having been asked to: %s", line)
		}
	}
}
