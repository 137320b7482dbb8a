package registry

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventory "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/membership"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// standing is a member that lives.
func standing(cluster string) membership.Standing {
	return membership.Standing{
		Member: &v1alpha1.Member{
			Spec: v1alpha1.MemberSpec{
				Cluster: cluster, Region: "eu", Properties: map[string]string{"team": "shop", "empty": "", "long": strings.Repeat("x", 1025)},
			},
			Status: v1alpha1.MemberStatus{Kubernetes: "v1.36.3", Marker: v1alpha1.Marker{Term: 1, Sequence: 3}},
		},
		Heartbeat: now.Add(-10 * time.Second),
	}
}

func said(p *inventory.ClusterProfile) map[string]string {
	all := map[string]string{}
	for _, x := range p.Status.Properties {
		all[x.Name] = x.Value
	}
	return all
}

func TestAProfileTellsWhatIsKnownOfAMember(t *testing.T) {
	p := Profile(nil, standing("west.eu"), "shop", now)
	if p.Name != "west.eu" || p.Labels["x-k8s.io/cluster-manager"] != "fairlead" || p.Spec.ClusterManager.Name != "fairlead" || p.Status.Version.Kubernetes != "v1.36.3" {
		t.Errorf("got %+v", p)
	}
	want := map[string]string{
		"cluster.clusterset.k8s.io": "west.eu", "clusterset.k8s.io": "shop", "topology.kubernetes.io/region": "eu",
		"fairlead.dev/network": "default", "team": "shop",
	}
	if diff := cmp.Diff(want, said(p)); diff != "" {
		t.Error(diff)
	}
}

func TestAProfileOfAnIdleMemberIsNotWrittenAgain(t *testing.T) {
	s := standing("west")
	first := Profile(nil, s, "shop", now)
	s.Heartbeat = now.Add(time.Minute)
	if actions, _ := plan([]inventory.ClusterProfile{*first}, []membership.Standing{s}, "shop", now.Add(time.Minute)); len(actions) != 0 {
		t.Errorf("%d writes although nothing happened", len(actions))
	}
	s.Member.Spec.Region = "us"
	moved := Profile(first, s, "shop", now.Add(time.Hour))
	for i, x := range moved.Status.Properties {
		changed := x.Name == v1alpha1.PropertyRegion
		if x.LastObservedTime.Equal(&first.Status.Properties[i].LastObservedTime) == changed {
			t.Errorf("%s was seen at %v, and before at %v", x.Name, x.LastObservedTime, first.Status.Properties[i].LastObservedTime)
		}
	}
}

func TestTheHeartbeatTellsOfTheControlPlane(t *testing.T) {
	silent, joining := standing("west"), standing("west")
	silent.Heartbeat = now.Add(-time.Hour)
	joining.Heartbeat, joining.Member.Status.Marker = time.Time{}, v1alpha1.Marker{}
	for reason, s := range map[string]membership.Standing{"HeartbeatSeen": standing("west"), "HeartbeatMissing": silent, "NotSeenYet": joining} {
		c := Profile(nil, s, "shop", now).Status.Conditions[0]
		if c.Type != "ControlPlaneHealthy" || c.Reason != reason || (c.Status == metav1.ConditionTrue) != (reason == "HeartbeatSeen") || c.Status == metav1.ConditionFalse {
			t.Errorf("got %+v, want %s", c, reason)
		}
	}
}

func TestPlan(t *testing.T) {
	foreign := inventory.ClusterProfile{
		ObjectMeta: metav1.ObjectMeta{Name: "east", Labels: map[string]string{"x-k8s.io/cluster-manager": "ocm"}},
		Spec:       inventory.ClusterProfileSpec{ClusterManager: inventory.ClusterManager{Name: "ocm"}},
	}
	stray, pretender := *Profile(nil, standing("gone"), "shop", now), *Profile(nil, standing("pretender"), "shop", now)
	pretender.Spec.ClusterManager.Name = "ocm"
	relabelled := *Profile(nil, standing("south"), "shop", now)
	relabelled.Spec.DisplayName = "edited"
	waiting, going := standing("waiting"), standing("going")
	waiting.Member.Spec.Pending, going.Member.Spec.Leaving = true, true
	there := []inventory.ClusterProfile{foreign, stray, pretender, relabelled, *Profile(nil, going, "shop", now)}

	actions, taken := plan(there, []membership.Standing{standing("east"), standing("west"), standing("south"), waiting, going}, "shop", now)
	var got []string
	for _, a := range actions {
		switch {
		case a.create != nil:
			got = append(got, "create "+a.create.Name)
		case a.update != nil:
			got = append(got, "update "+a.update.Name)
		case a.status != nil:
			got = append(got, "status "+a.status.Name)
		case a.remove != nil:
			got = append(got, "remove "+a.remove.Name)
		}
	}
	if diff := cmp.Diff([]string{"create west", "update south", "remove going", "remove gone"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"east"}, taken); diff != "" {
		t.Error(diff)
	}
}
