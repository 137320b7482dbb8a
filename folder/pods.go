package folder

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"fairlead.dev/fairlead/fleet"
)

// Image is the container image whose pods run in-process; any tag or digest of it will do.
const Image = "fairlead.dev/echo"

// MaxReplicas bounds the pods of one workload.
const MaxReplicas = 100

// Pod is one pod of a Deployment or StatefulSet whose container is the echo image.
type Pod struct {
	Namespace, Name string
	Workload        fleet.Ref
	Labels          map[string]string
	Address         netip.Addr
	Ports           []PodPort
	// Hostname and Subdomain are as in the pod's spec; a StatefulSet's pods have its serviceName as their subdomain.
	Hostname, Subdomain string
	Ordinal             int
	// TemplateHash changes with the pod template: two pods of one name and unequal hashes are different pods.
	TemplateHash string
	Args         []string
	Env          []corev1.EnvVar
	Zone         string

	// Ready, Serving and Terminating are the pod's state, which whoever runs it keeps. Workloads gives pods that are ready.
	Ready, Serving, Terminating bool
}

// PodPort is a port of a pod's containers.
type PodPort struct {
	Name     string
	Protocol corev1.Protocol
	Port     uint16
	// Bound is the port that the pod really listens on, where it could not have its own; 0: Port.
	Bound uint16
}

// Same says whether two pods are one: equal name and template.
func (p Pod) Same(o Pod) bool {
	return p.Namespace == o.Namespace && p.Name == o.Name && p.TemplateHash == o.TemplateHash
}

// Workloads returns the pods that the cluster's Deployments and StatefulSets of the echo image ask for, by namespace and name, each
// with a loopback address of its own out of PodRange. An address depends on the pod's name and template only, so that a pod that is
// replaced gets another one. Pods that are running already keep their address, and nobody else gets it.
func Workloads(c *Cluster, running ...Pod) ([]Pod, []Problem) {
	var pods []Pod
	var problems []Problem
	for _, o := range c.Objects {
		w, ok := workloadOf(o)
		if !ok {
			continue
		}
		if w.replicas > MaxReplicas {
			problems = append(problems, o.problem("spec.replicas", "%d is more than the %d that are run here: the first %d run",
				w.replicas, MaxReplicas, MaxReplicas))
		}
		for i := range min(w.replicas, MaxReplicas) {
			pods = append(pods, w.pod(i, c.Zone))
		}
	}
	slices.SortStableFunc(pods, comparePods)
	homeless := place(pods, running, c.PodRange())
	if homeless > 0 {
		message := fmt.Sprintf("has %d pods more than there are addresses in %s: they do not run", homeless, c.PodRange())
		problems = append(problems, Problem{Folder: c.Folder, File: c.Folder, Message: message})
		pods = slices.DeleteFunc(pods, func(p Pod) bool { return !p.Address.IsValid() })
	}
	return pods, problems
}

func comparePods(a, b Pod) int {
	return fleet.Name{Namespace: a.Namespace, Name: a.Name}.Compare(fleet.Name{Namespace: b.Namespace, Name: b.Name})
}

// workload is what Deployments and StatefulSets have in common.
type workload struct {
	ref       fleet.Ref
	replicas  int
	first     int // ordinal
	template  *corev1.PodTemplateSpec
	container *corev1.Container
	hash      string
	subdomain string
	stateful  bool
}

func workloadOf(o Object) (workload, bool) {
	w := workload{ref: o.Ref()}
	switch m := o.Manifest.(type) {
	case *appsv1.Deployment:
		w.template, w.replicas = &m.Spec.Template, int(*m.Spec.Replicas)
		w.subdomain = m.Spec.Template.Spec.Subdomain
	case *appsv1.StatefulSet:
		w.template, w.replicas, w.stateful = &m.Spec.Template, int(*m.Spec.Replicas), true
		w.subdomain = m.Spec.ServiceName
		if m.Spec.Ordinals != nil {
			w.first = int(m.Spec.Ordinals.Start)
		}
	default:
		return w, false
	}
	i := slices.IndexFunc(w.template.Spec.Containers, func(c corev1.Container) bool { return isEcho(c.Image) })
	if i < 0 {
		return w, false
	}
	w.container = &w.template.Spec.Containers[i]
	w.hash = hashOf(w.template)
	return w, true
}

// isEcho says whether an image is the echo image, whatever its tag or digest.
func isEcho(image string) bool {
	name, ok := strings.CutPrefix(image, Image)
	return ok && (name == "" || name[0] == ':' || name[0] == '@')
}

func hashOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("folder: a decoded object does not encode: %v", err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:5])
}

func (w workload) pod(i int, zone string) Pod {
	p := Pod{
		Namespace: w.ref.Namespace, Workload: w.ref, Labels: w.template.Labels, Ordinal: w.first + i, TemplateHash: w.hash,
		Hostname: w.template.Spec.Hostname, Subdomain: w.subdomain, Zone: zone,
		Args: w.container.Args, Env: w.container.Env, Ready: true, Serving: true,
	}
	if w.stateful {
		p.Name = fmt.Sprintf("%s-%d", w.ref.Name.Name, p.Ordinal)
		p.Hostname = p.Name
	} else {
		p.Name = fmt.Sprintf("%s-%s-%d", w.ref.Name.Name, w.hash[:5], i)
	}
	for _, c := range w.template.Spec.Containers {
		for _, q := range c.Ports {
			p.Ports = append(p.Ports, PodPort{Name: q.Name, Protocol: q.Protocol, Port: uint16(q.ContainerPort)})
		}
	}
	if len(w.container.Ports) == 0 {
		p.Ports = append(p.Ports, PodPort{Protocol: corev1.ProtocolTCP, Port: 8080})
	}
	return p
}
