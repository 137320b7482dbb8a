package kube

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
)

func exportStatus(conditions ...fleet.Condition) *picture.Status {
	return &picture.Status{
		Object: fleet.Ref{Kind: kindExport, Name: cart}, Generation: 3, Conditions: conditions,
	}
}

func TestTheStatusOfAnExport(t *testing.T) {
	long, now := metav1.Unix(1, 0), metav1.Unix(2, 0)
	ex := &mcsv1beta1.ServiceExport{Status: mcsv1beta1.ServiceExportStatus{Conditions: []metav1.Condition{
		{Type: "Valid", Status: metav1.ConditionTrue, Reason: "Valid", ObservedGeneration: 2, LastTransitionTime: long},
		{Type: "Conflict", Status: metav1.ConditionTrue, Reason: "PortConflict", LastTransitionTime: long},
		{Type: "example.com/Seen", Status: metav1.ConditionTrue, Reason: "Seen", LastTransitionTime: long},
	}}}
	st := exportStatus(fleet.Condition{Type: "Valid", Status: fleet.True, Reason: "Valid"}, fleet.Condition{Type: "Ready", Status: fleet.False, Reason: "Pending"})
	apply(ex, st, now)
	var got []string
	for _, c := range ex.Status.Conditions {
		got = append(got, c.Type+" "+string(c.Status)+" "+c.LastTransitionTime.UTC().Format("05"))
	}
	if want := []string{"Valid True 01", "Ready False 02", "example.com/Seen True 01"}; !slices.Equal(got, want) {
		t.Errorf("conditions are %q, want %q", got, want)
	}
	if ex.Status.Conditions[0].ObservedGeneration != 3 {
		t.Error("the generation that was observed is not told")
	}
	blank := &mcsv1beta1.ServiceExport{}
	apply(blank, st, metav1.Time{})
	if reported(blank) != reported(ex) {
		t.Error("a status that says what it should looks as if it did not")
	}
}

func TestTheStatusOfARouteLeavesOthersTheirPart(t *testing.T) {
	r := &gatewayv1.HTTPRoute{}
	r.Status.Parents = []gatewayv1.RouteParentStatus{
		{ControllerName: "example.com/other", ParentRef: gatewayv1.ParentReference{Name: "theirs"}},
		{ControllerName: route.ControllerName, ParentRef: gatewayv1.ParentReference{Name: "old"}},
	}
	st := &picture.Status{Parents: []route.ParentStatus{{Parent: gatewayv1.ParentReference{Name: "ours"}}}}
	apply(r, st, metav1.Now())
	var names []string
	for _, p := range r.Status.Parents {
		names = append(names, string(p.ParentRef.Name))
	}
	if !slices.Equal(names, []string{"theirs", "ours"}) {
		t.Errorf("parents are %q", names)
	}
}

func TestWhatAnExportsOwnerIsTold(t *testing.T) {
	is := func(kind string, status metav1.ConditionStatus, reason string) []metav1.Condition {
		return []metav1.Condition{{Type: kind, Status: status, Reason: reason, Message: "why"}}
	}
	for _, c := range []struct {
		name    string
		was, is []metav1.Condition
		told    string
	}{
		{"begins to conflict", is("Conflict", "False", "NoConflicts"), is("Conflict", "True", "PortConflict"), "Warning PortConflict"},
		{"conflicts from the start", nil, is("Conflict", "True", "PortConflict"), "Warning PortConflict"},
		{"goes on to conflict", is("Conflict", "True", "PortConflict"), is("Conflict", "True", "TypeConflict"), ""},
		{"does not conflict any more", is("Conflict", "True", "PortConflict"), is("Conflict", "False", "NoConflicts"), "Normal NoConflicts"},
		{"never conflicted", nil, is("Conflict", "False", "NoConflicts"), ""},
		{"is invalid", nil, is("Valid", "False", "NoService"), "Warning NoService"},
		{"is exported", is("Ready", "False", "Pending"), is("Ready", "True", "Exported"), "Normal Exported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			told := ""
			for _, e := range exportEvents(c.was, c.is) {
				told += e.Type + " " + e.Reason
			}
			if told != c.told {
				t.Errorf("told %q, want %q", told, c.told)
			}
		})
	}
}

func TestAClusterIsToldOfOnce(t *testing.T) {
	m := func(v fleet.Verdict, held int) *picture.Member {
		return &picture.Member{Cluster: fleet.Cluster{Name: "west"}, Verdict: v, Reason: "no beacon answers", Held: held}
	}
	for _, c := range []struct {
		name    string
		was, is *picture.Member
		told    []string
	}{
		{"nothing new", m(fleet.Serving, 0), m(fleet.Serving, 0), nil},
		{"lost", m(fleet.Suspect, 0), m(fleet.Lost, 0), []string{"ClusterLost"}},
		{"back", m(fleet.Lost, 0), m(fleet.Serving, 0), []string{"ClusterServing"}},
		{"joined", nil, m(fleet.Serving, 0), []string{"ClusterJoined"}},
		{"left", m(fleet.Serving, 3), nil, []string{"ClusterLeft"}},
		{"held", m(fleet.Serving, 0), m(fleet.Serving, 3), []string{"RecordsHeld"}},
		{"released", m(fleet.Serving, 3), m(fleet.Serving, 0), []string{"RecordsReleased"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var told []string
			for _, e := range memberEvents(c.was, c.is) {
				told = append(told, e.Reason)
			}
			if !slices.Equal(told, c.told) {
				t.Errorf("told %q, want %q", told, c.told)
			}
		})
	}
}
