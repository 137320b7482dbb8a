package mcs_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/mcs"
)

func TestNoExportIsOlderThanTheMembershipOfItsCluster(t *testing.T) {
	for name, row := range map[string]struct {
		exported, joined metav1.Time
		want             metav1.Time
	}{
		"after joining":                  {at(9), at(5), at(9)},
		"before joining":                 {at(1), at(5), at(5)},
		"without a time":                 {metav1.Time{}, at(5), at(5)},
		"of a member of unknown age":     {at(1), metav1.Time{}, at(1)},
		"without a time, of unknown age": {metav1.Time{}, metav1.Time{}, metav1.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := record("west", 0, func(s *v1alpha1.ServiceRecordSpec) { s.ExportedAt = row.exported })
			if got := mcs.Since(r, row.joined.Time).Spec.ExportedAt; !got.Equal(&row.want) {
				t.Errorf("counts from %s, want %s", got, row.want)
			}
			if !r.Spec.ExportedAt.Equal(&row.exported) {
				t.Error("the record has changed")
			}
		})
	}
}

// A cluster that joins later, with whatever time, does not take over what was there before it.
func TestABackdatedExportDoesNotWin(t *testing.T) {
	west := mcs.Since(record("west", 50), at(10).Time)
	east := mcs.Since(record("east", -1_000_000, withPorts("http:81/TCP")), at(60).Time)
	m := mcs.Merge(cart, []*v1alpha1.ServiceRecord{west, east})
	if m.Exporters[0].Cluster != "west" || m.Ports[0].Port.Port != 80 {
		t.Errorf("got\n%s", print(m))
	}
}

func TestJoined(t *testing.T) {
	m := &v1alpha1.Member{}
	if !mcs.Joined(m).IsZero() {
		t.Error("a Member of no age has joined at some time")
	}
	m.CreationTimestamp = at(5)
	if got := mcs.Joined(m); !got.Equal(at(5).Time) {
		t.Errorf("joined %s", got)
	}
	m.Annotations = map[string]string{mcs.AnnotationJoined: at(1).Format(time.RFC3339)}
	if got := mcs.Joined(m); !got.Equal(at(1).Time) {
		t.Errorf("joined %s although the annotation of a rebuilt hub says %s", got, at(1))
	}
	m.Annotations[mcs.AnnotationJoined] = "long ago"
	if got := mcs.Joined(m); !got.Equal(at(5).Time) {
		t.Errorf("joined %s", got)
	}
}
