package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/picture"
)

// MembersConfigMap holds what the agents of a cluster must know of the members of the clusterset while the hub is away: one key for each
// cluster, its own among them.
const MembersConfigMap = "fairlead-members"

// Acquaintance is one member as it is kept for a restart: its Member without what changes all the time, and the last verdict on it.
type Acquaintance struct {
	Member *v1alpha1.Member `json:"member"`
	State  health.State     `json:"state"`
}

// Memory is what a cluster's own objects tell of the clusterset.
type Memory struct {
	// Members by cluster id.
	Members map[string]Acquaintance
	// Missing are the records of the other clusters: known, and not seen since. The Members are among them.
	Missing map[picture.Key]picture.Fact
}

// Restore reads what the cluster's own objects keep for a restart: the ConfigMap of the members in a namespace, the derived Services and the
// imported EndpointSlices. own is the cluster's id. A new Centre that is given it as its Prior has everything that the last one had,
// until the hub explains what is otherwise. What cannot be read of one object is passed over; nothing at all is no error.
func Restore(ctx context.Context, c client.Client, namespace, own string) (Memory, error) {
	m := Memory{Missing: map[picture.Key]picture.Fact{}}
	var err error
	if m.Members, err = readMembers(ctx, c, namespace); err != nil {
		return m, err
	}
	for cluster, a := range m.Members {
		if cluster != own {
			m.Missing[picture.KeyOf(a.Member)] = a.Member
		}
	}
	var services corev1.ServiceList
	if err := c.List(ctx, &services, client.MatchingLabels{mcs.LabelManagedBy: mcs.ManagedBy}); err != nil {
		return m, fmt.Errorf("list the derived Services: %w", err)
	}
	var slices discoveryv1.EndpointSliceList
	if err := c.List(ctx, &slices, client.MatchingLabels{discoveryv1.LabelManagedBy: mcs.ManagedBy}); err != nil {
		return m, fmt.Errorf("list the imported EndpointSlices: %w", err)
	}
	m.take(services.Items, slices.Items, own)
	m.believe(slices.Items)
	return m, nil
}

// believe keeps a verdict of lost only where the slices bear it out: an endpoint that serves by its cluster's word and is not ready has been
// withdrawn here. The verdicts are written down a while after they change, and a cluster that was found again since would be withdrawn
// anew by a restart.
func (m Memory) believe(slices []discoveryv1.EndpointSlice) {
	withdrawn := map[string]bool{}
	for i := range slices {
		for _, e := range slices[i].Endpoints {
			c := e.Conditions
			if isTrue(c.Serving) && !isTrue(c.Ready) && !isTrue(c.Terminating) {
				withdrawn[slices[i].Labels[mcsv1beta1.LabelSourceCluster]] = true
			}
		}
	}
	for cluster, a := range m.Members {
		if a.State.Verdict == fleet.Lost && !withdrawn[cluster] {
			a.State.Verdict, a.State.Reason = fleet.Serving, "it was lost, but nothing of it is withdrawn"
			m.Members[cluster] = a
		}
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

// take reads the records from derived Services and imported slices.
func (m Memory) take(services []corev1.Service, slices []discoveryv1.EndpointSlice, own string) {
	of := map[fleet.Name][]*discoveryv1.EndpointSlice{}
	for i := range slices {
		name := fleet.Name{Namespace: slices[i].Namespace, Name: slices[i].Labels[mcsv1beta1.LabelServiceName]}
		of[name] = append(of[name], &slices[i])
	}
	restore := func(service *corev1.Service, slices []*discoveryv1.EndpointSlice) {
		records, endpoints := mcs.Restore(service, slices, own)
		for _, r := range records {
			m.Missing[picture.KeyOf(r)] = r
		}
		for _, r := range endpoints {
			m.Missing[picture.KeyOf(r)] = r
		}
	}
	for i := range services {
		name := fleet.Name{Namespace: services[i].Namespace, Name: services[i].Labels[mcsv1beta1.LabelServiceName]}
		restore(&services[i], of[name])
		delete(of, name)
	}
	for _, rest := range of {
		restore(nil, rest)
	}
}

// Prior is what the memory means to a Centre.
func (m Memory) Prior(own string) picture.Prior {
	p := picture.Prior{Missing: m.Missing, Members: map[string]health.State{}}
	for cluster, a := range m.Members {
		if cluster != own {
			p.Members[cluster] = a.State
		}
	}
	return p
}

func readMembers(ctx context.Context, c client.Client, namespace string) (map[string]Acquaintance, error) {
	members := map[string]Acquaintance{}
	var config corev1.ConfigMap
	err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: MembersConfigMap}, &config)
	if apierrors.IsNotFound(err) {
		return members, nil
	}
	if err != nil {
		return members, fmt.Errorf("read ConfigMap %s/%s: %w", namespace, MembersConfigMap, err)
	}
	for cluster, text := range config.Data {
		var a Acquaintance
		if json.Unmarshal([]byte(text), &a) == nil && a.Member != nil && a.Member.Spec.Cluster == cluster {
			members[cluster] = a
		}
	}
	return members, nil
}

// known returns of a Member what a restart needs, and nothing that changes while nothing happens.
func known(m *v1alpha1.Member) *v1alpha1.Member {
	out := &v1alpha1.Member{Spec: *m.Spec.DeepCopy()}
	out.Namespace, out.Name, out.CreationTimestamp = m.Namespace, m.Name, m.CreationTimestamp
	if at, ok := m.Annotations[mcs.AnnotationJoined]; ok {
		out.Annotations = map[string]string{mcs.AnnotationJoined: at}
	}
	out.Status = v1alpha1.MemberStatus{
		Beacons: m.Status.Beacons, ServiceRanges: m.Status.ServiceRanges, PodRanges: m.Status.PodRanges,
		Kubernetes: m.Status.Kubernetes, Agent: m.Status.Agent,
	}
	return out
}

// lasting returns what of a verdict is worth keeping: its sentence may count seconds.
func lasting(m *picture.Member) health.State {
	return health.State{Verdict: m.Verdict, Reason: m.Reason, Since: m.Since.UTC().Truncate(time.Second)}
}
