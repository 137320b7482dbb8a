package kube

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// tellConditions tells of a ServiceExport what its owner should know: that it is refused, that it begins to conflict with others, and that
// it does not any more.
func (r *Reporter) tellConditions(ref fleet.Ref, before, after client.Object) {
	was, ok := before.(*mcsv1beta1.ServiceExport)
	if !ok || r.Event == nil {
		return
	}
	is := after.(*mcsv1beta1.ServiceExport)
	about := corev1.ObjectReference{
		APIVersion: mcsv1beta1.GroupVersion.String(), Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name.Name, UID: is.UID,
	}
	for _, e := range exportEvents(was.Status.Conditions, is.Status.Conditions) {
		e.About = &about
		r.Event(e)
	}
}

// exportEvents are what a change of conditions is worth telling.
func exportEvents(was, is []metav1.Condition) (events []Event) {
	for _, c := range is {
		i := slices.IndexFunc(was, func(w metav1.Condition) bool { return w.Type == c.Type })
		before := metav1.ConditionUnknown
		if i >= 0 {
			before = was[i].Status
		}
		switch {
		case before == c.Status:
		case c.Type == string(mcsv1beta1.ServiceExportConditionValid) && c.Status == metav1.ConditionFalse,
			c.Type == string(mcsv1beta1.ServiceExportConditionConflict) && c.Status == metav1.ConditionTrue:
			events = append(events, Event{Type: corev1.EventTypeWarning, Reason: c.Reason, Message: c.Message})
		case c.Type == string(mcsv1beta1.ServiceExportConditionConflict) && before == metav1.ConditionTrue,
			c.Type == string(mcsv1beta1.ServiceExportConditionReady) && c.Status == metav1.ConditionTrue:
			events = append(events, Event{Type: corev1.EventTypeNormal, Reason: c.Reason, Message: c.Message})
		}
	}
	for i := range events { // a reason may be several, joined by commas
		if len(events[i].Reason) > 128 {
			events[i].Reason = "Conflict"
		}
	}
	return events
}

// tellMember tells of a cluster what changed, once, and not on each of the services that it exports.
func (r *Reporter) tellMember(was, is *picture.Member) {
	if r.Event == nil {
		return
	}
	for _, e := range memberEvents(was, is) {
		r.Event(e)
	}
}

func memberEvents(was, is *picture.Member) (events []Event) {
	switch {
	case is == nil && was == nil:
	case is == nil:
		events = append(events, Event{Type: corev1.EventTypeNormal, Reason: "ClusterLeft", Message: "cluster " + was.Name + " has left the clusterset"})
	case was == nil:
		events = append(events, Event{Type: corev1.EventTypeNormal, Reason: "ClusterJoined", Message: "cluster " + is.Name + " is a member of the clusterset"})
	case was.Verdict != is.Verdict:
		e := Event{Type: corev1.EventTypeNormal, Reason: "Cluster" + verdictWord(is.Verdict), Message: "cluster " + is.Name + " is " + is.Verdict.String()}
		if is.Reason != "" {
			e.Message += ": " + is.Reason
		}
		if is.Verdict == fleet.Lost {
			e.Type = corev1.EventTypeWarning
			e.Message += "; its endpoints are not used from here until it answers"
		}
		events = append(events, e)
	}
	held := func(m *picture.Member) int {
		if m == nil {
			return 0
		}
		return m.Held
	}
	switch before, now := held(was), held(is); {
	case before == 0 && now > 0:
		events = append(events, Event{
			Type: corev1.EventTypeWarning, Reason: "RecordsHeld",
			Message: fmt.Sprintf("%d records of cluster %s are missing and stay in use: %s", now, is.Name, is.Reason),
		})
	case before > 0 && now == 0 && is != nil:
		events = append(events, Event{
			Type: corev1.EventTypeNormal, Reason: "RecordsReleased", Message: "no records of cluster " + is.Name + " are held any more",
		})
	}
	return events
}

// verdictWord is a verdict as part of a reason, which is in CamelCase.
func verdictWord(v fleet.Verdict) string {
	return map[fleet.Verdict]string{
		fleet.Serving: "Serving", fleet.Suspect: "Suspect", fleet.DrainingCluster: "Draining", fleet.Lost: "Lost", fleet.Gone: "Gone",
	}[v]
}
