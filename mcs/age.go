package mcs

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// AnnotationJoined on a Member is when its cluster joined the clusterset, in RFC 3339, where the Member object itself is younger: it was
// made again with a lost hub.
const AnnotationJoined = "fairlead.dev/joined"

// epoch is when Kubernetes was first published; nothing was exported before.
var epoch = time.Date(2014, time.June, 6, 0, 0, 0, 0, time.UTC)

// Joined returns when a cluster became a member, zero if that is not known: as its annotation says, or else when the hub made its Member
// object. Both are written by the fleet's operator or the hub, never by the member.
func Joined(m *v1alpha1.Member) time.Time {
	if t, err := time.Parse(time.RFC3339, m.Annotations[AnnotationJoined]); err == nil && !t.IsZero() {
		return t.UTC()
	}
	return m.CreationTimestamp.UTC()
}

// Since returns a record as it counts in a clusterset that its cluster joined at some time; zero: not known, and the record as it is.
//
// No export is older than the membership of its cluster: before, it was no export to this clusterset (M1). That, and not what the exporter
// says, is what keeps a cluster that joins from taking over the services of those that were there before, be it by mistake, with an old
// ServiceExport, or on purpose, with a made-up time. Among the exports of members, the oldest ServiceExport wins as KEP-1645 has it.
func Since(r *v1alpha1.ServiceRecord, joined time.Time) *v1alpha1.ServiceRecord {
	if joined.IsZero() || !r.Spec.ExportedAt.Time.Before(joined) {
		return r
	}
	out := *r
	out.Spec.ExportedAt = wholeSeconds(metav1.Time{Time: joined})
	return &out
}
