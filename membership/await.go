package membership

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/manifest"
)

// pulse is by what a member shows that it is alive: its marker, and its Lease.
type pulse struct {
	term, sequence int64
	beat           time.Time
}

// pulse reads the pulse of a member; the zero pulse where it has shown none.
func (a *Access) pulse(ctx context.Context, cluster string) (p pulse, err error) {
	var m v1alpha1.Member
	key := client.ObjectKey{Namespace: hub.Namespace(cluster), Name: cluster}
	if err := a.Get(ctx, key, &m); err != nil {
		return p, fmt.Errorf("read the member %s on %s: %w", cluster, a.Context, err)
	}
	p.term, p.sequence = m.Status.Marker.Term, m.Status.Marker.Sequence
	var l coordinationv1.Lease
	err = a.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: manifest.MemberLease}, &l)
	if err == nil && l.Spec.RenewTime != nil {
		p.beat = l.Spec.RenewTime.Time
	}
	if err = ignoreUnserved(err); err != nil {
		return p, fmt.Errorf("read the heartbeat of %s on %s: %w", cluster, a.Context, err)
	}
	return p, nil
}

// awaitMarker waits until the member's agent has written its marker, or, where there was one before, has written anything since.
func (a *Access) awaitMarker(ctx context.Context, m *Access, cluster string, before pulse, patience time.Duration, tell Tell) error {
	tell.say("waiting for %s to write to the hub", cluster)
	err := until(ctx, patience, func() (bool, error) {
		now, err := a.pulse(ctx, cluster)
		return now.sequence > 0 && now != before, err
	})
	if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return err
	}
	return &Refusal{
		What: fmt.Sprintf("the agent of %s runs, and has written nothing to the hub within %v", cluster, patience),
		Remedy: fmt.Sprintf("kubectl --context %s -n %s logs deployment/%s; it goes on trying. Where pods reach the hub at another address: --server URL",
			m.Context, manifest.Namespace, manifest.AgentName),
	}
}

// awaitAgent waits until a replica of the agent is ready, and tells what keeps it from that.
func (a *Access) awaitAgent(ctx context.Context, patience time.Duration, tell Tell) error {
	tell.say("waiting for the agent in %s", a.Context)
	told := ""
	err := until(ctx, patience, func() (bool, error) {
		var d appsv1.Deployment
		if err := a.Get(ctx, client.ObjectKey{Namespace: manifest.Namespace, Name: manifest.AgentName}, &d); err != nil {
			return false, err
		}
		if d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas > 0 && d.Status.ReadyReplicas > 0 {
			return true, nil
		}
		why, err := a.stuck(ctx)
		if why != "" && why != told {
			told = why
			tell.say("%s", why)
		}
		return false, err
	})
	if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return err
	}
	return &Refusal{
		What:   fmt.Sprintf("the agent in %s is not ready after %v: %s", a.Context, patience, cmp.Or(told, "its pods say nothing")),
		Remedy: fmt.Sprintf("kubectl --context %s -n %s describe pods -l %s=%s", a.Context, manifest.Namespace, manifest.LabelApp, manifest.AgentName),
	}
}

// stuck returns what the agent's pods wait for; empty where they tell nothing.
func (a *Access) stuck(ctx context.Context) (string, error) {
	pods, err := a.agents(ctx)
	if err != nil {
		return "", err
	}
	for _, p := range pods {
		if why := waiting(p); why != "" {
			return "pod " + p.Name + ": " + why, nil
		}
	}
	return "", nil
}

// waiting returns the reason for which a pod does not run.
func waiting(p corev1.Pod) string {
	for _, c := range p.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil && w.Reason != "ContainerCreating" {
			return joined(w.Reason, w.Message)
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return joined(c.Reason, c.Message)
		}
	}
	return ""
}

func joined(reason, message string) string {
	if message == "" {
		return reason
	}
	return reason + ": " + message
}

// agents lists the agent's pods.
func (a *Access) agents(ctx context.Context) ([]corev1.Pod, error) {
	var pods corev1.PodList
	err := a.List(ctx, &pods, client.InNamespace(manifest.Namespace), client.MatchingLabels{manifest.LabelApp: manifest.AgentName})
	if err != nil {
		return nil, fmt.Errorf("list the agent's pods in %s: %w", a.Context, err)
	}
	return pods.Items, nil
}
