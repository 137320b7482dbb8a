package check

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/dns/stub"
	"fairlead.dev/fairlead/manifest"
)

// The kinds of the Multi-Cluster Services API.
var (
	exportKind = schema.GroupVersionResource{Group: "multicluster.x-k8s.io", Version: "v1alpha1", Resource: "serviceexports"}
	importKind = schema.GroupVersionResource{Group: "multicluster.x-k8s.io", Version: "v1alpha1", Resource: "serviceimports"}
)

// cluster reads the cluster that is checked.
func (g *gathering) cluster(ctx context.Context) {
	c := &g.facts.Cluster
	c.Kubernetes = g.version()
	if ns, err := g.core.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{}); g.note("namespace kube-system", err) {
		c.UID = string(ns.UID)
	}
	g.agent(ctx)
	c.PodRanges, c.ServiceRanges = g.podRanges(ctx), g.serviceRanges(ctx)
	for _, name := range []string{"serviceexports", "serviceimports"} {
		name += "." + exportKind.Group
		if served := g.served(ctx, name); len(served) > 0 {
			c.CRDs = append(c.CRDs, CRD{Name: name, Served: served})
		}
	}
	g.controllers(ctx)
	g.policies(ctx)
	c.Denied = g.denied(ctx, clusterWants)
	g.names(ctx)
}

// neighbour reads of another cluster what the first one is compared with.
func (g *gathering) neighbour(ctx context.Context) {
	n := Neighbour{Name: g.place.Context, PodRanges: g.podRanges(ctx), ServiceRanges: g.serviceRanges(ctx)}
	if ns, err := g.core.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{}); g.note("namespace kube-system", err) {
		n.UID = string(ns.UID)
	}
	g.facts.Neighbours = append(g.facts.Neighbours, n)
}

// agent reads whether the cluster has joined, and as whom.
func (g *gathering) agent(ctx context.Context) {
	_, err := g.core.AppsV1().Deployments(manifest.Namespace).Get(ctx, manifest.AgentName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || !g.note("Deployment "+manifest.AgentName, err) {
		return
	}
	g.facts.Cluster.Joined, g.facts.Cluster.HubServer = true, g.hubServer(ctx)
	properties := schema.GroupVersionResource{Group: "about.k8s.io", Version: "v1beta1", Resource: "clusterproperties"}
	if id, err := g.dynamic.Resource(properties).Get(ctx, "cluster.clusterset.k8s.io", metav1.GetOptions{}); err == nil {
		g.facts.Cluster.ID, _, _ = unstructured.NestedString(id.Object, "spec", "value")
	}
}

// hubServer returns where the agent reaches the hub, by its Secret. Nothing else of the Secret is kept.
func (g *gathering) hubServer(ctx context.Context) string {
	secret, err := g.core.CoreV1().Secrets(manifest.Namespace).Get(ctx, manifest.HubSecret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || !g.note("Secret "+manifest.HubSecret, err) {
		return ""
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(secret.Data[manifest.KeyKubeconfig])
	if !g.note("the kubeconfig in Secret "+manifest.HubSecret, err) {
		return ""
	}
	return config.Host
}

// podRanges returns the ranges that the nodes have their pods' addresses from.
func (g *gathering) podRanges(ctx context.Context) (all []netip.Prefix) {
	nodes, err := g.core.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if !g.note("the nodes", err) {
		return nil
	}
	for _, n := range nodes.Items {
		for _, p := range prefixes(n.Spec.PodCIDRs) {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}

// validRange is how API servers without ServiceCIDRs tell their range, when they are asked for an address out of it.
var validRange = regexp.MustCompile(`range of valid IPs is ([0-9a-fA-F:./]+)`)

// serviceRanges returns the ranges of cluster IPs: from ServiceCIDRs, or from how a dry run for an impossible address is refused.
func (g *gathering) serviceRanges(ctx context.Context) []netip.Prefix {
	list, err := g.core.NetworkingV1().ServiceCIDRs().List(ctx, metav1.ListOptions{})
	if err == nil && len(list.Items) > 0 {
		var texts []string
		for _, c := range list.Items {
			texts = append(texts, c.Spec.CIDRs...)
		}
		return prefixes(texts)
	}
	impossible := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "fairlead-check-"},
		Spec:       corev1.ServiceSpec{ClusterIP: "192.0.2.1", Ports: []corev1.ServicePort{{Port: 80}}},
	}
	_, err = g.core.CoreV1().Services(metav1.NamespaceDefault).Create(ctx, impossible, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err == nil {
		return nil
	}
	if found := validRange.FindStringSubmatch(err.Error()); found != nil {
		return prefixes(found[1:])
	}
	g.note("the service range", err)
	return nil
}

// controllers looks for other products, and for ServiceImports that are not Fairlead's.
func (g *gathering) controllers(ctx context.Context) {
	c := &g.facts.Cluster
	if list, err := g.core.AppsV1().Deployments(metav1.NamespaceAll).List(ctx, metav1.ListOptions{ResourceVersion: "0"}); g.note("the Deployments", err) {
		c.Controllers = recognise(list.Items)
	}
	config, err := g.core.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "cilium-config", metav1.GetOptions{})
	if err == nil {
		c.Controllers = append(c.Controllers, recogniseCilium(config)...)
	} else if !apierrors.IsNotFound(err) {
		g.note("ConfigMap cilium-config", err)
	}
	for _, i := range g.list(ctx, importKind) {
		if who := keeper(i); !strings.HasPrefix(who, "fairlead") {
			c.Imports[who]++
		}
	}
}

// keeper returns who wrote a ServiceImport's spec, as its API server has it.
func keeper(i unstructured.Unstructured) string {
	who := "somebody unknown"
	for _, m := range i.GetManagedFields() {
		if strings.HasPrefix(m.Manager, "fairlead") {
			return m.Manager
		}
		if m.Subresource == "" {
			who = m.Manager
		}
	}
	return who
}

// list returns all objects of a kind; none where it is not served.
func (g *gathering) list(ctx context.Context, kind schema.GroupVersionResource) (all []unstructured.Unstructured) {
	options := metav1.ListOptions{Limit: 500}
	for {
		list, err := g.dynamic.Resource(kind).List(ctx, options)
		if apierrors.IsNotFound(err) || !g.note("the "+kind.Resource, err) {
			return all
		}
		all = append(all, list.Items...)
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return all
		}
	}
}

// policies reads the NetworkPolicies of Fairlead's namespace and of those with exports.
func (g *gathering) policies(ctx context.Context) {
	wanted := map[string]bool{manifest.Namespace: true}
	for _, e := range g.list(ctx, exportKind) {
		wanted[e.GetNamespace()] = true
	}
	list, err := g.core.NetworkingV1().NetworkPolicies(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if !g.note("the NetworkPolicies", err) {
		return
	}
	for _, p := range list.Items {
		if wanted[p.Namespace] {
			g.facts.Cluster.Policies = append(g.facts.Cluster.Policies, p)
		}
	}
}

// names reads what the cluster's resolvers were told, and asks one of them.
func (g *gathering) names(ctx context.Context) {
	c := &g.facts.Cluster
	found, err := stub.Find(ctx, g.core)
	if err == nil {
		c.Resolvers = found
	} else if err != stub.ErrUnknown {
		g.note("the resolver's configuration", err)
	}
	if !c.Joined {
		return
	}
	if server, err := stub.ServerAddress(ctx, g.core, manifest.Namespace); g.note("the address of the DNS servers", err) {
		c.Server = server
	}
	if r, err := Resolver(ctx, g.core, manifest.Namespace); g.note("the word of the cluster's resolver", err) {
		c.Resolution = &r
	}
}

// servedVersions returns the served versions of a CustomResourceDefinition.
func servedVersions(crd map[string]any) (all []string) {
	versions, _, _ := unstructured.NestedSlice(crd, "spec", "versions")
	for _, v := range versions {
		if v, ok := v.(map[string]any); ok && v["served"] == true {
			name, _ := v["name"].(string)
			all = append(all, name)
		}
	}
	return all
}

// hub reads the hub.
func (g *gathering) hub(ctx context.Context) {
	h := g.facts.Hub
	h.Kubernetes = g.version()
	h.Installed = len(g.served(ctx, "members."+v1alpha1.Group)) > 0
	h.Denied = g.denied(ctx, hubWants)
	for _, o := range g.list(ctx, schema.GroupVersionResource{Group: v1alpha1.Group, Version: v1alpha1.Version, Resource: "members"}) {
		var m v1alpha1.Member
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &m); g.note("Member "+o.GetName(), err) {
			h.Members = append(h.Members, m)
		}
	}
}
