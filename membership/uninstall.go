package membership

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	aboutv1beta1 "fairlead.dev/fairlead/api/about/v1beta1"
	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/mcs"
)

// deletesAtOnce bounds the deletions on their way: a cluster may have imported thousands of services.
const deletesAtOnce = 16

// UninstallOptions say how an agent is taken out of a cluster.
type UninstallOptions struct {
	// Force uninstalls although the cluster is a member still.
	Force bool
	// Keep leaves what was imported where it is.
	Keep bool
	Tell Tell
}

// Remove takes the agent out of a cluster whose hub is gone, or that has left before. While its hub can be reached from here and says that it
// is a member, that is refused: the others would hold its records.
func Remove(ctx context.Context, m *Access, o UninstallOptions) error {
	if !o.Force {
		if err := m.notMember(ctx); err != nil {
			return err
		}
	}
	return m.evict(ctx, o.Keep, o.Tell)
}

// notMember refuses where the cluster's own credential opens a hub that has it as a member. A hub that does not answer has none.
func (a *Access) notMember(ctx context.Context) error {
	var secret corev1.Secret
	err := a.Get(ctx, client.ObjectKey{Namespace: manifest.Namespace, Name: manifest.HubSecret}, &secret)
	if unserved(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the credential of %s: %w", a.Context, a.explain(err))
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(secret.Data[manifest.KeyKubeconfig])
	if err != nil {
		return nil
	}
	config.Timeout = 5 * time.Second
	h, err := Reach(config, "the hub")
	if err != nil {
		return nil
	}
	cluster := string(secret.Data[manifest.KeyCluster])
	var own v1alpha1.Member
	if h.Get(ctx, client.ObjectKey{Namespace: hub.Namespace(cluster), Name: cluster}, &own) != nil || own.Spec.Leaving {
		return nil
	}
	return &Refusal{
		What:   fmt.Sprintf("%s is a member still, as %s: the others would hold what it exports", a.Context, cluster),
		Remedy: fmt.Sprintf("fairlead leave %s --hub-context HUB --context %s; or add --force", cluster, a.Context),
	}
}

// evict removes the agent, what it imported, what it said of exports, and the sign of membership. The kinds stay: exports are the users'.
func (a *Access) evict(ctx context.Context, keep bool, tell Tell) error {
	tell.say("stopping the agent in %s", a.Context)
	if err := firstError(
		func() error { return a.unteach(ctx) },
		func() error { return a.halt(ctx) },
	); err != nil {
		return err
	}
	if !keep {
		tell.say("removing what was imported")
		if err := firstError(
			func() error { return a.disown(ctx) },
			func() error { return a.silence(ctx) },
		); err != nil {
			return err
		}
	}
	tell.say("removing the agent from %s", a.Context)
	sign := &aboutv1beta1.ClusterProperty{ObjectMeta: metav1.ObjectMeta{Name: aboutv1beta1.ClusterSet}}
	credential := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: manifest.Namespace, Name: manifest.HubSecret}}
	return firstError(
		func() error { return a.remove(ctx, sign, credential) },
		func() error { return a.strip(ctx, ownerAgent, manifest.Agent(everything)) },
	)
}

// everything are the options with which all there may be of an agent is named.
var everything = manifest.AgentOptions{Gateways: true, NetworkPolicy: true}

// halt removes the agent's Deployment and waits until none of its pods writes any more.
func (a *Access) halt(ctx context.Context) error {
	agent := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: manifest.Namespace, Name: manifest.AgentName}}
	if err := a.remove(ctx, agent); err != nil {
		return err
	}
	err := until(ctx, time.Minute, func() (bool, error) {
		pods, err := a.agents(ctx)
		return len(pods) == 0, err
	})
	if err != nil {
		return fmt.Errorf("wait until the agent in %s has stopped: %w", a.Context, err)
	}
	return nil
}

// disown deletes what the agent imported: ServiceImports, derived Services, and their slices. All of them carry a label that says whose they
// are.
func (a *Access) disown(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(deletesAtOnce)
	for list, label := range map[client.ObjectList]string{
		&mcsv1beta1.ServiceImportList{}: mcs.LabelManagedBy, &corev1.ServiceList{}: mcs.LabelManagedBy,
		&discoveryv1.EndpointSliceList{}: discoveryv1.LabelManagedBy,
	} {
		if err := a.List(ctx, list, client.MatchingLabels{label: mcs.ManagedBy}); unserved(err) {
			continue
		} else if err != nil {
			return fmt.Errorf("list what %s has imported: %w", a.Context, a.explain(err))
		}
		_ = apimeta.EachListItem(list, func(obj runtime.Object) error {
			if o := obj.DeepCopyObject().(client.Object); imported(o) {
				group.Go(func() error { return a.remove(ctx, o) })
			}
			return nil
		})
	}
	return group.Wait()
}

// imported tells derived Services from those of the installation, which carry the same label.
func imported(obj client.Object) bool {
	_, service := obj.(*corev1.Service)
	return !service || obj.GetLabels()[mcsv1beta1.LabelServiceName] != ""
}

// silence takes back what the agent said of the cluster's exports.
func (a *Access) silence(ctx context.Context) error {
	var exports mcsv1beta1.ServiceExportList
	if err := a.List(ctx, &exports); err != nil {
		if unserved(err) {
			return nil
		}
		return fmt.Errorf("list the exports of %s: %w", a.Context, err)
	}
	for i := range exports.Items {
		e := &exports.Items[i]
		if len(e.Status.Conditions) == 0 {
			continue
		}
		was := client.MergeFrom(e.DeepCopy())
		e.Status.Conditions = nil
		if err := a.Status().Patch(ctx, e, was); err != nil && !unserved(err) {
			return fmt.Errorf("clear the conditions of ServiceExport %s/%s in %s: %w", e.Namespace, e.Name, a.Context, err)
		}
	}
	return nil
}
