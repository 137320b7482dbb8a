package kube

import (
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
)

func TestAVerdictOfLostIsBelievedWhereTheSlicesBearItOut(t *testing.T) {
	lost := Acquaintance{State: health.State{Verdict: fleet.Lost}}
	from := func(cluster string, serving, ready, terminating bool) discoveryv1.EndpointSlice {
		return discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{mcsv1beta1.LabelSourceCluster: cluster}},
			Endpoints: []discoveryv1.Endpoint{{Conditions: discoveryv1.EndpointConditions{
				Serving: &serving, Ready: &ready, Terminating: &terminating,
			}}},
		}
	}
	m := Memory{Members: map[string]Acquaintance{"found": lost, "withdrawn": lost, "ending": lost, "unready": lost, "empty": lost}}
	m.believe([]discoveryv1.EndpointSlice{
		from("found", true, true, false), from("withdrawn", true, true, false), from("withdrawn", true, false, false),
		from("ending", true, false, true), from("unready", false, false, false),
	})
	for cluster, want := range map[string]fleet.Verdict{
		"found": fleet.Serving, "withdrawn": fleet.Lost, "ending": fleet.Serving, "unready": fleet.Serving, "empty": fleet.Serving,
	} {
		if got := m.Members[cluster].State.Verdict; got != want {
			t.Errorf("%s is %s, want %s", cluster, got, want)
		}
	}
}
