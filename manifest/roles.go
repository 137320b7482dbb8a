package manifest

import (
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// The verbs of who reads, and of who owns.
var (
	reads = []string{"get", "list", "watch"}
	owns  = []string{"get", "list", "watch", "create", "update", "patch", "delete"}
)

// readerRole is bound cluster-wide to every approved member: all members and records are for all to see. Of leases only those of members,
// so a list or watch of them must select metadata.name=member.
func readerRole() *rbacv1.ClusterRole {
	return clusterRole(RoleReader,
		rule(v1alpha1.Group, reads, "members", "servicerecords", "endpointrecords"),
		named(rule("coordination.k8s.io", reads, "leases"), MemberLease),
	)
}

// writerRole is bound to an approved member in its own namespace. RBAC knows no names where something is created: that a Lease is
// the heartbeat and a record the member's own is for the policies to say.
func writerRole() *rbacv1.ClusterRole {
	return clusterRole(RoleWriter,
		rule(v1alpha1.Group, owns, "servicerecords", "endpointrecords"),
		rule(v1alpha1.Group, reads, "members"),
		rule(v1alpha1.Group, []string{"get", "update", "patch"}, "members/status"),
		rule("coordination.k8s.io", []string{"create"}, "leases"),
		named(rule("coordination.k8s.io", []string{"get", "list", "watch", "update", "patch"}, "leases"), MemberLease),
		named(rule("", []string{"create"}, "serviceaccounts/token"), MemberAccount),
	)
}

// introductionRole is bound to every member in its own namespace: an invited one tells who it is, and learns whether it was approved.
func introductionRole() *rbacv1.ClusterRole {
	return clusterRole(RoleIntroduction,
		rule(v1alpha1.Group, reads, "members"),
		rule(v1alpha1.Group, []string{"get", "update", "patch"}, "members/status"),
	)
}

// controllerRole is what fairlead-hub reads of the clusterset.
func controllerRole() *rbacv1.ClusterRole {
	return clusterRole(HubName,
		rule(v1alpha1.Group, reads, "members"),
		named(rule("coordination.k8s.io", reads, "leases"), MemberLease),
	)
}

// controllerLocalRole is what fairlead-hub writes, in its own namespace only: the fleet's ClusterProfiles, and its election. The labels of
// the namespace name the clusterset.
func controllerLocalRole() *rbacv1.Role {
	return role(local(HubName), append(election(HubName),
		named(rule("", []string{"get"}, "namespaces"), Namespace),
		rule("multicluster.x-k8s.io", owns, "clusterprofiles"),
		rule("multicluster.x-k8s.io", []string{"get", "update", "patch"}, "clusterprofiles/status"),
	)...)
}

// agentRole is what the agent does in its cluster. It writes Services, EndpointSlices and ServiceImports, of which the policy
// agentPolicy leaves it its own. It reads no Secret of the cluster; see agentGatewayRole.
func agentRole() *rbacv1.ClusterRole {
	return clusterRole(AgentName,
		rule("", reads, "namespaces", "nodes"),
		rule("", owns, "services"),
		rule("discovery.k8s.io", owns, "endpointslices"),
		rule("multicluster.x-k8s.io", reads, "serviceexports"),
		rule("multicluster.x-k8s.io", owns, "serviceimports"),
		rule("multicluster.x-k8s.io", []string{"get", "update", "patch"}, "serviceexports/status", "serviceimports/status"),
		rule("networking.k8s.io", reads, "servicecidrs"),
		named(rule("apiextensions.k8s.io", reads, "customresourcedefinitions"), exportsCRD, importsCRD),
		rule("events.k8s.io", []string{"create"}, "events"),
	)
}

// The names of the definitions without which the agent has nothing to do.
const (
	exportsCRD = "serviceexports.multicluster.x-k8s.io"
	importsCRD = "serviceimports.multicluster.x-k8s.io"
)

// agentGatewayRole lets the agent serve Gateways: certificates are Secrets, and RBAC cannot tell those of type kubernetes.io/tls from the
// rest. It is granted only where that is asked for.
func agentGatewayRole() *rbacv1.ClusterRole {
	return clusterRole(RoleGateways,
		rule("gateway.networking.k8s.io", reads, "gatewayclasses", "gateways", "httproutes", "referencegrants"),
		rule("gateway.networking.k8s.io", []string{"get", "update", "patch"}, "gateways/status", "httproutes/status"),
		rule("", reads, "secrets"),
	)
}

// agentLocalRole is what the agent does in its own namespace: its election, its access to the hub, whose token it rotates, and what it
// must remember of the other members.
func agentLocalRole() *rbacv1.Role {
	keeps := []string{"get", "list", "watch", "update", "patch"}
	return role(local(AgentName), append(election(AgentName),
		named(rule("", keeps, "secrets"), HubSecret),
		named(rule("", keeps, "configmaps"), MembersConfigMap),
		rule("", []string{"create"}, "configmaps"),
	)...)
}

// dnsRole is what the DNS server reads: it answers from the objects of its own cluster.
func dnsRole() *rbacv1.ClusterRole {
	return clusterRole(DNSName,
		rule("multicluster.x-k8s.io", reads, "serviceimports"),
		rule("discovery.k8s.io", reads, "endpointslices"),
	)
}

// election lets a role elect its leader by the Lease of its name.
func election(name string) []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule("coordination.k8s.io", []string{"create"}, "leases"),
		named(rule("coordination.k8s.io", []string{"get", "list", "watch", "update", "patch"}, "leases"), name),
	}
}

func rule(group string, verbs []string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: verbs}
}

func named(r rbacv1.PolicyRule, names ...string) rbacv1.PolicyRule {
	r.ResourceNames = names
	return r
}

func clusterRole(name string, rules ...rbacv1.PolicyRule) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{
		TypeMeta: metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"}, ObjectMeta: global(name), Rules: rules,
	}
}

func role(meta metav1.ObjectMeta, rules ...rbacv1.PolicyRule) *rbacv1.Role {
	return &rbacv1.Role{
		TypeMeta: metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "Role"}, ObjectMeta: meta, Rules: rules,
	}
}

func binding(meta metav1.ObjectMeta, kind, role string, subjects []rbacv1.Subject) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "RoleBinding"},
		ObjectMeta: meta, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role},
	}
}

func clusterBinding(meta metav1.ObjectMeta, role string, subjects []rbacv1.Subject) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRoleBinding"},
		ObjectMeta: meta, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
	}
}
