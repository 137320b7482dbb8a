package e2e

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/test/lab"
)

// mock is a member that exists on the hub only, for one story.
type mock struct {
	*lab.Mock
	story *story
}

// mocks lets a member join on the hub, which leaves when the story ends. It may export from these namespaces; none: from all.
func (s *story) mocks(name string, namespaces ...string) *mock {
	s.Helper()
	m := &mock{&lab.Mock{Cluster: name + "-" + s.namespace, Hub: s.west.Cluster, Spec: v1alpha1.MemberSpec{Namespaces: namespaces}}, s}
	if err := m.Join(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := m.Leave(context.Background()); err != nil {
			s.Errorf("mock member %s leaves: %v", m.Cluster, err)
		}
	})
	return m
}

// tells writes records and a marker that counts them.
func (m *mock) tells(records ...client.Object) {
	m.story.Helper()
	if err := m.Write(m.story.Context(), records...); err != nil {
		m.story.Fatal(err)
	}
	m.marks()
}

// marks writes the marker.
func (m *mock) marks(changes ...func(*v1alpha1.Marker)) {
	m.story.Helper()
	err := m.Mark(m.story.Context(), func(marker *v1alpha1.Marker) {
		for _, change := range changes {
			change(marker)
		}
	})
	if err != nil {
		m.story.Fatal(err)
	}
}
