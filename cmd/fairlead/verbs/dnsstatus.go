package verbs

import (
	"context"
	"fmt"

	"k8s.io/client-go/kubernetes"

	"fairlead.dev/fairlead/check"
	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/dns"
	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/membership"
)

// nameProblems asks a real cluster's own resolver for the clusterset's zone, and tells what is wrong with the answer.
func (t *target) nameProblems(ctx context.Context) ([]control.Problem, error) {
	access, err := membership.Open(t.kubeconfig, t.context)
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(access.Config)
	if err != nil {
		return nil, fmt.Errorf("reach the API of %s: %w", access.Context, err)
	}
	said, err := check.Resolver(ctx, client, manifest.Namespace)
	p := control.Problem{Cluster: access.Context, Object: dns.Zone}
	switch {
	case err != nil:
		p.Message = err.Error()
	case said.Error != "":
		p.Message = fmt.Sprintf("the cluster's own resolver does not answer for it: %s; fairlead check --context %s", said.Error, access.Context)
	case !said.OK():
		p.Message = fmt.Sprintf("the cluster's own resolver has it from elsewhere: dns-version is %q; fairlead check --context %s", said.Version, access.Context)
	default:
		return nil, nil
	}
	return []control.Problem{p}, nil
}
