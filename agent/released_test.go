package agent

import (
	"testing"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/picture"
)

// The operator's word on a withdrawal comes with the Member, as an annotation: what stood there when the agent began is no news.
func TestOnlyANewWordOnTheMemberReleases(t *testing.T) {
	var released bool
	o := newObserver(3, func(changes []picture.Change) { released = changes[len(changes)-1].Fact.(*picture.Observed).Released })
	at := time.Now()
	for _, step := range []struct {
		what     string
		sequence int64
		word     string
		want     bool
	}{
		{"an old word at the start", 1, "12:00", false},
		{"the same word with the next marker", 2, "12:00", false},
		{"a new word", 2, "12:05", true},
		{"the same word again, of the same marker", 2, "12:05", true},
		{"the same word, of another marker", 3, "12:05", false},
		{"a new word with a new marker", 4, "12:06", true},
		{"no word", 5, "", false},
	} {
		m := &v1alpha1.Member{Spec: v1alpha1.MemberSpec{Cluster: "west"}, Status: v1alpha1.MemberStatus{Marker: v1alpha1.Marker{Sequence: step.sequence}}}
		m.Annotations = map[string]string{v1alpha1.AnnotationReleased: step.word}
		o.marker(m, at)
		if released != step.want {
			t.Errorf("%s: released is %v, want %v", step.what, released, step.want)
		}
	}
}
