package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	discoveryfake "k8s.io/client-go/discovery/fake"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// object makes an object of a kind that needs no Go type here.
func object(apiVersion, kind, namespace, name string, fields map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: fields}
	if fields == nil {
		o.Object = map[string]any{}
	}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

func crd(name string, versions ...string) *unstructured.Unstructured {
	var list []any
	for _, v := range versions {
		list = append(list, map[string]any{"name": v, "served": true})
	}
	list = append(list, map[string]any{"name": "old", "served": false})
	return object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name, map[string]any{"spec": map[string]any{"versions": list}})
}

// imported is a ServiceImport that a manager wrote.
func imported(name string, managers ...string) *unstructured.Unstructured {
	o := object("multicluster.x-k8s.io/v1alpha1", "ServiceImport", "shop", name, nil)
	var fields []metav1.ManagedFieldsEntry
	for _, m := range managers {
		fields = append(fields, metav1.ManagedFieldsEntry{Manager: m, Operation: metav1.ManagedFieldsOperationApply})
	}
	o.SetManagedFields(fields)
	return o
}

// reading is a gathering from clients that are no real ones.
func reading(custom []runtime.Object, objects ...runtime.Object) *gathering {
	core := fake.NewClientset(objects...)
	core.Discovery().(*discoveryfake.FakeDiscovery).FakedServerVersion = &version.Info{GitVersion: "v1.33.2"}
	kinds := map[schema.GroupVersionResource]string{
		exportKind: "ServiceExportList", importKind: "ServiceImportList",
		{Group: "fairlead.dev", Version: "v1alpha1", Resource: "members"}:                     "MemberList",
		{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}: "CustomResourceDefinitionList",
		{Group: "about.k8s.io", Version: "v1beta1", Resource: "clusterproperties"}:            "ClusterPropertyList",
	}
	return &gathering{
		place: Place{Context: "west-ctx"}, core: core, dynamic: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, custom...),
		facts: &Facts{Cluster: Cluster{Context: "west-ctx", Imports: map[string]int{}}, Hub: &Hub{Context: "hub-ctx"}},
	}
}

func answer(g *gathering, verb, resource string, react func(clienttesting.Action) (runtime.Object, error)) {
	g.core.(*fake.Clientset).PrependReactor(verb, resource, func(a clienttesting.Action) (bool, runtime.Object, error) {
		o, err := react(a)
		return true, o, err
	})
}

// allow answers what the operator may do.
func allow(g *gathering, may func(*authorizationv1.ResourceAttributes) bool) {
	answer(g, "create", "selfsubjectaccessreviews", func(a clienttesting.Action) (runtime.Object, error) {
		review := a.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview)
		review.Status.Allowed = may(review.Spec.ResourceAttributes)
		return review, nil
	})
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func TestACluster(t *testing.T) {
	const kubeconfig = `{apiVersion: v1, kind: Config, current-context: h, contexts: [{name: h, context: {cluster: h, user: u}}],
clusters: [{name: h, cluster: {server: "https://hub.example:6443"}}], users: [{name: u, user: {token: secret}}]}`
	g := reading([]runtime.Object{
		crd("serviceexports.multicluster.x-k8s.io", "v1alpha1", "v1beta1"), crd("serviceimports.multicluster.x-k8s.io", "v1alpha1"),
		imported("a", "fairlead-agent", "kubectl-edit"), imported("b", "lighthouse-agent"), imported("c", "lighthouse-agent"), imported("d"),
		object("multicluster.x-k8s.io/v1alpha1", "ServiceExport", "shop", "cart", nil),
		object("about.k8s.io/v1beta1", "ClusterProperty", "", "cluster.clusterset.k8s.io", map[string]any{"spec": map[string]any{"value": "west"}}),
	},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: "u-west"}},
		&corev1.Node{ObjectMeta: meta("", "n1"), Spec: corev1.NodeSpec{PodCIDRs: []string{"10.1.0.0/24", "fd00:1::/64"}}},
		&corev1.Node{ObjectMeta: meta("", "n2"), Spec: corev1.NodeSpec{PodCIDRs: []string{"10.1.1.0/24", "fd00:1::/64"}}},
		&networkingv1.ServiceCIDR{ObjectMeta: meta("", "kubernetes"), Spec: networkingv1.ServiceCIDRSpec{CIDRs: []string{"10.96.0.0/12"}}},
		&appsv1.Deployment{ObjectMeta: meta("fairlead-system", "fairlead-agent")},
		&appsv1.Deployment{ObjectMeta: meta("gke-mcs", "gke-mcs-importer")},
		&corev1.Secret{ObjectMeta: meta("fairlead-system", "fairlead-hub"), Data: map[string][]byte{"kubeconfig": []byte(kubeconfig)}},
		&corev1.ConfigMap{ObjectMeta: meta("kube-system", "cilium-config"), Data: map[string]string{ciliumKey: "true"}},
		&corev1.ConfigMap{ObjectMeta: meta("kube-system", "coredns"), Data: map[string]string{"Corefile": ".:53 {\n reload\n}\n"}},
		&corev1.Service{ObjectMeta: meta("fairlead-system", "fairlead-dns"), Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.53"}},
		&networkingv1.NetworkPolicy{ObjectMeta: meta("shop", "a")}, &networkingv1.NetworkPolicy{ObjectMeta: meta("fairlead-system", "b")}, &networkingv1.NetworkPolicy{ObjectMeta: meta("other", "c")},
	)
	allow(g, func(r *authorizationv1.ResourceAttributes) bool { return r.Verb != "*" && r.Resource != "secrets" })
	g.cluster(context.Background())
	c := g.facts.Cluster
	for _, check := range []struct {
		what      string
		got, want any
	}{
		{"version", c.Kubernetes, "v1.33.2"}, {"uid", c.UID, "u-west"}, {"id", c.ID, "west"}, {"joined", c.Joined, true}, {"hub", c.HubServer, "https://hub.example:6443"},
		{"pods", text(c.PodRanges), "10.1.0.0/24, fd00:1::/64, 10.1.1.0/24"}, {"services", text(c.ServiceRanges), "10.96.0.0/12"},
		{"kinds", fmt.Sprint(c.CRDs), "[{serviceexports.multicluster.x-k8s.io [v1alpha1 v1beta1]} {serviceimports.multicluster.x-k8s.io [v1alpha1]}]"},
		{"imports", fmt.Sprint(c.Imports), "map[lighthouse-agent:2 somebody unknown:1]"},
		{"denied", fmt.Sprint(c.Denied), "[{create secrets fairlead-system}]"},
		{"server", c.Server, netip.MustParseAddr("10.96.0.53")},
	} {
		if check.got != check.want {
			t.Errorf("%s: got %v, want %v", check.what, check.got, check.want)
		}
	}
	var policies, products []string
	for _, p := range c.Policies {
		policies = append(policies, p.Name)
	}
	for _, p := range c.Controllers {
		products = append(products, p.Product)
	}
	slices.Sort(policies)
	if !slices.Equal(policies, []string{"a", "b"}) || !slices.Equal(products, []string{"GKE multi-cluster services", "Cilium Cluster Mesh"}) {
		t.Errorf("got %v and %v", policies, products)
	}
	if len(c.Resolvers) != 1 || !c.Resolvers[0].Reloads {
		t.Errorf("got %+v", c.Resolvers)
	}
	if len(g.facts.Unread) != 1 || c.Resolution != nil { // no pod of fairlead-dns runs
		t.Errorf("got %v", g.facts.Unread)
	}
}

func TestAnEmptyCluster(t *testing.T) {
	g := reading(nil, &corev1.Namespace{ObjectMeta: meta("", "kube-system")})
	allow(g, func(*authorizationv1.ResourceAttributes) bool { return true })
	answer(g, "create", "services", func(clienttesting.Action) (runtime.Object, error) {
		return nil, errors.New(`spec.clusterIPs: Invalid value: []string{"192.0.2.1"}: failed to allocate IP 192.0.2.1: provided IP is not in the valid range. The range of valid IPs is 10.43.0.0/16`)
	})
	g.cluster(context.Background())
	c := g.facts.Cluster
	if c.Joined || len(c.Resolvers) > 0 || len(c.CRDs) > 0 || len(c.Denied) > 0 || len(g.facts.Unread) > 0 || text(c.ServiceRanges) != "10.43.0.0/16" {
		t.Errorf("got %+v, %v", c, g.facts.Unread)
	}
}

// What may not be read is told, each thing by its name, and the rest goes on.
func TestWhatMayNotBeReadIsTold(t *testing.T) {
	g := reading(nil, &corev1.Node{ObjectMeta: meta("", "n1"), Spec: corev1.NodeSpec{PodCIDRs: []string{"10.1.0.0/24"}}})
	answer(g, "list", "deployments", func(clienttesting.Action) (runtime.Object, error) { return nil, errors.New("forbidden") })
	answer(g, "create", "selfsubjectaccessreviews", func(clienttesting.Action) (runtime.Object, error) { return nil, errors.New("forbidden") })
	g.cluster(context.Background())
	var what []string
	for _, u := range g.facts.Unread {
		what = append(what, u.What)
	}
	want := []string{"namespace kube-system of west-ctx", "the Deployments of west-ctx", "your permissions of west-ctx"}
	if !slices.Equal(what, want) || text(g.facts.Cluster.PodRanges) != "10.1.0.0/24" {
		t.Errorf("got %q", what)
	}
}

func TestANeighbour(t *testing.T) {
	g := reading(nil, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: "u-east"}}, &corev1.Node{ObjectMeta: meta("", "n"), Spec: corev1.NodeSpec{PodCIDRs: []string{"10.2.0.0/24"}}},
		&networkingv1.ServiceCIDR{ObjectMeta: meta("", "kubernetes"), Spec: networkingv1.ServiceCIDRSpec{CIDRs: []string{"10.96.0.0/12"}}})
	g.neighbour(context.Background())
	if got := fmt.Sprint(g.facts.Neighbours); got != "[{west-ctx u-east [10.2.0.0/24] [10.96.0.0/12]}]" || len(g.facts.Unread) > 0 {
		t.Errorf("got %s", got)
	}
}

func TestAHub(t *testing.T) {
	m := v1alpha1.Member{TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: "Member"}, ObjectMeta: meta("member-x", "west"), Spec: v1alpha1.MemberSpec{Cluster: "west", ClusterUID: "u-west"}}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&m)
	if err != nil {
		t.Fatal(err)
	}
	g := reading([]runtime.Object{crd("members.fairlead.dev", "v1alpha1"), &unstructured.Unstructured{Object: fields}})
	allow(g, func(*authorizationv1.ResourceAttributes) bool { return false })
	g.hub(context.Background())
	g.facts.Cluster.UID = "u-west"
	if h := g.facts.Hub; !h.Installed || h.Kubernetes != "v1.33.2" || len(h.Members) != 1 || g.facts.member() == nil || len(h.Denied) != len(hubWants) {
		t.Errorf("got %+v", h)
	}
}

// Clocks are compared by the Date of an answer.
func TestClock(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		_ = json.NewEncoder(w).Encode(version.Info{})
	}))
	defer server.Close()
	g := &gathering{place: Place{Config: &rest.Config{Host: server.URL}}}
	ahead, err := g.clock(context.Background())
	if err != nil || ahead == nil || ahead.Round(time.Minute) != time.Hour {
		t.Errorf("got %v, %v", ahead, err)
	}
	g.place.Config = &rest.Config{Host: "http://127.0.0.1:1"}
	if _, err := g.clock(context.Background()); err == nil {
		t.Error("nobody is there, and has a clock")
	}
}

// An API that does not answer is an error and no finding.
func TestGatherNeedsAnAPI(t *testing.T) {
	_, err := Gather(context.Background(), Place{"west-ctx", &rest.Config{Host: "http://127.0.0.1:1"}}, nil, nil)
	if err == nil {
		t.Error("gathered from nothing")
	}
}

func TestResolverNeedsAReadyPod(t *testing.T) {
	pod := func(name string, status corev1.ConditionStatus) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "fairlead-system", Name: name, Labels: map[string]string{"app": "fairlead-dns"}},
			Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}},
		}
	}
	if _, err := Resolver(context.Background(), fake.NewClientset(pod("a", corev1.ConditionFalse)), "fairlead-system"); !errors.Is(err, ErrNoServers) {
		t.Errorf("got %v", err)
	}
	client := fake.NewClientset(pod("a", corev1.ConditionFalse), pod("b", corev1.ConditionTrue))
	asked := ""
	client.AddProxyReactor("pods", func(a clienttesting.Action) (bool, rest.ResponseWrapper, error) {
		asked = a.(clienttesting.ProxyGetAction).GetName()
		return true, words(`{"version":"1.0.0"}`), nil
	})
	r, err := Resolver(context.Background(), client, "fairlead-system")
	if err != nil || !r.OK() || asked != "b" {
		t.Errorf("got %+v from %q, %v", r, asked, err)
	}
}

// words is an answer through the API server.
type words string

func (w words) DoRaw(context.Context) ([]byte, error) { return []byte(w), nil }

func (w words) Stream(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(w))), nil
}
