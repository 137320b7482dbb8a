package e2e

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/test/lab"
)

// The length of what may be short in a daily run and must be long for a figure.
var (
	outage = flag.Duration("outage", 20*time.Second, "how long the hub's API is away")
	wide   = flag.Int("services", 100, "how many services a lost cluster exports")
	faults = flag.Int("faults", 50, "how many random faults")
	seed   = flag.Uint64("seed", 0, "of the random faults; 0: a new one each time")
)

// breaks runs a verb of hack/clusters that breaks something, and the one that mends it when the story ends, unless mend was called.
func (s *story) breaks(breaking, mending []string) (mend func()) {
	s.Helper()
	if _, err := lab.Verb(s.Context(), breaking...); err != nil {
		s.Fatal(err)
	}
	mended := false
	mend = func() {
		s.Helper()
		if mended {
			return
		}
		mended = true
		if _, err := lab.Verb(context.Background(), mending...); err != nil {
			s.Fatalf("mend: %v", err)
		}
	}
	s.Cleanup(mend)
	return mend
}

// answers waits until the cluster's API answers.
func (p *place) answers() {
	p.story.Helper()
	p.story.eventually("the API of "+p.Name+" answers", func(ctx context.Context) error {
		return p.Get(ctx, client.ObjectKey{Name: "kube-system"}, &corev1.Namespace{})
	})
}

// agents waits until so many agents of the cluster are ready, and returns the names of their pods.
func (p *place) agents(n int) []string {
	p.story.Helper()
	var names []string
	p.story.eventually(fmt.Sprintf("%d agents are ready in %s", n, p.Name), func(ctx context.Context) error {
		var list corev1.PodList
		if err := p.List(ctx, &list, client.InNamespace("fairlead-system"), client.MatchingLabels{"app": "fairlead-agent"}); err != nil {
			return err
		}
		names = nil
		for _, pod := range list.Items {
			if isReady(pod) && pod.DeletionTimestamp == nil {
				names = append(names, pod.Name)
			}
		}
		if len(names) < n {
			return fmt.Errorf("%d are", len(names))
		}
		return nil
	})
	return names
}

// killsAgents deletes the agents' pods at once, without a word to them.
func (p *place) killsAgents() {
	p.story.Helper()
	err := p.DeleteAllOf(p.story.Context(), &corev1.Pod{}, client.InNamespace("fairlead-system"),
		client.MatchingLabels{"app": "fairlead-agent"}, client.GracePeriodSeconds(0))
	if err != nil {
		p.story.Fatal(err)
	}
}

// kills deletes one of Fairlead's pods at once, without a word to it.
func (p *place) kills(pod string) {
	p.story.Helper()
	obj := &corev1.Pod{}
	obj.Namespace, obj.Name = "fairlead-system", pod
	if err := p.Delete(p.story.Context(), obj, client.GracePeriodSeconds(0)); err != nil {
		p.story.Fatal(err)
	}
}

func isReady(pod corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// losses returns what was withdrawn or vanished since a moment, which should be nothing.
func losses(w *lab.Witness, since time.Time) (lost []lab.Happening) {
	for _, h := range w.Since(since) {
		if h.What != lab.Ready {
			lost = append(lost, h)
		}
	}
	return lost
}

// keeps fails the test where a witness saw an endpoint being withdrawn or vanishing.
func (s *story) keeps(what string, w *lab.Witness, since time.Time) {
	s.Helper()
	if lost := losses(w, since); len(lost) > 0 {
		s.Errorf("%s: %d endpoints were withdrawn or vanished: %v", what, len(lost), lost[:min(len(lost), 5)])
	}
}

func TestNothingIsLostWhenAgentsRestartWhileTheHubIsAway(t *testing.T) {
	s := tell(t)
	for _, p := range []*place{s.west, s.north} {
		p.runs("cart", 2)
		p.exports("cart")
	}
	s.east.sees("cart", "ClusterSetIP http:80/TCP from north 2/2, west 2/2")
	s.east.agents(2)

	east := s.east.Watches(t.Context(), s.namespace)
	defer east.Stop()
	mend := s.breaks([]string{"cut", "east", "--hub"}, []string{"restore", "east"})
	began := time.Now()
	s.east.killsAgents()
	time.Sleep(time.Second)
	s.east.agents(2)
	t.Logf("the agents of east are ready again after %s, without the hub", time.Since(began).Round(time.Millisecond))
	s.holds(5*time.Second, "everything is still there", func(ctx context.Context) error {
		return s.east.mustShow(ctx, "cart", "ClusterSetIP http:80/TCP from north 2/2, west 2/2")
	})
	for range 10 {
		if _, err := s.east.Ask(t.Context(), s.east.address("cart")+":80", time.Second); err != nil {
			t.Errorf("a call fails: %v", err)
		}
	}
	s.keeps("agents restarted while the hub was away", east, began)

	// What happened meanwhile arrives with the hub.
	s.north.unexports("cart")
	mend()
	took := s.east.sees("cart", "ClusterSetIP http:80/TCP from west 2/2")
	t.Logf("east knows what it missed %s after the hub is back", took.Round(time.Millisecond))
}
