package component

import (
	"fmt"
	"strings"

	"fairlead.dev/fairlead/hack/clusters/plan"
)

// Images that every cluster has.
const (
	PauseImage = "fairlead.dev/clusters/pause:1"
	DNSImage   = "fairlead.dev/clusters/coredns:1.15.0"
)

// Corefile is CoreDNS's configuration as kubeadm lays it out, but for two things: names that are not of the cluster do not exist, since there
// is nobody to forward them to, and edits are noticed within seconds.
const Corefile = `.:53 {
    errors
    health {
       lameduck 2s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 5
    }
    prometheus :9153
    template ANY ANY . {
       rcode NXDOMAIN
    }
    cache 5
    reload 2s 1s
    loadbalance
}
`

// DNS is the manifest of the cluster's resolver. Its Corefile is applied apart, once, because it is the users' to edit.
func DNS(c plan.Cluster) string {
	ips := c.DNS()
	policy := "SingleStack"
	if len(ips) > 1 {
		policy = "RequireDualStack"
	}
	return strings.NewReplacer("{ip}", ips[0].String(), "{ips}", quoted(list(ips)), "{policy}", policy, "{image}", DNSImage).Replace(dnsManifest)
}

// DNSConfig is the ConfigMap with the Corefile.
func DNSConfig() string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: coredns, namespace: kube-system}\ndata:\n  Corefile: |\n    %s\n",
		strings.ReplaceAll(strings.TrimSpace(Corefile), "\n", "\n    "))
}

func quoted(commas string) string { return `"` + strings.ReplaceAll(commas, ",", `", "`) + `"` }

const dnsManifest = `apiVersion: v1
kind: ServiceAccount
metadata: {name: coredns, namespace: kube-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: system:coredns}
rules:
- {apiGroups: [""], resources: [endpoints, services, pods, namespaces], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
- {apiGroups: [multicluster.x-k8s.io], resources: [serviceimports], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: system:coredns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:coredns}
subjects: [{kind: ServiceAccount, name: coredns, namespace: kube-system}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  replicas: 1
  strategy: {rollingUpdate: {maxUnavailable: 0}}
  selector: {matchLabels: {k8s-app: kube-dns}}
  template:
    metadata: {labels: {k8s-app: kube-dns}}
    spec:
      serviceAccountName: coredns
      dnsPolicy: Default
      priorityClassName: system-cluster-critical
      tolerations: [{operator: Exists}]
      terminationGracePeriodSeconds: 5
      containers:
      - name: coredns
        image: {image}
        imagePullPolicy: IfNotPresent
        args: [-conf, /etc/coredns/Corefile]
        ports:
        - {name: dns, containerPort: 53, protocol: UDP}
        - {name: dns-tcp, containerPort: 53, protocol: TCP}
        - {name: metrics, containerPort: 9153, protocol: TCP}
        volumeMounts: [{name: config-volume, mountPath: /etc/coredns, readOnly: true}]
        livenessProbe: {httpGet: {path: /health, port: 8080}, initialDelaySeconds: 60, timeoutSeconds: 5, failureThreshold: 5}
        readinessProbe: {httpGet: {path: /ready, port: 8181}, periodSeconds: 1, timeoutSeconds: 5}
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities: {add: [NET_BIND_SERVICE], drop: [ALL]}
      volumes: [{name: config-volume, configMap: {name: coredns, items: [{key: Corefile, path: Corefile}]}}]
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns, kubernetes.io/cluster-service: "true", kubernetes.io/name: CoreDNS}}
spec:
  clusterIP: "{ip}"
  clusterIPs: [{ips}]
  ipFamilyPolicy: {policy}
  selector: {k8s-app: kube-dns}
  ports:
  - {name: dns, port: 53, protocol: UDP}
  - {name: dns-tcp, port: 53, protocol: TCP}
  - {name: metrics, port: 9153, protocol: TCP}
`
