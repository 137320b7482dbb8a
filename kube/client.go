package kube

import (
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// callTimeout bounds one call of the API server.
const callTimeout = 10 * time.Second

// exportsCRD is the definition whose deletion explains why every ServiceExport goes.
const exportsCRD = "serviceexports.multicluster.x-k8s.io"

// Connect returns access to a cluster's API for the kinds of this package. It calls nobody: the kinds and their paths are known, so it
// works while the API server is away. Calls are not rate limited here; the API server has its own fairness.
func Connect(cfg *rest.Config) (client.WithWatch, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: kinds, Mapper: paths()})
	if err != nil {
		return nil, fmt.Errorf("make a client of the cluster's API: %w", err)
	}
	return c, nil
}

var kinds = func() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, discoveryv1.AddToScheme, coordinationv1.AddToScheme, eventsv1.AddToScheme, networkingv1.AddToScheme,
		mcsv1beta1.Install, gatewayv1.Install,
	} {
		utilruntime.Must(add(s))
	}
	return s
}()

// crdKind is only ever read by its metadata.
var crdKind = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}

// paths maps kinds to where they are served.
func paths() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	core, multi, gateway := corev1.SchemeGroupVersion, schema.GroupVersion(mcsv1beta1.GroupVersion), schema.GroupVersion(gatewayv1.GroupVersion)
	for kind, plural := range map[schema.GroupVersionKind]string{
		core.WithKind("Service"):                                 "services",
		core.WithKind("ConfigMap"):                               "configmaps",
		core.WithKind("Secret"):                                  "secrets",
		discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"): "endpointslices",
		coordinationv1.SchemeGroupVersion.WithKind("Lease"):      "leases",
		eventsv1.SchemeGroupVersion.WithKind("Event"):            "events",
		multi.WithKind("ServiceExport"):                          "serviceexports",
		multi.WithKind("ServiceImport"):                          "serviceimports",
		gateway.WithKind("Gateway"):                              "gateways",
		gateway.WithKind("HTTPRoute"):                            "httproutes",
		gateway.WithKind("ReferenceGrant"):                       "referencegrants",
	} {
		m.AddSpecific(kind, resource(kind, plural), resource(kind, kind.Kind), meta.RESTScopeNamespace)
	}
	for kind, plural := range map[schema.GroupVersionKind]string{
		core.WithKind("Namespace"):                              "namespaces",
		core.WithKind("Node"):                                   "nodes",
		networkingv1.SchemeGroupVersion.WithKind("ServiceCIDR"): "servicecidrs",
		crdKind: "customresourcedefinitions",
	} {
		m.AddSpecific(kind, resource(kind, plural), resource(kind, kind.Kind), meta.RESTScopeRoot)
	}
	return m
}

func resource(kind schema.GroupVersionKind, name string) schema.GroupVersionResource {
	return kind.GroupVersion().WithResource(name)
}
