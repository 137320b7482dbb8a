package xds

import (
	"iter"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// Set is the resources of one picture, by type and name. It never changes and may be read from any goroutine.
type Set struct {
	trees map[string]*iradix.Tree[*Resource]
}

// Changed names a resource that is new, different or gone.
type Changed struct {
	TypeURL, Name string
}

func newSet() *Set {
	s := &Set{trees: make(map[string]*iradix.Tree[*Resource], len(Types))}
	for _, t := range Types {
		s.trees[t] = iradix.New[*Resource]()
	}
	return s
}

// Get returns a resource, nil if there is none.
func (s *Set) Get(typeURL, name string) *Resource {
	tree := s.trees[typeURL]
	if tree == nil {
		return nil
	}
	r, _ := tree.Get([]byte(name))
	return r
}

// All returns the resources of a type, by name.
func (s *Set) All(typeURL string) iter.Seq[*Resource] { return s.Under(typeURL, "") }

// Under returns those whose names begin with a prefix.
func (s *Set) Under(typeURL, prefix string) iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		tree := s.trees[typeURL]
		if tree == nil {
			return
		}
		tree.Root().WalkPrefix([]byte(prefix), func(_ []byte, r *Resource) bool { return !yield(r) })
	}
}

// Len counts the resources of a type.
func (s *Set) Len(typeURL string) int {
	if tree := s.trees[typeURL]; tree != nil {
		return tree.Len()
	}
	return 0
}

// edit is a Set in the making.
type edit struct {
	from *Set
	txns map[string]*iradix.Txn[*Resource]
	// touched lists what was put or removed, once each; a resource may come back to what it was.
	touched []Changed
	seen    map[Changed]bool
}

func (s *Set) edit() *edit {
	return &edit{from: s, txns: map[string]*iradix.Txn[*Resource]{}, seen: map[Changed]bool{}}
}

func (e *edit) txn(typeURL string) *iradix.Txn[*Resource] {
	t := e.txns[typeURL]
	if t == nil {
		t = e.from.trees[typeURL].Txn()
		e.txns[typeURL] = t
	}
	return t
}

func (e *edit) touch(c Changed) {
	if !e.seen[c] {
		e.seen[c] = true
		e.touched = append(e.touched, c)
	}
}

// put adds or replaces a resource; equal content changes nothing.
func (e *edit) put(typeURL string, r *Resource) {
	t := e.txn(typeURL)
	if old, ok := t.Get([]byte(r.Name)); ok && old.Version == r.Version {
		return
	}
	t.Insert([]byte(r.Name), r)
	e.touch(Changed{typeURL, r.Name})
}

func (e *edit) remove(typeURL, name string) {
	if _, was := e.txn(typeURL).Delete([]byte(name)); was {
		e.touch(Changed{typeURL, name})
	}
}

// done returns the new Set and what differs from the old one.
func (e *edit) done() (*Set, []Changed) {
	if len(e.touched) == 0 {
		return e.from, nil
	}
	s := &Set{trees: make(map[string]*iradix.Tree[*Resource], len(e.from.trees))}
	for typeURL, tree := range e.from.trees {
		s.trees[typeURL] = tree
	}
	for typeURL, t := range e.txns {
		s.trees[typeURL] = t.Commit()
	}
	var changed []Changed
	for _, c := range e.touched {
		if version(e.from.Get(c.TypeURL, c.Name)) != version(s.Get(c.TypeURL, c.Name)) {
			changed = append(changed, c)
		}
	}
	if len(changed) == 0 {
		return e.from, nil
	}
	return s, changed
}

// version is empty for a resource that is not there.
func version(r *Resource) string {
	if r == nil {
		return ""
	}
	return r.Version
}
