package agent

import (
	"sync"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/picture"
)

// self is what the cluster knows of itself: the Member object on the hub, or its own description until there is one, and the operator's
// word where that has not reached the hub.
type self struct {
	tell func([]picture.Change)

	mu     sync.Mutex
	member *v1alpha1.Member
	word   *bool // drain or not; nil: as the Member says
}

// newSelf tells the own description, if there is one.
func newSelf(described *v1alpha1.Member, tell func([]picture.Change)) *self {
	s := &self{tell: tell, member: described}
	if described != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told()
	}
	return s
}

// seen takes the Member object that the hub has.
func (s *self) seen(m *v1alpha1.Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.member = m
	if s.word != nil && *s.word == m.Spec.Drain {
		s.word = nil
	}
	s.told()
}

// drain takes the operator's word.
func (s *self) drain(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.word = nil
	if s.member == nil || s.member.Spec.Drain != on {
		s.word = &on
	}
	s.told()
}

// draining says what counts.
func (s *self) draining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.effective()
}

func (s *self) effective() bool {
	if s.word != nil {
		return *s.word
	}
	return s.member != nil && s.member.Spec.Drain
}

// told gives the centre the Member as it counts. The caller holds the lock, so that words are told in their order.
func (s *self) told() {
	if s.member == nil {
		return
	}
	m := s.member.DeepCopy()
	m.Spec.Drain = s.effective()
	s.tell([]picture.Change{{Key: picture.KeyOf(m), Fact: m}})
}
