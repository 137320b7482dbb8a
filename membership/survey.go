package membership

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	aboutv1beta1 "fairlead.dev/fairlead/api/about/v1beta1"
)

// survey reads what a cluster says of itself.
func (a *Access) survey(ctx context.Context, cluster string) (Candidate, error) {
	c := Candidate{Cluster: cluster}
	var err error
	if c.UID, err = a.uid(ctx); err != nil {
		return c, err
	}
	if c.ClusterID, err = a.property(ctx, aboutv1beta1.ClusterName); err != nil {
		return c, err
	}
	if c.ClusterSet, err = a.property(ctx, aboutv1beta1.ClusterSet); err != nil {
		return c, err
	}
	if c.Kubernetes, err = a.kubernetes(); err != nil {
		return c, err
	}
	var nodes corev1.NodeList
	if err := a.List(ctx, &nodes); err != nil {
		return c, fmt.Errorf("list the nodes of %s: %w", a.Context, a.explain(err))
	}
	c.Region, c.Zone = locality(nodes.Items)
	return c, nil
}

// uid returns the uid of the namespace kube-system, which is the cluster's own.
func (a *Access) uid(ctx context.Context) (string, error) {
	var ns corev1.Namespace
	if err := a.Get(ctx, client.ObjectKey{Name: "kube-system"}, &ns); err != nil {
		return "", fmt.Errorf("read the namespace kube-system of %s: %w", a.Context, a.explain(err))
	}
	return string(ns.UID), nil
}

// property returns the value of a ClusterProperty; empty where there is none.
func (a *Access) property(ctx context.Context, name string) (string, error) {
	var p aboutv1beta1.ClusterProperty
	err := a.Get(ctx, client.ObjectKey{Name: name}, &p)
	if err != nil && !unserved(err) {
		return "", fmt.Errorf("read the ClusterProperty %s of %s: %w", name, a.Context, a.explain(err))
	}
	return p.Spec.Value, nil
}

func (a *Access) kubernetes() (string, error) {
	d, err := discovery.NewDiscoveryClientForConfig(a.Config)
	if err != nil {
		return "", fmt.Errorf("reach the API of %s: %w", a.Context, err)
	}
	v, err := d.ServerVersion()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", a.Context, err)
	}
	return v.GitVersion, nil
}
