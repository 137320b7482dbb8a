// Package manifest is every object that an installation consists of: what stands on the hub, what stands there for each member, and
// what stands in each member cluster.
//
// In go a few options (an image, counts of replicas), out come typed Kubernetes objects in the order in which they are to be applied,
// complete with their kind, the same for the same options. There is no I/O here: package membership applies them, Text writes them
// as one YAML stream, and manifest/chart makes the Helm chart of them. CustomResourceDefinitions are embedded from manifest/crds,
// which `make generate` writes from api/ and from the modules that own the standard kinds.
//
// Every permission is the least that the role's code needs; docs/install.md says what each is for, and a test against a real API server
// tries everything else. Whatever RBAC cannot say (whose record this is, which namespaces a member may export, that terms never go
// backwards) is said by ValidatingAdmissionPolicies, which the API server evaluates itself: nothing of ours is in its path.
//
// Start with Hub, Member and Agent.
package manifest

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// The range of Kubernetes versions in which all that is installed is known to work. Older ones have no ValidatingAdmissionPolicy in v1.
const (
	OldestKubernetes = "1.30"
	NewestKubernetes = "1.37"
)

// Namespace is where Fairlead runs, on the hub and in every member cluster.
const Namespace = "fairlead-system"

// The images: the binary fairlead with all its roles, the data plane, and the server that tests call.
const (
	Image      = "fairlead.dev/fairlead:dev"
	ImageProxy = "fairlead.dev/fairlead-proxy:dev"
	ImageEcho  = "fairlead.dev/echo:dev"
)

// Names in a member cluster.
const (
	// AgentName names the agent's Deployment, ServiceAccount, roles and election Lease. Its pods are labelled app=AgentName.
	AgentName = "fairlead-agent"
	// AgentsService is the headless Service over the agent's pods, ready or not: replicas find each other and their beacons by it.
	AgentsService = "fairlead-agents"
	// DNSName names the Deployment and Service that answer for clusterset.local.
	DNSName = "fairlead-dns"
	// HubSecret holds what the agent needs to reach the hub, under the two keys below.
	HubSecret = "fairlead-hub"
	// KeyKubeconfig is a kubeconfig: the hub's address, its CA, the token of the member's ServiceAccount, the member's namespace.
	KeyKubeconfig = "kubeconfig"
	// KeyCluster is the cluster id.
	KeyCluster = "cluster"
	// RoleGateways is the ClusterRole that the agent has besides, where it serves Gateways.
	RoleGateways = "fairlead-agent-gateways"
	// MembersConfigMap keeps what the agent must know of the other members when the hub is away.
	MembersConfigMap = "fairlead-members"
)

// Names on the hub.
const (
	// HubName names the Deployment that keeps ClusterProfiles, its ServiceAccount, roles and election Lease.
	HubName = "fairlead-hub"
	// MemberAccount and MemberLease stand in each member's namespace: its identity, and its heartbeat.
	MemberAccount = "member"
	MemberLease   = "member"
	// The roles of a member. The first is bound cluster-wide, the others in its own namespace.
	RoleReader       = "fairlead-member-reader"
	RoleWriter       = "fairlead-member-writer"
	RoleIntroduction = "fairlead-member-introduction"
)

// Ports of the pods. The Service of DNSName answers on port 53.
const (
	PortHealth = 15020 // agent, dns, hub: /healthz, /readyz, /metrics
	PortBeacon = 15021 // agent: answers the other clusters' probes
	PortPeers  = 15022 // agent: what its replicas tell each other and operators ask
	PortDNS    = 8053  // dns, UDP and TCP
)

// The labels: of what is installed, of the pods of each role, and of what the agent and the hub then make and own. An API server copies
// the labels of a Service to its slices, so what is installed must not carry the last one.
const (
	LabelPartOf    = "app.kubernetes.io/part-of"
	PartOf         = "fairlead"
	LabelApp       = "app"
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "fairlead.dev"
)

// restricted are the labels of a namespace in which nothing runs that needs privileges.
func restricted() map[string]string {
	return map[string]string{
		LabelPartOf:                          PartOf,
		"pod-security.kubernetes.io/enforce": "restricted",
		"pod-security.kubernetes.io/warn":    "restricted",
	}
}

func systemNamespace() *corev1.Namespace {
	return &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: Namespace, Labels: restricted()},
	}
}

// global returns the metadata of a cluster-scoped object, local that of one in Fairlead's namespace.
func global(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: map[string]string{LabelPartOf: PartOf}}
}

func local(name string) metav1.ObjectMeta { return within(Namespace, name) }

func within(namespace, name string) metav1.ObjectMeta {
	m := global(name)
	m.Namespace = namespace
	return m
}

func account(meta metav1.ObjectMeta) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: meta}
}

// ofCluster adds the label by which a member's objects on the hub are found.
func ofCluster(meta metav1.ObjectMeta, cluster string) metav1.ObjectMeta {
	meta.Labels[v1alpha1.LabelCluster] = cluster
	return meta
}
