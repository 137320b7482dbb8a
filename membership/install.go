package membership

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/manifest"
)

// InstallOptions say how a hub is installed.
type InstallOptions struct {
	// ClusterSet names the clusterset; empty: the name that the hub has already, or one made from its uid.
	ClusterSet string
	Manifest   manifest.HubOptions
	// Version is that of this Fairlead.
	Version string
	Tell    Tell
}

// Installed is what Install did.
type Installed struct {
	Hub        string `json:"hub"`
	ClusterSet string `json:"clusterset"`
	Version    string `json:"version"`
}

// Install makes a cluster's API the hub of a clusterset, or brings a hub up to this version. A hub that has another name keeps it: its
// members carry it, and it does not change while there are any (KEP-2149).
func Install(ctx context.Context, h *Access, o InstallOptions) (Installed, error) {
	r, err := Call(ctx, h, o.Version)
	if err != nil {
		return Installed{}, err
	}
	set, err := nameSet(r, o.ClusterSet)
	if err != nil {
		return Installed{}, err
	}
	objects := manifest.Hub(o.Manifest)
	for _, obj := range objects {
		if ns, ok := obj.(*corev1.Namespace); ok && ns.Name == manifest.Namespace {
			sign(ns, set, o.Version)
		}
	}
	o.Tell.say("applying %d objects to %s", len(objects), h.Context)
	if err := h.apply(ctx, ownerHub, objects...); err != nil {
		return Installed{}, err
	}
	return Installed{Hub: h.Context, ClusterSet: set, Version: o.Version}, nil
}

// nameSet returns the name that a hub's clusterset is to have.
func nameSet(r *Roll, wanted string) (string, error) {
	switch {
	case r.ClusterSet != "" && wanted != "" && wanted != r.ClusterSet:
		return "", &Refusal{
			What:   fmt.Sprintf("%s is the hub of the clusterset %s already", r.Context, r.ClusterSet),
			Remedy: "leave --clusterset out, or uninstall it first: fairlead hub uninstall --context " + r.Context,
		}
	case r.ClusterSet != "":
		return r.ClusterSet, nil
	case wanted == "":
		return "fleet-" + r.UID[:min(8, len(r.UID))], nil
	case checkName(wanted) != nil:
		return "", &Refusal{
			What:   fmt.Sprintf("%q is no name for a clusterset", wanted),
			Remedy: "use lower-case letters, digits and '-', at most 63, as in --clusterset shop",
		}
	}
	return wanted, nil
}

// sign writes into the namespace's metadata what Call reads from it.
func sign(ns *corev1.Namespace, set, version string) {
	if ns.Labels == nil {
		ns.Labels = map[string]string{}
	}
	ns.Labels[labelClusterSet], ns.Labels[labelClusterSetToo] = set, set
	if ns.Annotations == nil {
		ns.Annotations = map[string]string{}
	}
	ns.Annotations[annotationVersion] = version
}

// Uninstall takes a hub away: its rules, its roles and its own kinds with all that is of them. While it has members it is refused, unless
// force is set; their agents then go on with what they know, until they are given another hub (Rebuild). Kinds that are standards stay,
// because others may use them, and the namespace stays where the cluster is a member as well.
func Uninstall(ctx context.Context, h *Access, version string, force bool, tell Tell) error {
	r, err := Call(ctx, h, version)
	if err != nil {
		return err
	}
	if len(r.Members) > 0 && !force {
		return &Refusal{
			What:   fmt.Sprintf("%s has members: %s", h.Context, names(r)),
			Remedy: fmt.Sprintf("let them leave first: fairlead leave %s --hub-context %s --context CONTEXT; or add --force", r.Members[0].Member.Spec.Cluster, h.Context),
		}
	}
	for _, s := range r.Members {
		tell.say("removing %s from the hub", s.Member.Spec.Cluster)
		if err := h.revoke(ctx, s.Member.Spec.Cluster); err != nil {
			return err
		}
		ns := &corev1.Namespace{}
		ns.Name = hub.Namespace(s.Member.Spec.Cluster)
		if err := h.remove(ctx, ns); err != nil {
			return err
		}
	}
	objects := manifest.Hub(manifest.HubOptions{})
	tell.say("removing %d objects from %s", len(objects), h.Context)
	return h.strip(ctx, ownerHub, objects)
}

// strip removes the objects of an installation but for what others may need: kinds that are not Fairlead's own, and the namespace where
// something else stands in it.
func (a *Access) strip(ctx context.Context, owner string, objects []client.Object) error {
	var own []client.Object
	var space *corev1.Namespace
	for _, obj := range objects {
		switch obj := obj.(type) {
		case *corev1.Namespace:
			space = obj
		case *apiextensionsv1.CustomResourceDefinition:
			if obj.Spec.Group == v1alpha1.Group {
				own = append(own, obj)
			}
		default:
			own = append(own, obj)
		}
	}
	if err := a.remove(ctx, own...); err != nil || space == nil {
		return err
	}
	return a.vacate(ctx, owner, space)
}

// vacate deletes the namespace, or, where the other one of hub and agent stands in it, gives up only what owner wanted of it.
func (a *Access) vacate(ctx context.Context, owner string, space *corev1.Namespace) error {
	shared, err := a.shared(ctx, owner)
	if err != nil {
		return err
	}
	if !shared {
		return a.remove(ctx, space)
	}
	nothing := space.DeepCopy()
	nothing.Labels, nothing.Annotations = nil, nil
	return a.apply(ctx, owner, nothing)
}

// shared says whether the other one of hub and agent stands in the namespace.
func (a *Access) shared(ctx context.Context, owner string) (bool, error) {
	if owner == ownerAgent {
		r, err := Call(ctx, a, "")
		return err == nil && r.ClusterSet != "", err
	}
	err := a.Get(ctx, client.ObjectKey{Namespace: manifest.Namespace, Name: manifest.AgentName}, &corev1.ServiceAccount{})
	if ignoreUnserved(err) != nil {
		return false, fmt.Errorf("look for an agent in %s: %w", a.Context, a.explain(err))
	}
	return err == nil, nil
}

func names(r *Roll) string {
	all := make([]string, len(r.Members))
	for i, s := range r.Members {
		all[i] = s.Member.Spec.Cluster
	}
	return strings.Join(all, ", ")
}
