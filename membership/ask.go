package membership

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/manifest"
)

// Ask asks the agent of a member cluster for a page, through the API server. The replica that leads is asked, or any other that is ready
// where none does.
func Ask(ctx context.Context, m *Access, path string) ([]byte, error) {
	pods, err := m.agents(ctx)
	if err != nil {
		return nil, err
	}
	var lease coordinationv1.Lease
	err = m.Get(ctx, client.ObjectKey{Namespace: manifest.Namespace, Name: manifest.AgentName}, &lease)
	if ignoreUnserved(err) != nil {
		return nil, fmt.Errorf("look for the leading agent in %s: %w", m.Context, m.explain(err))
	}
	pod := speaker(pods, lease.Spec.HolderIdentity)
	if pod == "" {
		return nil, &Refusal{
			What:   fmt.Sprintf("no agent is ready in %s", m.Context),
			Remedy: fmt.Sprintf("kubectl --context %s -n %s get pods -l %s=%s", m.Context, manifest.Namespace, manifest.LabelApp, manifest.AgentName),
		}
	}
	c, err := kubernetes.NewForConfig(m.Config)
	if err != nil {
		return nil, fmt.Errorf("reach the API of %s: %w", m.Context, err)
	}
	b, err := c.CoreV1().Pods(manifest.Namespace).ProxyGet("http", pod, strconv.Itoa(manifest.PortPeers), path, nil).DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask pod %s in %s: %w", pod, m.Context, m.explain(err))
	}
	return b, nil
}

// speaker returns the pod to ask: the one that holds the lease, whose identity begins with its name, or else a ready one.
func speaker(pods []corev1.Pod, holder *string) (name string) {
	for _, p := range pods {
		if !ready(p) {
			continue
		}
		if id, _, _ := strings.Cut(deref(holder), "_"); id == p.Name {
			return p.Name
		}
		name = p.Name
	}
	return name
}

func ready(p corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
		}
	}
	return false
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
