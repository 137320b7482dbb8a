package manifest

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// AgentOptions say how Fairlead is installed in a member cluster. The zero value is what is usual.
type AgentOptions struct {
	// Image of both Deployments; empty: Image.
	Image string
	// Replicas of the agent, DNSReplicas of the DNS server; 0: two.
	Replicas, DNSReplicas int32
	// Gateways lets the agent read Gateways, their routes, and Secrets, for their certificates.
	Gateways bool
	// NetworkPolicy lets other pods and clusters reach what they must, where a policy of the namespace would forbid it.
	NetworkPolicy bool
}

// Agent returns what stands in a member cluster: the standard kinds, the agent and the DNS server with their permissions. The Secret
// HubSecret is not among it: who joins the cluster makes it, and the agents wait for it.
func Agent(o AgentOptions) []client.Object {
	objects := []client.Object{systemNamespace()}
	for _, crd := range MemberCRDs() {
		objects = append(objects, crd)
	}
	objects = append(objects, agentAccess(o)...)
	objects = append(objects, agentPolicy().objects()...)
	args := []string{"agent"}
	if o.Gateways {
		args = append(args, "--gateways")
	}
	objects = append(objects,
		agentsService(), dnsService(),
		workload{
			name: AgentName, role: "agent", args: args, image: o.Image, replicas: o.Replicas, memory: "1Gi",
			ports: []corev1.ContainerPort{
				port("health", PortHealth, corev1.ProtocolTCP), port("beacon", PortBeacon, corev1.ProtocolTCP), port("peers", PortPeers, corev1.ProtocolTCP),
			},
		}.deployment(),
		workload{
			name: DNSName, role: "dns", args: []string{"dns"}, image: o.Image, replicas: o.DNSReplicas, memory: "512Mi",
			ports: []corev1.ContainerPort{
				port("dns", PortDNS, corev1.ProtocolUDP), port("dns-tcp", PortDNS, corev1.ProtocolTCP), port("health", PortHealth, corev1.ProtocolTCP),
			},
		}.deployment(),
		disruption(AgentName), disruption(DNSName),
	)
	if o.NetworkPolicy {
		objects = append(objects, reachable(AgentName, PortHealth, PortBeacon, PortPeers), reachable(DNSName, PortHealth, PortDNS))
	}
	return objects
}

func agentAccess(o AgentOptions) []client.Object {
	agent := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: Namespace, Name: AgentName}}
	dns := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: Namespace, Name: DNSName}}
	objects := []client.Object{
		account(local(AgentName)), account(local(DNSName)),
		agentRole(), clusterBinding(global(AgentName), AgentName, agent),
		agentLocalRole(), binding(local(AgentName), "Role", AgentName, agent),
		dnsRole(), clusterBinding(global(DNSName), DNSName, dns),
	}
	if o.Gateways {
		objects = append(objects, agentGatewayRole(), clusterBinding(global(RoleGateways), RoleGateways, agent))
	}
	return objects
}

// agentsService tells replicas of each other, and which beacons run. It has no address: nobody is to be balanced between them.
func agentsService() *corev1.Service {
	s := service(AgentsService, AgentName,
		servicePort("beacon", PortBeacon, PortBeacon, corev1.ProtocolTCP), servicePort("peers", PortPeers, PortPeers, corev1.ProtocolTCP))
	s.Spec.ClusterIP = corev1.ClusterIPNone
	s.Spec.PublishNotReadyAddresses = true
	return s
}

// dnsService is the address that the cluster's resolver forwards clusterset.local to.
func dnsService() *corev1.Service {
	return service(DNSName, DNSName,
		servicePort("dns", 53, PortDNS, corev1.ProtocolUDP), servicePort("dns-tcp", 53, PortDNS, corev1.ProtocolTCP))
}

func service(name, app string, ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: local(name),
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{LabelApp: app}, Ports: ports, IPFamilyPolicy: new(corev1.IPFamilyPolicyPreferDualStack),
		},
	}
}

func servicePort(name string, number, target int32, protocol corev1.Protocol) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: number, TargetPort: intstr.FromInt32(target), Protocol: protocol}
}

// reachable lets anybody reach the given ports of an app. Beacons are asked by other clusters, names by every pod, and the API server
// comes from addresses that a policy cannot name.
func reachable(app string, ports ...int32) *networkingv1.NetworkPolicy {
	var open []networkingv1.NetworkPolicyPort
	for _, p := range ports {
		open = append(open, networkingv1.NetworkPolicyPort{Port: new(intstr.FromInt32(p)), Protocol: new(corev1.ProtocolTCP)})
		if p == PortDNS {
			open = append(open, networkingv1.NetworkPolicyPort{Port: new(intstr.FromInt32(p)), Protocol: new(corev1.ProtocolUDP)})
		}
	}
	return &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: networkingv1.SchemeGroupVersion.String(), Kind: "NetworkPolicy"},
		ObjectMeta: local(app),
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{LabelApp: app}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
			Ingress:     []networkingv1.NetworkPolicyIngressRule{{Ports: open}},
			Egress:      []networkingv1.NetworkPolicyEgressRule{{}},
		},
	}
}
