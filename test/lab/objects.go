package lab

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// The image of the pods that answer, and the port that they answer on.
const (
	EchoImage = "fairlead.dev/echo:dev"
	EchoPort  = 8080
)

// Namespace returns a namespace.
func Namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"fairlead.dev/test": ""}}}
}

// Service returns a Service without a selector, with one TCP port http that leads to EchoPort.
func Service(namespace, name string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{Port("http", 80)}},
	}
}

// Port returns a TCP port of a Service that leads to EchoPort.
func Port(name string, port int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: port, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(EchoPort)}
}

// Export returns the ServiceExport of a Service.
func Export(namespace, name string) *mcsv1beta1.ServiceExport {
	return &mcsv1beta1.ServiceExport{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

// Slice returns an EndpointSlice of a Service without a selector, whose endpoints are ready and have a port http.
func Slice(namespace, service, name string, addresses ...string) *discoveryv1.EndpointSlice {
	port, protocol, portName := int32(EchoPort), corev1.ProtocolTCP, "http"
	s := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{
			discoveryv1.LabelServiceName: service,
			discoveryv1.LabelManagedBy:   "fairlead.dev-test",
		}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &portName, Port: &port, Protocol: &protocol}},
	}
	for _, a := range addresses {
		s.Endpoints = append(s.Endpoints, Endpoint(a, true))
	}
	return s
}

// Endpoint returns an endpoint with one address.
func Endpoint(address string, ready bool) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{
		Addresses:  []string{address},
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &ready},
	}
}

// Workload returns a Deployment of pods that answer, and the Service that selects them.
func Workload(namespace, name string, replicas int32) (*appsv1.Deployment, *corev1.Service) {
	labels := map[string]string{"app": name}
	service := Service(namespace, name)
	service.Spec.Selector = labels
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: EchoPod()},
		},
	}, service
}

// Stateful returns a StatefulSet of pods that answer, and the headless Service that names them.
func Stateful(namespace, name string, replicas int32) (*appsv1.StatefulSet, *corev1.Service) {
	labels := map[string]string{"app": name}
	service := Service(namespace, name)
	service.Spec.Selector, service.Spec.ClusterIP = labels, corev1.ClusterIPNone
	service.Spec.Ports[0].Port = EchoPort
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &replicas, ServiceName: name, PodManagementPolicy: appsv1.ParallelPodManagement,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: EchoPod()},
		},
	}, service
}

// EchoPod returns the spec of a pod that answers. It tells its cluster by the name of its node.
func EchoPod() corev1.PodSpec {
	grace := int64(1)
	return corev1.PodSpec{
		TerminationGracePeriodSeconds: &grace,
		Containers: []corev1.Container{{
			Name: "echo", Image: EchoImage, ImagePullPolicy: corev1.PullIfNotPresent,
			Args: []string{fmt.Sprintf("--listen=:%d", EchoPort)},
			ReadinessProbe: &corev1.Probe{
				PeriodSeconds: 1,
				ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(EchoPort)}},
			},
		}},
	}
}
