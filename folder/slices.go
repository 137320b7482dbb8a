package folder

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Controller is the manager that is named on the slices made here, as the endpointslice controller names itself.
const Controller = "endpointslice-controller.k8s.io"

// MaxEndpoints bounds the endpoints of one slice, as the endpointslice controller does by default.
const MaxEndpoints = 100

// EndpointSlices returns the slices of the services that select pods, as the endpointslice controller would write them: pods whose
// target ports are equal share a slice, and a service that selects none has one empty slice. Services without a selector have the
// slices that the folder gives. Sorted by namespace and name.
func EndpointSlices(services []*corev1.Service, pods []Pod) []*discoveryv1.EndpointSlice {
	var out []*discoveryv1.EndpointSlice
	for _, s := range services {
		if len(s.Spec.Selector) > 0 && s.Spec.Type != corev1.ServiceTypeExternalName {
			out = append(out, slicesOf(s, pods)...)
		}
	}
	slices.SortFunc(out, func(a, b *discoveryv1.EndpointSlice) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// portGroup is the pods of a service that have equal target ports.
type portGroup struct {
	key   string
	ports []discoveryv1.EndpointPort
	pods  []*Pod
}

func slicesOf(s *corev1.Service, pods []Pod) []*discoveryv1.EndpointSlice {
	selector := labels.SelectorFromSet(s.Spec.Selector)
	groups := map[string]*portGroup{}
	for i := range pods {
		p := &pods[i]
		if p.Namespace != s.Namespace || !selector.Matches(labels.Set(p.Labels)) || !slices.Contains(s.Spec.IPFamilies, familyOf(p)) {
			continue
		}
		ports, key := targetPorts(s, p)
		if groups[key] == nil {
			groups[key] = &portGroup{key: key, ports: ports}
		}
		groups[key].pods = append(groups[key].pods, p)
	}
	if len(groups) == 0 {
		return []*discoveryv1.EndpointSlice{newSlice(s, &portGroup{}, 0)}
	}
	var out []*discoveryv1.EndpointSlice
	for _, g := range groups {
		slices.SortFunc(g.pods, func(a, b *Pod) int { return comparePods(*a, *b) })
		n := 0
		for chunk := range slices.Chunk(g.pods, MaxEndpoints) {
			slice := newSlice(s, g, n)
			for _, p := range chunk {
				slice.Endpoints = append(slice.Endpoints, endpoint(s, p))
			}
			out = append(out, slice)
			n++
		}
	}
	return out
}

func familyOf(p *Pod) corev1.IPFamily {
	if p.Address.Is6() {
		return corev1.IPv6Protocol
	}
	return corev1.IPv4Protocol
}

// targetPorts resolves the service's ports on a pod; a port by name that the pod does not have is left out.
func targetPorts(s *corev1.Service, p *Pod) ([]discoveryv1.EndpointPort, string) {
	var ports []discoveryv1.EndpointPort
	var key strings.Builder
	for _, sp := range s.Spec.Ports {
		number, ok := p.port(sp.TargetPort, sp.Protocol)
		if !ok {
			continue
		}
		ports = append(ports, discoveryv1.EndpointPort{Name: &sp.Name, Protocol: &sp.Protocol, Port: &number, AppProtocol: sp.AppProtocol})
		fmt.Fprintf(&key, "%s:%d/%s ", sp.Name, number, sp.Protocol)
	}
	return ports, key.String()
}

// port returns where the pod listens for a target port.
func (p *Pod) port(target intstr.IntOrString, protocol corev1.Protocol) (int32, bool) {
	number := uint16(target.IntVal)
	for _, q := range p.Ports {
		if target.Type == intstr.String && q.Name == target.StrVal && q.Protocol == protocol ||
			target.Type == intstr.Int && q.Port == number {
			return int32(cmp.Or(q.Bound, q.Port)), true
		}
	}
	return int32(number), target.Type == intstr.Int
}

func newSlice(s *corev1.Service, g *portGroup, n int) *discoveryv1.EndpointSlice {
	sum := sha256.Sum256([]byte(g.key))
	slice := &discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: discoveryv1.SchemeGroupVersion.String(), Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Namespace, Name: fmt.Sprintf("%s-%s%d", s.Name, hex.EncodeToString(sum[:2]), n), Generation: 1,
			Labels: map[string]string{},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       g.ports,
	}
	for k, v := range s.Labels {
		slice.Labels[k] = v
	}
	slice.Labels[discoveryv1.LabelServiceName] = s.Name
	slice.Labels[discoveryv1.LabelManagedBy] = Controller
	if s.Spec.ClusterIP == corev1.ClusterIPNone {
		slice.Labels[corev1.IsHeadlessService] = ""
	}
	return slice
}

func endpoint(s *corev1.Service, p *Pod) discoveryv1.Endpoint {
	ready := s.Spec.PublishNotReadyAddresses || p.Ready && !p.Terminating
	serving, terminating := p.Serving, p.Terminating
	e := discoveryv1.Endpoint{
		Addresses:  []string{p.Address.String()},
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating},
		TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name},
	}
	if p.Hostname != "" && p.Subdomain == s.Name {
		hostname := p.Hostname
		e.Hostname = &hostname
	}
	if p.Zone != "" {
		zone := p.Zone
		e.Zone = &zone
	}
	return e
}
