package folder

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	inventory "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	about "fairlead.dev/fairlead/api/about/v1beta1"
)

// kind is one kind that is read.
type kind struct {
	// versions are the apiVersions whose text is read, newest first; all have the wire form of the first.
	versions []string
	object   reflect.Type
	// cluster says that objects have no namespace.
	cluster bool
}

var kinds = map[string]kind{
	"Namespace":     {versions: []string{"v1"}, object: reflect.TypeFor[corev1.Namespace](), cluster: true},
	"Service":       {versions: []string{"v1"}, object: reflect.TypeFor[corev1.Service]()},
	"Secret":        {versions: []string{"v1"}, object: reflect.TypeFor[corev1.Secret]()},
	"EndpointSlice": {versions: []string{"discovery.k8s.io/v1"}, object: reflect.TypeFor[discoveryv1.EndpointSlice]()},
	"Deployment":    {versions: []string{"apps/v1"}, object: reflect.TypeFor[appsv1.Deployment]()},
	"StatefulSet":   {versions: []string{"apps/v1"}, object: reflect.TypeFor[appsv1.StatefulSet]()},
	"ServiceExport": {versions: versions("multicluster.x-k8s.io", "v1beta1", "v1alpha1"), object: reflect.TypeFor[mcsv1beta1.ServiceExport]()},
	"ClusterProfile": {
		versions: versions("multicluster.x-k8s.io", "v1alpha1"), object: reflect.TypeFor[inventory.ClusterProfile](),
	},
	"ClusterProperty": {
		versions: versions("about.k8s.io", "v1beta1", "v1alpha1"), object: reflect.TypeFor[about.ClusterProperty](), cluster: true,
	},
	"GatewayClass":   {versions: versions(gatewayv1.GroupName, "v1", "v1beta1"), object: reflect.TypeFor[gatewayv1.GatewayClass](), cluster: true},
	"Gateway":        {versions: versions(gatewayv1.GroupName, "v1", "v1beta1"), object: reflect.TypeFor[gatewayv1.Gateway]()},
	"HTTPRoute":      {versions: versions(gatewayv1.GroupName, "v1", "v1beta1"), object: reflect.TypeFor[gatewayv1.HTTPRoute]()},
	"ReferenceGrant": {versions: versions(gatewayv1.GroupName, "v1", "v1beta1"), object: reflect.TypeFor[gatewayv1.ReferenceGrant]()},
}

func versions(group string, names ...string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = group + "/" + n
	}
	return out
}

func kindNames() []string { return slices.Sorted(maps.Keys(kinds)) }

// leftAlone says whether a manifest is a real one that has no meaning here: anything of the groups below but the kinds above.
func leftAlone(apiVersion, kindName string) bool {
	group, _, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		return slices.Contains([]string{
			"ConfigMap", "ServiceAccount", "Pod", "PersistentVolume", "PersistentVolumeClaim", "LimitRange", "ResourceQuota", "Endpoints",
		}, kindName)
	}
	known, ok := map[string][]string{
		"apps":                         {"DaemonSet", "ReplicaSet", "ControllerRevision"},
		"batch":                        {"Job", "CronJob"},
		"autoscaling":                  {"HorizontalPodAutoscaler"},
		"policy":                       {"PodDisruptionBudget"},
		"networking.k8s.io":            {"NetworkPolicy"},
		"rbac.authorization.k8s.io":    {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"},
		"apiextensions.k8s.io":         {"CustomResourceDefinition"},
		"admissionregistration.k8s.io": {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"},
		"scheduling.k8s.io":            {"PriorityClass"},
		"storage.k8s.io":               {"StorageClass"},
		"kustomize.config.k8s.io":      {"Kustomization", "Component"},
	}[group]
	return ok && slices.Contains(known, kindName)
}
