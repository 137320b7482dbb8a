package manifest

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// HubOptions say how a hub is installed. The zero value is what is usual.
type HubOptions struct {
	// Image of the Deployment; empty: Image.
	Image string
	// Replicas of the Deployment; 0: two, of which one is at work.
	Replicas int32
	// Bare leaves the Deployment out: members meet on the hub without it, and nobody keeps ClusterProfiles.
	Bare bool
}

// Hub returns what makes a cluster's API a hub: the kinds, what a member may do, the rules that its writes are held to, and the
// Deployment that keeps ClusterProfiles, on which nothing else depends.
func Hub(o HubOptions) []client.Object {
	objects := []client.Object{systemNamespace()}
	for _, crd := range HubCRDs() {
		objects = append(objects, crd)
	}
	objects = append(objects, readerRole(), writerRole(), introductionRole())
	objects = append(objects, hubPolicies()...)
	if o.Bare {
		return objects
	}
	return append(objects, controller(o)...)
}

// MemberOptions are what the fleet's operator decides of a member: the spec of its Member, apart from the cluster id.
type MemberOptions struct {
	Spec v1alpha1.MemberSpec
}

// Member returns what stands on the hub for one member. While its spec says pending it may introduce itself and nothing else; approved, it
// reads the whole clusterset and writes its own records. The names of the bindings do not depend on that, so that approving only adds to
// what is there.
func Member(cluster string, o MemberOptions) []client.Object {
	namespace := hub.Namespace(cluster)
	spec := *o.Spec.DeepCopy()
	spec.Cluster = cluster
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: MemberAccount}}

	space := global(namespace)
	space.Labels = restricted()
	objects := []client.Object{
		&corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: ofCluster(space, cluster)},
		&v1alpha1.Member{
			TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: "Member"},
			ObjectMeta: ofCluster(within(namespace, cluster), cluster),
			Spec:       spec,
		},
		account(ofCluster(within(namespace, MemberAccount), cluster)),
		binding(ofCluster(within(namespace, RoleIntroduction), cluster), "ClusterRole", RoleIntroduction, subjects),
	}
	if spec.Pending {
		return objects
	}
	return append(objects,
		binding(ofCluster(within(namespace, RoleWriter), cluster), "ClusterRole", RoleWriter, subjects),
		clusterBinding(ofCluster(global(ReaderBinding(cluster)), cluster), RoleReader, subjects),
	)
}

// ReaderBinding is the name of the ClusterRoleBinding that lets an approved member read. It is the one object of a member that stands
// outside of its namespace.
func ReaderBinding(cluster string) string { return "fairlead-" + hub.Namespace(cluster) }

// controller is the Deployment fairlead-hub with what it may do.
func controller(o HubOptions) []client.Object {
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: Namespace, Name: HubName}}
	return []client.Object{
		account(local(HubName)),
		controllerRole(), clusterBinding(global(HubName), HubName, subjects),
		controllerLocalRole(), binding(local(HubName), "Role", HubName, subjects),
		workload{
			name: HubName, role: "hub", args: []string{"hub", "run"}, image: o.Image, replicas: o.Replicas,
			ports:  []corev1.ContainerPort{port("health", PortHealth, corev1.ProtocolTCP)},
			memory: "512Mi",
		}.deployment(),
		disruption(HubName),
	}
}
