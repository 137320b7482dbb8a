package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// TestAMemberThatLeavesIsForgottenAndMayComeBack: tombstone, then records, then namespace; in the cluster itself nothing is left.
func TestAMemberThatLeavesIsForgottenAndMayComeBack(t *testing.T) {
	s := tell(t)
	for _, p := range []*place{s.west, s.north} {
		p.offers("cart", 1)
		p.exports("cart")
	}
	for _, p := range s.everywhere() {
		p.sees("cart", "ClusterSetIP http:80/TCP from north 1/1, west 1/1")
	}
	credential, err := s.west.As(t.Context(), hub.Namespace("north"), "member")
	if err != nil {
		t.Fatal(err)
	}

	s.fairlead("leave", "north", "--hub-context", "west", "--context", "north")
	s.Cleanup(func() { s.joinsAgain("north") })
	for _, p := range []*place{s.west, s.east} {
		p.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
	}
	s.north.sees("cart", nothing)
	s.eventually("its credential is refused", func(ctx context.Context) error {
		if err := credential.List(ctx, &v1alpha1.ServiceRecordList{}); err == nil {
			return fmt.Errorf("it still opens the hub")
		}
		return nil
	})

	s.joinsAgain("north")
	for _, p := range s.everywhere() {
		p.sees("cart", "ClusterSetIP http:80/TCP from north 1/1, west 1/1")
	}
}

// joinsAgain lets a cluster join, which has left.
func (s *story) joinsAgain(name string) {
	s.Helper()
	if _, err := s.triesIn(context.Background(), "join", name, "--hub-context", "west", "--context", name, "--again"); err != nil {
		s.Fatal(err)
	}
	if _, err := s.triesIn(context.Background(), "dns", "enable", "--context", name); err != nil {
		s.Fatal(err)
	}
}

func TestASecondClusterCannotTakeAName(t *testing.T) {
	s := stage(t)
	for why, args := range map[string][]string{
		"the name is taken by another cluster":       {"join", "east", "--hub-context", "west", "--context", "north"},
		"the cluster is a member under another name": {"join", "south", "--hub-context", "west", "--context", "north"},
		"the name is no label":                       {"join", "North_1", "--hub-context", "west", "--context", "north"},
	} {
		_, err := s.tries(args...)
		if err == nil {
			t.Errorf("it was let in although %s", why)
			continue
		}
		t.Logf("%s: %s", why, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	s.eventually("north is what it was", func(ctx context.Context) error {
		var list v1alpha1.MemberList
		if err := s.west.List(ctx, &list); err != nil {
			return err
		}
		if len(list.Items) < 3 {
			return fmt.Errorf("%d members", len(list.Items))
		}
		return nil
	})
}

// TestTheMarkerCountsWhatAMemberExports so that others can tell empty from not seen.
func TestTheMarkerCountsWhatAMemberExports(t *testing.T) {
	s := tell(t)
	before := s.marker("north")
	s.north.offers("cart", 1)
	s.north.exports("cart")
	s.east.sees("cart", "ClusterSetIP http:80/TCP from north 1/1")
	s.eventually("the marker counts one export and one slice more", func(ctx context.Context) error {
		now := s.marker("north")
		if now.Exports != before.Exports+1 || now.Slices != before.Slices+1 || now.Sequence <= before.Sequence || now.Term < before.Term {
			return fmt.Errorf("it was %+v and is %+v", before, now)
		}
		return nil
	})
	s.north.unexports("cart")
	s.east.sees("cart", nothing)
	s.eventually("the marker no longer counts it", func(context.Context) error {
		if now := s.marker("north"); now.Exports != before.Exports || now.Slices != before.Slices {
			return fmt.Errorf("it is %+v", now)
		}
		return nil
	})
}

func (s *story) marker(cluster string) v1alpha1.Marker {
	s.Helper()
	m := &v1alpha1.Member{}
	if err := s.west.Get(s.Context(), client.ObjectKey{Namespace: hub.Namespace(cluster), Name: cluster}, m); err != nil {
		s.Fatal(err)
	}
	return m.Status.Marker
}

// TestAnIdleFleetWritesNothingButLeases watches the hub while nothing happens.
func TestAnIdleFleetWritesNothingButLeases(t *testing.T) {
	s := stage(t)
	version := func() string {
		var text strings.Builder
		for _, list := range []client.ObjectList{&v1alpha1.MemberList{}, &v1alpha1.ServiceRecordList{}, &v1alpha1.EndpointRecordList{}} {
			if err := s.west.List(t.Context(), list); err != nil {
				t.Fatal(err)
			}
			if err := eachItem(list, func(obj client.Object) { fmt.Fprintln(&text, obj.GetName(), obj.GetResourceVersion()) }); err != nil {
				t.Fatal(err)
			}
		}
		return text.String()
	}
	renewed := func() int64 {
		lease := &coordinationv1.Lease{}
		if err := s.west.Get(t.Context(), client.ObjectKey{Namespace: hub.Namespace("north"), Name: "member"}, lease); err != nil {
			t.Fatal(err)
		}
		return lease.Spec.RenewTime.UnixMicro()
	}
	s.eventually("what earlier stories left is tidied up", func(context.Context) error {
		before := version()
		time.Sleep(5 * time.Second)
		if version() != before {
			return fmt.Errorf("something is still being written")
		}
		return nil
	})
	before, lease := version(), renewed()
	time.Sleep(35 * time.Second)
	if after := version(); after != before {
		t.Errorf("something was written: before\n%safter\n%s", before, after)
	}
	if renewed() == lease {
		t.Error("north's Lease was not renewed within 35 s")
	}
}

// TestOnlyTheLeaderSpeaks: the other agent takes over with a higher term when the leader goes, and nothing is lost.
func TestAnotherAgentTakesOverWithAHigherTerm(t *testing.T) {
	s := tell(t)
	s.north.offers("cart", 1)
	s.north.exports("cart")
	s.east.sees("cart", "ClusterSetIP http:80/TCP from north 1/1")
	before := s.marker("north")
	s.north.agents(2)
	lease := &coordinationv1.Lease{}
	if err := s.north.Get(t.Context(), client.ObjectKey{Namespace: "fairlead-system", Name: "fairlead-agent"}, lease); err != nil {
		t.Fatal(err)
	}
	leader, _, _ := strings.Cut(*lease.Spec.HolderIdentity, "_")
	east := s.east.Watches(t.Context(), s.namespace)
	defer east.Stop()
	began := time.Now()
	s.north.kills(leader)
	s.eventually("a higher term writes", func(context.Context) error {
		if now := s.marker("north"); now.Term <= before.Term {
			return fmt.Errorf("term %d", now.Term)
		}
		return nil
	})
	t.Logf("%s was killed; term %d writes after %s", leader, s.marker("north").Term, time.Since(began).Round(100*time.Millisecond))
	s.keeps("the leader was killed", east, began)
	s.north.offers("stock", 1)
	s.north.exports("stock")
	s.north.says("stock", mcsv1beta1.ServiceExportConditionValid, "True Valid")
	s.east.sees("stock", "ClusterSetIP http:80/TCP from north 1/1")
}
