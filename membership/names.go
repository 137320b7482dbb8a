package membership

import (
	"context"
	"fmt"

	"k8s.io/client-go/kubernetes"

	"fairlead.dev/fairlead/dns/stub"
	"fairlead.dev/fairlead/manifest"
)

// teach makes the cluster's own resolver ask Fairlead for the names of the clusterset.
func (a *Access) teach(ctx context.Context) error {
	c, err := kubernetes.NewForConfig(a.Config)
	if err != nil {
		return fmt.Errorf("reach the API of %s: %w", a.Context, err)
	}
	server, err := stub.ServerAddress(ctx, c, manifest.Namespace)
	if err == nil {
		_, err = stub.Enable(ctx, c, server)
	}
	if err != nil {
		return &Refusal{
			What:   fmt.Sprintf("the cluster has joined, and its resolver was left as it is: %v", err),
			Remedy: "fairlead dns print --context " + a.Context,
		}
	}
	return nil
}

// unteach takes exactly that back.
func (a *Access) unteach(ctx context.Context) error {
	c, err := kubernetes.NewForConfig(a.Config)
	if err != nil {
		return fmt.Errorf("reach the API of %s: %w", a.Context, err)
	}
	if _, err := stub.Disable(ctx, c); err != nil {
		return fmt.Errorf("take clusterset.local out of the resolver of %s: %w", a.Context, a.explain(err))
	}
	return nil
}
