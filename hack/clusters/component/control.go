// Package component says how each part of a cluster is started: its command line and its files, from the plan. It is pure; what runs them is
// package node.
package component

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"

	"fairlead.dev/fairlead/hack/clusters/pki"
)

// Component is a process that is kept running.
type Component struct {
	Name string
	Argv []string // Argv[0] is looked up in PATH
}

// Names of the components, as the verbs for faults take them.
const (
	Etcd       = "etcd"
	APIServer  = "kube-apiserver"
	Controller = "kube-controller-manager"
	Scheduler  = "kube-scheduler"
	Containerd = "containerd"
	Kubelet    = "kubelet"
	Proxy      = "kube-proxy"
)

// Control is what a control plane needs to know.
type Control struct {
	Name     string
	Dir      string // of the cluster: pki and etcd are in it
	Address  netip.Addr
	Local    netip.Addr // where etcd listens: nobody else reaches that
	Services []netip.Prefix
	Pods     []netip.Prefix // empty: no nodes will come
}

// PKI is the folder of the cluster's certificates.
func (c Control) PKI() pki.Dir { return pki.Dir(filepath.Join(c.Dir, "pki")) }

// EtcdData is the folder of etcd's data.
func (c Control) EtcdData() string { return filepath.Join(c.Dir, "etcd") }

// Store is etcd and what serves it: enough for everything else to be started.
func (c Control) Store() []Component {
	client := "http://" + netip.AddrPortFrom(c.Local, 2379).String()
	peer := "http://" + netip.AddrPortFrom(c.Local, 2380).String()
	keys := c.PKI()
	return []Component{
		{Etcd, []string{
			Etcd, "--name=" + c.Name, "--data-dir=" + c.EtcdData(), "--log-level=warn",
			// A lab may lose its last writes when the machine dies; it need not wait for the disk.
			"--unsafe-no-fsync",
			"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
			"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=" + c.Name + "=" + peer,
		}},
		{APIServer, []string{
			APIServer, "--etcd-servers=" + client,
			"--bind-address=" + c.Address.String(), "--advertise-address=" + c.Address.String(), "--secure-port=6443",
			"--endpoint-reconciler-type=" + c.reconciler(),
			"--service-cluster-ip-range=" + list(c.Services),
			"--client-ca-file=" + keys.Path("ca.crt"),
			"--tls-cert-file=" + keys.Path("apiserver.crt"), "--tls-private-key-file=" + keys.Path("apiserver.key"),
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-key-file=" + keys.Path("sa.pub"), "--service-account-signing-key-file=" + keys.Path("sa.key"),
			"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
			"--kubelet-client-certificate=" + keys.Path("kubelet-client.crt"), "--kubelet-client-key=" + keys.Path("kubelet-client.key"),
			"--kubelet-certificate-authority=" + keys.Path("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
			"--requestheader-client-ca-file=" + keys.Path("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-", "--requestheader-group-headers=X-Remote-Group",
			"--requestheader-username-headers=X-Remote-User",
			"--proxy-client-cert-file=" + keys.Path("front-proxy-client.crt"), "--proxy-client-key-file=" + keys.Path("front-proxy-client.key"),
			"--profiling=false",
		}},
	}
}

// Controllers are the parts of the control plane that are clients of the API server.
func (c Control) Controllers() []Component {
	controller := append(c.client(Controller, "controller-manager"),
		"--service-account-private-key-file="+c.PKI().Path("sa.key"), "--root-ca-file="+c.PKI().Path("ca.crt"),
		"--cluster-signing-cert-file="+c.PKI().Path("ca.crt"), "--cluster-signing-key-file="+c.PKI().Path("ca.key"),
		"--use-service-account-credentials=true", "--service-cluster-ip-range="+list(c.Services))
	if len(c.Pods) == 0 {
		return []Component{{Controller, controller}}
	}
	controller = append(controller, "--allocate-node-cidrs=true", "--cluster-cidr="+list(c.Pods))
	for _, p := range c.Pods {
		size, flag := 24, "--node-cidr-mask-size-ipv4"
		if p.Addr().Is6() {
			size, flag = 64, "--node-cidr-mask-size-ipv6"
		}
		if len(c.Pods) == 1 {
			flag = "--node-cidr-mask-size"
		}
		controller = append(controller, fmt.Sprintf("%s=%d", flag, size))
	}
	return []Component{{Controller, controller}, {Scheduler, c.client(Scheduler, "scheduler")}}
}

func (c Control) client(binary, name string) []string {
	config := c.PKI().Path(name + ".conf")
	return []string{
		binary, "--kubeconfig=" + config, "--authentication-kubeconfig=" + config, "--authorization-kubeconfig=" + config,
		"--bind-address=" + c.Address.String(), "--leader-elect=false", "--profiling=false",
		// The usual limits make the first seconds of a cluster five seconds longer.
		"--kube-api-qps=300", "--kube-api-burst=500",
	}
}

// reconciler keeps the endpoints of the Service kubernetes, where somebody can use them: a loopback address is refused there.
func (c Control) reconciler() string {
	if c.Address.IsLoopback() {
		return "none"
	}
	return "lease"
}

// Credentials makes the keys and certificates of the control plane and the kubeconfigs of its clients; admin.conf is for the user.
func (c Control) Credentials(server string, services []netip.Addr) error {
	keys := c.PKI()
	hosts := []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	ips := append([]netip.Addr{c.Address, netip.MustParseAddr("127.0.0.1")}, services...)
	steps := []func() error{
		func() error { return keys.Authority("ca", "kubernetes-"+c.Name) },
		func() error { return keys.Authority("front-proxy-ca", "front-proxy-"+c.Name) },
		func() error { return keys.SigningKey("sa") },
		func() error {
			return keys.Issue("ca", "apiserver", pki.Subject{Name: APIServer, Hosts: hosts, IPs: ips})
		},
		func() error {
			return keys.Issue("ca", "kubelet-client", pki.Subject{Name: "kube-apiserver-kubelet-client", Group: "system:masters"})
		},
		func() error {
			return keys.Issue("front-proxy-ca", "front-proxy-client", pki.Subject{Name: "front-proxy-client"})
		},
		func() error {
			return client(keys, c.Name, server, "admin", pki.Subject{Name: "kubernetes-admin", Group: "system:masters"})
		},
		func() error {
			return client(keys, c.Name, server, "controller-manager", pki.Subject{Name: "system:" + Controller})
		},
		func() error {
			return client(keys, c.Name, server, "scheduler", pki.Subject{Name: "system:" + Scheduler})
		},
		func() error { return client(keys, c.Name, server, "proxy", pki.Subject{Name: "system:" + Proxy}) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("credentials of %s: %w", c.Name, err)
		}
	}
	return nil
}

// client makes a client certificate and NAME.conf with it.
func client(keys pki.Dir, cluster, server, name string, s pki.Subject) error {
	if err := keys.Issue("ca", name, s); err != nil {
		return err
	}
	config, err := keys.Kubeconfig(cluster, server, name)
	if err != nil {
		return err
	}
	return config.Write(keys.Path(name + ".conf"))
}

func list[T fmt.Stringer](of []T) string {
	words := make([]string, len(of))
	for i, x := range of {
		words[i] = x.String()
	}
	return strings.Join(words, ",")
}
