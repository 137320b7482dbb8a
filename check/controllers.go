package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// controllers refuses a cluster where another product does the same.
func controllers(f *Facts) (all []Finding) {
	for _, c := range f.Cluster.Controllers {
		all = append(all, one(FAIL, "controllers", c.Product+" runs here ("+c.Where+")",
			"it "+c.Does+", and two that do so undo each other's work", "take it out, or turn that part of it off, before this cluster joins")...)
	}
	if len(all) == 0 {
		return good("controllers", "no other controller for the Multi-Cluster Services API is known here")
	}
	return all
}

// foreignImports refuses ServiceImports that somebody else keeps, whoever that is.
func foreignImports(f *Facts) (all []Finding) {
	for _, who := range slices.Sorted(maps.Keys(f.Cluster.Imports)) {
		all = append(all, one(FAIL, "controllers", fmt.Sprintf("%s kept by %q", plural(f.Cluster.Imports[who], "ServiceImport"), who),
			"a ServiceImport has one owner (KEP-1645); Fairlead leaves these alone, so that their services are not imported",
			"find out what writes them, take it out, and delete them: kubectl get serviceimports -A --show-managed-fields")...)
	}
	return all
}

// product is how another product is recognised: by a Deployment, and where it does more than one thing, by what that is set to do.
type product struct {
	name        string
	deployments []string
	does        string
	// set, where not nil, says whether the Deployment does it.
	set func(*appsv1.Deployment) bool
}

const (
	keepsImports = "keeps ServiceImports"
	servesNames  = "serves clusterset.local"
)

var products = []product{
	{name: "Submariner", deployments: []string{"submariner-lighthouse-agent"}, does: keepsImports},
	{name: "Submariner's DNS", deployments: []string{"submariner-lighthouse-coredns"}, does: servesNames},
	{name: "Karmada", deployments: []string{"karmada-agent"}, does: "exports and imports services by this API"},
	{name: "GKE multi-cluster services", deployments: []string{"gke-mcs-importer"}, does: servesNames},
	{name: "the AWS Cloud Map MCS controller", deployments: []string{"cloud-map-mcs-controller-manager"}, does: keepsImports},
	{name: "Antrea Multi-cluster", deployments: []string{"antrea-mc-controller"}, does: keepsImports},
	{name: "Istio", deployments: []string{"istiod"}, does: "exports and discovers services by this API", set: istioSet},
}

// istioSet says whether Istio was told to use the API; it is not by itself.
func istioSet(d *appsv1.Deployment) bool {
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			if e.Value == "true" && (e.Name == "ENABLE_MCS_AUTO_EXPORT" || e.Name == "ENABLE_MCS_SERVICE_DISCOVERY" || e.Name == "ENABLE_MCS_HOST") {
				return true
			}
		}
	}
	return false
}

// recognise returns the products among some Deployments. Revisions of a Deployment carry a suffix.
func recognise(deployments []appsv1.Deployment) (all []Controller) {
	for i := range deployments {
		d := &deployments[i]
		for _, p := range products {
			named := slices.ContainsFunc(p.deployments, func(n string) bool { return d.Name == n || strings.HasPrefix(d.Name, n+"-") })
			if named && (p.set == nil || p.set(d)) {
				all = append(all, Controller{Product: p.name, Where: "Deployment " + d.Namespace + "/" + d.Name, Does: p.does})
			}
		}
	}
	return all
}

// ciliumKey is set where Cilium was told to keep ServiceImports.
const ciliumKey = "clustermesh-enable-mcs-api"

// recogniseCilium looks into Cilium's ConfigMap, nil where there is none.
func recogniseCilium(config *corev1.ConfigMap) []Controller {
	if config == nil || config.Data[ciliumKey] != "true" {
		return nil
	}
	return []Controller{{Product: "Cilium Cluster Mesh", Where: "ConfigMap " + config.Namespace + "/" + config.Name + ", " + ciliumKey, Does: keepsImports}}
}
