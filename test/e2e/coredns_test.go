package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/miekg/dns"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// corefile lets CoreDNS serve the clusterset's names by itself, from the objects that Fairlead writes.
const corefile = `clusterset.local:1053 {
    errors
    kubernetes cluster.local clusterset.local {
        multicluster clusterset.local
    }
}
`

// TestCoreDNSItselfResolvesOurObjects runs a CoreDNS of its own with the multicluster plugin.
func TestCoreDNSItselfResolvesOurObjects(t *testing.T) {
	s := tell(t)
	s.west.offers("cart", 2)
	s.west.exports("cart")
	s.west.offers("db", 2, func(service *corev1.Service) { service.Spec.ClusterIP = corev1.ClusterIPNone })
	s.west.exports("db")
	ip := s.east.address("cart")
	s.east.sees("db", "Headless http:80/TCP from west 2/2")
	endpoints := s.west.addresses(2)

	resolver := s.east.runsCoreDNS() + ":1053"
	for name, want := range map[string][]string{
		s.fqdn("cart"):   {ip},
		s.fqdn("db"):     endpoints,
		s.fqdn("nobody"): {"NXDOMAIN"},
	} {
		s.eventually("CoreDNS resolves "+name, func(ctx context.Context) error {
			answer, err := s.east.asksAt(ctx, resolver, name, dns.TypeA)
			if err != nil {
				return err
			}
			if got := answerText(answer); fmt.Sprint(got) != fmt.Sprint(want) {
				return fmt.Errorf("the answer is %q, wanted is %q", got, want)
			}
			return nil
		})
	}
}

// runsCoreDNS runs a second CoreDNS beside the cluster's own, with its rights, and returns its address.
func (p *place) runsCoreDNS() string {
	p.story.Helper()
	var own appsv1.Deployment
	if err := p.Get(p.story.Context(), client.ObjectKey{Namespace: "kube-system", Name: "coredns"}, &own); err != nil {
		p.story.Fatal(err)
	}
	meta := metav1.ObjectMeta{Namespace: "kube-system", Name: "coredns-" + p.story.namespace}
	config := &corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"Corefile": corefile}}
	pod := &corev1.Pod{ObjectMeta: meta, Spec: corev1.PodSpec{
		ServiceAccountName: own.Spec.Template.Spec.ServiceAccountName,
		Containers: []corev1.Container{{
			Name: "coredns", Image: own.Spec.Template.Spec.Containers[0].Image, ImagePullPolicy: corev1.PullIfNotPresent,
			Args:         []string{"-conf", "/etc/coredns/Corefile"},
			VolumeMounts: []corev1.VolumeMount{{Name: "config", MountPath: "/etc/coredns"}},
		}},
		Volumes: []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: meta.Name}},
		}}},
	}}
	p.makes(config, pod)
	p.story.Cleanup(func() {
		for _, obj := range []client.Object{pod, config} {
			if err := p.Delete(context.Background(), obj); err != nil {
				p.story.Errorf("clean up %s: %v", p.Name, err)
			}
		}
	})
	p.story.eventually("CoreDNS runs", func(ctx context.Context) error {
		if err := p.Get(ctx, clientKey(pod), pod); err != nil {
			return err
		}
		if !isReady(*pod) {
			return fmt.Errorf("it is %s: %v", pod.Status.Phase, pod.Status.ContainerStatuses)
		}
		return nil
	})
	return pod.Status.PodIP
}
