package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/test/lab"
)

// TestTheHubIsAwayWhilePodsChurn kills the hub's API server. Pods of north, one after another, are replaced meanwhile.
func TestTheHubIsAwayWhilePodsChurn(t *testing.T) {
	s := tell(t)
	for _, p := range []*place{s.east, s.north} {
		p.runs("cart", 3)
		p.lingers("cart")
		p.exports("cart")
	}
	s.east.sees("cart", "ClusterSetIP http:80/TCP from east 3/3, north 3/3")
	own := lab.Service(s.namespace, "cart")
	if err := s.north.Get(t.Context(), clientKey(own), own); err != nil {
		t.Fatal(err)
	}
	s.east.reaches("cart", 80, "east", "north")
	local := s.north.Calls(t.Context(), own.Spec.ClusterIP+":80")
	across := s.east.Calls(t.Context(), s.east.address("cart")+":80")

	mend := s.breaks([]string{"kill", "west", "kube-apiserver"}, []string{"start", "west", "kube-apiserver"})
	began := time.Now()
	replaced := s.north.churns("cart", *outage)
	mend()
	s.west.answers()
	back := time.Now()
	want := s.north.ready("cart")
	s.eventually("east knows north's pods again", func(ctx context.Context) error { return s.east.hasEndpoints(ctx, "cart", "north", want) })
	t.Logf("hub's API away for %s, %d pods of north replaced", back.Sub(began).Round(time.Second), replaced)
	t.Logf("east has caught up %s after the hub's API answers again", time.Since(back).Round(time.Millisecond))

	localCalls, acrossCalls := local.Stop(), across.Stop()
	t.Logf("calls to north's own Service: %s", localCalls)
	t.Logf("calls from east to the clusterset IP: %s", acrossCalls)
	if failed := localCalls.Failed(); len(failed) > 0 {
		t.Errorf("calls to local endpoints failed: %v", failed[0])
	}
	if failed := acrossCalls.After(time.Now().Add(-time.Second)).Failed(); len(failed) > 0 {
		t.Errorf("calls still fail once east has caught up: %v", failed[0])
	}
}

// churns replaces one pod after another for a while, and returns how many.
func (p *place) churns(app string, during time.Duration) (replaced int) {
	p.story.Helper()
	for end := time.Now().Add(during); time.Now().Before(end); {
		for name := range p.pods(app) {
			pod := &corev1.Pod{}
			pod.Namespace, pod.Name = p.story.namespace, name
			if err := p.Delete(p.story.Context(), pod); client.IgnoreNotFound(err) != nil {
				p.story.Fatal(err)
			}
			replaced++
			break
		}
		time.Sleep(2 * time.Second)
	}
	return replaced
}

// ready returns the addresses of the ready pods of an app, as its cluster's API has them.
func (p *place) ready(app string) map[string]bool {
	p.story.Helper()
	addresses := map[string]bool{}
	for _, ip := range p.pods(app) {
		addresses[ip] = true
	}
	return addresses
}

// hasEndpoints says nothing where the ready endpoints from a cluster are exactly these.
func (p *place) hasEndpoints(ctx context.Context, name, source string, want map[string]bool) error {
	list, err := p.slices(ctx, name)
	if err != nil {
		return err
	}
	got := map[string]bool{}
	for _, slice := range list {
		for _, e := range slice.Endpoints {
			if slice.Labels[labelSource] == source && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
				got[e.Addresses[0]] = true
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("%s has %v of %s, wanted are %v", p.Name, got, source, want)
	}
	return nil
}

// TestAMemberCutOffFromTheHubOnlyKeepsServingEverywhere: its data path lives.
func TestAMemberCutOffFromTheHubOnlyKeepsServingEverywhere(t *testing.T) {
	s := tell(t)
	s.east.runs("cart", 2)
	s.east.exports("cart")
	s.north.sees("cart", "ClusterSetIP http:80/TCP from east 2/2")
	north := s.north.Watches(t.Context(), s.namespace)
	defer north.Stop()
	s.north.reaches("cart", 80, "east")
	calls := s.north.Calls(t.Context(), s.north.address("cart")+":80")

	began := time.Now()
	mend := s.breaks([]string{"cut", "east", "--hub"}, []string{"restore", "east"})
	time.Sleep(*outage)
	mend()
	answered := calls.Stop()
	t.Logf("calls from north to east, which does not reach the hub for %s: %s", *outage, answered)
	if failed := answered.Failed(); len(failed) > 0 {
		t.Errorf("calls failed: %v", failed[0])
	}
	s.keeps("a member was cut off from the hub only", north, began)

	began = time.Now()
	s.east.unexports("cart")
	s.north.sees("cart", nothing)
	t.Logf("what east says now arrives after %s", time.Since(began).Round(time.Millisecond))
}

// TestRecordsDeletedByMistakeAreHeldAndComeBack: an operator deletes a member's records on the hub.
func TestRecordsDeletedByMistakeAreHeldAndComeBack(t *testing.T) {
	s := tell(t)
	s.north.offers("cart", 2)
	s.north.exports("cart")
	s.east.sees("cart", "ClusterSetIP http:80/TCP from north 2/2")
	east := s.east.Watches(t.Context(), s.namespace)
	defer east.Stop()

	began := time.Now()
	for _, kind := range []client.Object{&v1alpha1.ServiceRecord{}, &v1alpha1.EndpointRecord{}} {
		if err := s.west.DeleteAllOf(t.Context(), kind, client.InNamespace(hub.Namespace("north"))); err != nil {
			t.Fatal(err)
		}
	}
	s.eventually("north writes its records again", func(ctx context.Context) error {
		var list v1alpha1.EndpointRecordList
		err := s.west.List(ctx, &list, client.InNamespace(hub.Namespace("north")), withLabel(v1alpha1.LabelNamespace, s.namespace))
		if err == nil && len(list.Items) != 1 {
			err = fmt.Errorf("%d records", len(list.Items))
		}
		return err
	})
	t.Logf("north's records are back after %s", time.Since(began).Round(time.Millisecond))
	s.keeps("an operator deleted the records of a member", east, began)
}

// TestTheHubsBackupExplainsNothing: the hub's store goes back to a time before an export. It does not withdraw it.
func TestTheHubsBackupExplainsNothing(t *testing.T) {
	s := tell(t)
	s.north.offers("old", 1)
	s.north.exports("old")
	s.east.sees("old", "ClusterSetIP http:80/TCP from north 1/1")
	if _, err := lab.Verb(t.Context(), "snapshot", "west"); err != nil {
		t.Fatal(err)
	}
	s.north.offers("new", 1)
	s.north.exports("new")
	s.east.sees("new", "ClusterSetIP http:80/TCP from north 1/1")
	east := s.east.Watches(t.Context(), s.namespace)
	defer east.Stop()

	began := time.Now()
	if _, err := lab.Verb(t.Context(), "revert", "west"); err != nil {
		t.Fatal(err)
	}
	s.west.answers()
	s.eventually("north has told the hub again", func(ctx context.Context) error {
		var list v1alpha1.ServiceRecordList
		err := s.west.List(ctx, &list, client.InNamespace(hub.Namespace("north")), withLabel(v1alpha1.LabelNamespace, s.namespace))
		if err == nil && len(list.Items) != 2 {
			err = fmt.Errorf("%d records", len(list.Items))
		}
		return err
	})
	t.Logf("the hub knows all again %s after its store was set back", time.Since(began).Round(time.Millisecond))
	s.keeps("the hub's store was set back", east, began)
	s.north.unexports("new")
	s.east.sees("new", nothing)
}

// lingers makes pods answer for a while after they were told to end, as any that is behind kube-proxy must.
func (p *place) lingers(name string) {
	p.story.Helper()
	deployment, _ := lab.Workload(p.story.namespace, name, 0)
	edit(p, deployment, func(*deploymentOf) {
		pod := &deployment.Spec.Template.Spec
		pod.TerminationGracePeriodSeconds = new(int64(5))
		pod.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 3}}}
	})
	p.story.eventually("the pods of "+name+" are the new ones", func(ctx context.Context) error {
		err := p.Get(ctx, clientKey(deployment), deployment)
		if st := deployment.Status; err == nil && (st.ObservedGeneration < deployment.Generation || st.Replicas != *deployment.Spec.Replicas ||
			st.UpdatedReplicas != st.Replicas || st.ReadyReplicas != st.Replicas) {
			err = fmt.Errorf("%+v", st)
		}
		return err
	})
}
