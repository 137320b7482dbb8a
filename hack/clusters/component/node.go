package component

import (
	"fmt"
	"path/filepath"
	"strings"

	"fairlead.dev/fairlead/hack/clusters/pki"
	"fairlead.dev/fairlead/hack/clusters/plan"
)

// Node is what the components of one node need to know.
type Node struct {
	plan.Node
	Cluster plan.Cluster
	Dir     string // of the node
	Cgroup  string // the node's own, the same path in every hierarchy: the pods are in it
	Control Control
}

// Runtime runs the containers.
func (n Node) Runtime() Component {
	return Component{Containerd, []string{Containerd, "--config", n.path("containerd.toml")}}
}

// Agents are the clients of the API server on the node.
func (n Node) Agents() []Component {
	return []Component{
		{Kubelet, []string{
			Kubelet, "--config=" + n.path("kubelet.yaml"), "--kubeconfig=" + n.Control.PKI().Path(n.Name+".conf"),
			"--hostname-override=" + n.Name, "--node-ip=" + list(n.Addrs), "--root-dir=" + n.path("kubelet"),
		}},
		{Proxy, []string{Proxy, "--config=" + n.path("kube-proxy.yaml")}},
	}
}

// Credentials makes the kubelet's certificates and kubeconfig.
func (n Node) Credentials() error {
	keys, user := n.Control.PKI(), "system:node:"+n.Name
	if err := keys.Issue("ca", n.Name+"-serving", pki.Subject{Name: user, Group: "system:nodes", Hosts: []string{n.Name}, IPs: n.Addrs}); err != nil {
		return fmt.Errorf("credentials of %s: %w", n.Name, err)
	}
	if err := client(keys, n.Control.Name, n.Cluster.Server(), n.Name, pki.Subject{Name: user, Group: "system:nodes"}); err != nil {
		return fmt.Errorf("credentials of %s: %w", n.Name, err)
	}
	return nil
}

// Object is the Node object, made before its kubelet comes, so that the ranges of its pods are those of the plan.
func (n Node) Object() map[string]any {
	ranges := make([]string, len(n.Pods))
	for i, p := range n.Pods {
		ranges[i] = p.String()
	}
	return map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{"name": n.Name, "labels": map[string]string{
			"kubernetes.io/hostname":        n.Name,
			"topology.kubernetes.io/region": n.Cluster.Name,
			"topology.kubernetes.io/zone":   fmt.Sprintf("%s-%c", n.Cluster.Name, 'a'+n.Number-1),
		}},
		"spec": map[string]any{"podCIDR": ranges[0], "podCIDRs": ranges},
	}
}

// Files are the configurations of the node's components, by their names in the node's folder.
func (n Node) Files() map[string]string {
	expand := strings.NewReplacer(
		"{dir}", n.Dir, "{name}", n.Name, "{addr}", n.Addrs[0].String(), "{hostport}", hostport(n.Addrs[0].String()), "{cgroup}", n.Cgroup, "{pki}", string(n.Control.PKI()),
		"{dns}", quoted(list(n.Cluster.DNS())), "{pods}", list(n.Cluster.Pods), "{ranges}", n.ranges(), "{defaults}", n.defaults(),
	)
	return map[string]string{
		"containerd.toml":             expand.Replace(containerdConfig),
		"kubelet.yaml":                expand.Replace(kubeletConfig),
		"kube-proxy.yaml":             expand.Replace(proxyConfig),
		"cni/10-fairlead.conflist":    expand.Replace(cniConfig),
		"resolv.conf":                 "",
		"sysctl/vm/overcommit_memory": "1\n",
		"sysctl/kernel/panic":         "10\n",
		"sysctl/kernel/panic_on_oops": "1\n",
	}
}

func (n Node) path(file string) string { return filepath.Join(n.Dir, file) }

func (n Node) ranges() string {
	words := make([]string, len(n.Pods))
	for i, p := range n.Pods {
		words[i] = fmt.Sprintf(`[{"subnet": %q}]`, p)
	}
	return strings.Join(words, ", ")
}

func (n Node) defaults() string {
	words := make([]string, len(n.Pods))
	for i, p := range n.Pods {
		words[i] = `{"dst": "0.0.0.0/0"}`
		if p.Addr().Is6() {
			words[i] = `{"dst": "::/0"}`
		}
	}
	return strings.Join(words, ", ")
}

func hostport(addr string) string {
	if strings.Contains(addr, ":") {
		return "[" + addr + "]"
	}
	return addr
}

// containerdConfig keeps everything in the node's folder and in the node's own /run. Lowering oom_score_adj needs CAP_SYS_RESOURCE, which
// machines in a sandbox lack.
const containerdConfig = `version = 3
root = "{dir}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "` + PauseImage + `"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "{dir}/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = "runc"
      SystemdCgroup = false
`

// kubeletConfig notices edited ConfigMaps within seconds, and never evicts for a disk that is this whole machine's.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: "{addr}"
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: "{pki}/ca.crt"}}
authorization: {mode: Webhook}
tlsCertFile: "{pki}/{name}-serving.crt"
tlsPrivateKeyFile: "{pki}/{name}-serving.key"
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /{cgroup}
enforceNodeAllocatable: []
failSwapOn: false
failCgroupV1: false
clusterDNS: [{dns}]
clusterDomain: cluster.local
resolvConf: "{dir}/resolv.conf"
volumePluginDir: "{dir}/volume-plugins"
maxPods: 200
serializeImagePulls: false
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 50Mi, nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", imagefs.inodesFree: "0%"}
nodeStatusUpdateFrequency: 5s
syncFrequency: 5s
`

// proxyConfig leaves conntrack's limits alone: they are the whole machine's.
const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: "{pki}/proxy.conf"}
clusterCIDR: "{pods}"
hostnameOverride: "{name}"
bindAddress: "{addr}"
healthzBindAddress: "{hostport}:10256"
metricsBindAddress: "{hostport}:10249"
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nftables: {minSyncPeriod: 0s, syncPeriod: 30s}
`

// cniConfig uses ptp, not bridge, so that also packets between pods of one node pass the node's own hooks and conntrack.
const cniConfig = `{"cniVersion": "1.0.0", "name": "fairlead", "plugins": [
  {"type": "ptp", "ipMasq": false, "mtu": 1500,
   "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam", "routes": [{defaults}], "ranges": [{ranges}]}}
]}
`
