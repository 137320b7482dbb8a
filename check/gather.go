package check

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"fairlead.dev/fairlead/manifest"
)

// Place is an API that facts are gathered from.
type Place struct {
	Context string
	Config  *rest.Config
}

// gathering is the reading of one place.
type gathering struct {
	place   Place
	core    kubernetes.Interface
	dynamic dynamic.Interface
	facts   *Facts
}

func open(p Place, facts *Facts) (*gathering, error) {
	core, err := kubernetes.NewForConfig(p.Config)
	if err != nil {
		return nil, fmt.Errorf("reach the API of %s: %w", p.Context, err)
	}
	dyn, err := dynamic.NewForConfig(p.Config)
	if err != nil {
		return nil, fmt.Errorf("reach the API of %s: %w", p.Context, err)
	}
	return &gathering{place: p, core: core, dynamic: dyn, facts: facts}, nil
}

// Gather reads what is to be known of a cluster, of the hub where one is named, and of some other clusters, from their APIs. It changes
// nothing there. An error means that an API does not answer; what it does not let be read is told in Facts.Unread.
func Gather(ctx context.Context, cluster Place, hub *Place, others []Place) (*Facts, error) {
	facts := &Facts{Cluster: Cluster{Context: cluster.Context, Imports: map[string]int{}}}
	at, err := open(cluster, facts)
	if err != nil {
		return nil, err
	}
	ahead, err := at.clock(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the API of %s: %w", cluster.Context, err)
	}
	at.cluster(ctx)
	for _, p := range others {
		there, err := open(p, facts)
		if err != nil {
			return nil, err
		}
		there.neighbour(ctx)
	}
	if hub == nil {
		return facts, nil
	}
	there, err := open(*hub, facts)
	if err != nil {
		return nil, err
	}
	hubAhead, err := there.clock(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the API of the hub %s: %w", hub.Context, err)
	}
	facts.Hub = &Hub{Context: hub.Context}
	if ahead != nil && hubAhead != nil {
		facts.Hub.Skew, facts.Hub.SkewKnown = *ahead-*hubAhead, true
	}
	there.hub(ctx)
	if m := facts.member(); m != nil {
		facts.Cluster.ID, facts.Cluster.Network = m.Spec.Cluster, m.Spec.Network
	}
	return facts, nil
}

// note keeps what could not be read, and says whether something was.
func (g *gathering) note(what string, err error) bool {
	if err != nil {
		g.facts.Unread = append(g.facts.Unread, Unread{What: what + " of " + g.place.Context, Err: err.Error()})
	}
	return err == nil
}

// clock returns how far the API server's clock is ahead of this machine's, by the Date of an answer; nil where it has none. The Date
// has whole seconds: half of one is the best guess.
func (g *gathering) clock(ctx context.Context) (*time.Duration, error) {
	client, err := rest.HTTPClientFor(g.place.Config)
	if err != nil {
		return nil, err
	}
	base, _, err := rest.DefaultServerURL(g.place.Config.Host, g.place.Config.APIPath, schema.GroupVersion{}, true)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base.JoinPath("/version").String(), nil)
	if err != nil {
		return nil, err
	}
	before := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	middle := before.Add(time.Since(before) / 2)
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return nil, nil
	}
	ahead := date.Add(500 * time.Millisecond).Sub(middle)
	return &ahead, nil
}

// version returns the API server's version.
func (g *gathering) version() string {
	v, err := g.core.Discovery().ServerVersion()
	if !g.note("the version", err) {
		return ""
	}
	return v.GitVersion
}

// served returns the versions in which a kind is served, none where it is not.
func (g *gathering) served(ctx context.Context, crd string) []string {
	object, err := g.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}).
		Get(ctx, crd, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || !g.note("the kind "+crd, err) {
		return nil
	}
	return servedVersions(object.Object)
}

// denied returns those of some permissions that the operator lacks. One who may do everything is asked once.
func (g *gathering) denied(ctx context.Context, wanted []Permission) (all []Permission) {
	if ok, err := g.may(ctx, Permission{Verb: "*", Resource: "*.*"}); err == nil && ok {
		return nil
	}
	for _, p := range wanted {
		ok, err := g.may(ctx, p)
		if !g.note("your permissions", err) {
			return nil
		}
		if !ok {
			all = append(all, p)
		}
	}
	return all
}

func (g *gathering) may(ctx context.Context, p Permission) (bool, error) {
	resource, group, _ := strings.Cut(p.Resource, ".")
	resource, sub, _ := strings.Cut(resource, "/")
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: p.Verb, Group: group, Resource: resource, Subresource: sub, Namespace: p.Namespace},
	}}
	answer, err := g.core.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return answer.Status.Allowed, nil
}

// What joining takes, in the cluster and on the hub.
var (
	clusterWants = []Permission{
		{"create", "namespaces", ""},
		{"create", "customresourcedefinitions.apiextensions.k8s.io", ""},
		{"create", "clusterroles.rbac.authorization.k8s.io", ""},
		{"bind", "clusterroles.rbac.authorization.k8s.io", ""},
		{"create", "clusterrolebindings.rbac.authorization.k8s.io", ""},
		{"create", "deployments.apps", manifest.Namespace},
		{"create", "secrets", manifest.Namespace},
		{"create", "clusterproperties.about.k8s.io", ""},
		{"update", "configmaps", metav1.NamespaceSystem},
	}
	hubWants = []Permission{
		{"create", "namespaces", ""},
		{"create", "members.fairlead.dev", ""},
		{"create", "serviceaccounts", ""},
		{"create", "serviceaccounts/token", ""},
		{"create", "rolebindings.rbac.authorization.k8s.io", ""},
		{"create", "clusterrolebindings.rbac.authorization.k8s.io", ""},
	}
)
