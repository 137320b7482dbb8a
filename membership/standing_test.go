package membership

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/kube"
)

func TestHowAMemberStands(t *testing.T) {
	for want, s := range map[State]Standing{
		Present:    standing("west", "w"),
		Draining:   standing("west", "w", func(m *v1alpha1.Member) { m.Spec.Drain = true }),
		Leaving:    standing("west", "w", leaving),
		Invited:    standing("west", "", pending("")),
		Introduced: standing("west", "", pending("w")),
		Joining:    {Member: standing("west", "w", func(m *v1alpha1.Member) { m.Status = v1alpha1.MemberStatus{} }).Member},
		Silent:     {Member: standing("west", "w").Member, Heartbeat: now.Add(-2 * time.Minute)},
	} {
		if got := s.State(now); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAMemberInAnothersNamespaceCountsForNothing(t *testing.T) {
	at := func(namespace, cluster string) v1alpha1.Member {
		return v1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: cluster}, Spec: v1alpha1.MemberSpec{Cluster: cluster}}
	}
	all := stand([]v1alpha1.Member{at(hub.Namespace("west"), "west"), at(hub.Namespace("west"), "east"), at(hub.Namespace("east"), "east")},
		map[string]time.Time{hub.Namespace("east"): now})
	if len(all) != 2 || all[0].Member.Spec.Cluster != "east" || all[0].Heartbeat != now || all[1].Member.Spec.Cluster != "west" {
		t.Errorf("got %+v", all)
	}
}

func TestLocalityIsWhatAllNodesAgreeOn(t *testing.T) {
	node := func(region, zone string) corev1.Node {
		return corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{corev1.LabelTopologyRegion: region, corev1.LabelTopologyZone: zone}}}
	}
	for _, tc := range []struct {
		nodes        []corev1.Node
		region, zone string
	}{
		{nil, "", ""},
		{[]corev1.Node{{}}, "", ""},
		{[]corev1.Node{node("eu", "eu-1")}, "eu", "eu-1"},
		{[]corev1.Node{node("eu", "eu-1"), node("eu", "eu-2")}, "eu", ""},
		{[]corev1.Node{node("eu", "eu-1"), {}}, "", ""},
	} {
		if region, zone := locality(tc.nodes); region != tc.region || zone != tc.zone {
			t.Errorf("%d nodes: got %q %q, want %q %q", len(tc.nodes), region, zone, tc.region, tc.zone)
		}
	}
}

func TestLoopback(t *testing.T) {
	for server, want := range map[string]bool{
		"https://127.0.0.1:6443": true, "https://localhost:6443": true, "https://[::1]:6443": true, "https://0.0.0.0:1": true, "127.0.0.1:6443": true,
		"https://10.0.0.1:6443": false, "https://hub.example": false, "": false, "https://127.example": false,
	} {
		if got := loopback(server); got != want {
			t.Errorf("%q: %v", server, got)
		}
	}
}

func TestAMemberIsDescribedByItsOperatorThenAsItWasThenByItsNodes(t *testing.T) {
	c := Candidate{Cluster: "west", UID: "w", Region: "node-region", Zone: "node-zone"}
	was := &v1alpha1.Member{Spec: v1alpha1.MemberSpec{
		Cluster: "west", Region: "old", Network: "lab", Namespaces: []string{"shop"}, Pending: true, Properties: map[string]string{"a": "b"},
	}}
	got := describe(JoinOptions{Zone: "said"}, c, was)
	want := v1alpha1.MemberSpec{
		Cluster: "west", ClusterUID: "w", Region: "old", Zone: "said", Network: "lab", Namespaces: []string{"shop"}, Properties: map[string]string{"a": "b"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := describe(JoinOptions{Namespaces: []string{"a"}}, c, nil); got.Region != "node-region" || len(got.Namespaces) != 1 {
		t.Errorf("got %+v", got)
	}
}

// keep writes a Member as an agent keeps it.
func keep(t *testing.T, spec v1alpha1.MemberSpec) string {
	t.Helper()
	b, err := json.Marshal(kube.Acquaintance{Member: &v1alpha1.Member{Spec: spec}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWhatTheMembersRememberMakesTheHubAgain(t *testing.T) {
	west := survivor{Candidate: Candidate{Cluster: "west", UID: "w", ClusterSet: "shop", Region: "eu", Zone: "eu-1"}, remembers: recall(map[string]string{
		"west":  keep(t, v1alpha1.MemberSpec{Cluster: "west", ClusterUID: "w", Region: "said", Drain: true, Namespaces: []string{"shop"}}),
		"east":  keep(t, v1alpha1.MemberSpec{Cluster: "east", ClusterUID: "stale"}),
		"north": keep(t, v1alpha1.MemberSpec{Cluster: "north", ClusterUID: "n", Network: "lab"}),
		"gone":  keep(t, v1alpha1.MemberSpec{Cluster: "gone", Leaving: true}),
		"junk":  "{",
		"other": keep(t, v1alpha1.MemberSpec{Cluster: "mismatch"}),
	})}
	east := survivor{Candidate: Candidate{Cluster: "east", UID: "e", ClusterSet: "shop", Region: "us", Zone: "us-1"}}
	want := []v1alpha1.MemberSpec{
		{Cluster: "east", ClusterUID: "e", Region: "us", Zone: "us-1"},
		{Cluster: "north", ClusterUID: "n", Network: "lab"},
		{Cluster: "west", ClusterUID: "w", Region: "said", Drain: true, Namespaces: []string{"shop"}},
	}
	if diff := cmp.Diff(want, remembered([]survivor{west, east})); diff != "" {
		t.Error(diff)
	}
	if set, err := commonSet([]survivor{west, east}); set != "shop" || err != nil {
		t.Errorf("got %q, %v", set, err)
	}
	_, err := commonSet([]survivor{west, {Candidate: Candidate{Cluster: "x", ClusterSet: "other"}}})
	told(t, err, "west is of the clusterset shop, and x of other", "--members")
}

func TestTheLeadingAgentIsAsked(t *testing.T) {
	pod := func(name string, ready corev1.ConditionStatus) corev1.Pod {
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
		}
	}
	a, b, c := pod("a", corev1.ConditionTrue), pod("b", corev1.ConditionTrue), pod("c", corev1.ConditionFalse)
	for _, tc := range []struct {
		holder string
		want   string
	}{{"a", "a"}, {"a_1234", "a"}, {"b", "b"}, {"c", "b"}, {"", "b"}} {
		if got := speaker([]corev1.Pod{a, b, c}, &tc.holder); got != tc.want {
			t.Errorf("held by %q: asked %q, want %q", tc.holder, got, tc.want)
		}
	}
	if got := speaker([]corev1.Pod{c}, nil); got != "" {
		t.Errorf("asked %q, which is not ready", got)
	}
}
