package membership

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// ownerOperator is the field manager of what operators say of a member that has joined.
const ownerOperator = "fairlead-operator"

// Drain takes all new traffic off a member, everywhere, or gives it back. The agents see it within moments.
func Drain(ctx context.Context, h *Access, cluster string, on bool) error {
	return h.steer(ctx, cluster, func(m *v1alpha1.Member) { m.Spec.Drain = on })
}

// Release lets a mass withdrawal by a member go on that the others hold for a while.
func Release(ctx context.Context, h *Access, cluster string) error {
	return h.steer(ctx, cluster, func(m *v1alpha1.Member) {
		m.Annotations = withValue(m.Annotations, v1alpha1.AnnotationReleased, time.Now().UTC().Format(time.RFC3339Nano))
	})
}

func withValue(in map[string]string, key, value string) map[string]string {
	out := map[string]string{key: value}
	for k, v := range in {
		if k != key {
			out[k] = v
		}
	}
	return out
}

// steer changes a Member, and writes nothing but the change.
func (a *Access) steer(ctx context.Context, cluster string, change func(*v1alpha1.Member)) error {
	r, err := Call(ctx, a, "")
	if err != nil {
		return err
	}
	if err := checkHub(r); err != nil {
		return err
	}
	m := r.member(cluster)
	if m == nil {
		return unknownMember(r, cluster)
	}
	was := client.MergeFrom(m.DeepCopy())
	change(m)
	if err := a.Patch(ctx, m, was, client.FieldOwner(ownerOperator)); err != nil {
		return fmt.Errorf("change the member %s on %s: %w", cluster, a.Context, a.explain(err))
	}
	return nil
}
