package hub

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"sync"
)

// Memory is a hub within one process. It is safe for concurrent use.
type Memory struct {
	mu       sync.Mutex
	objects  map[id]stored
	version  uint64 // of the newest change
	down     bool
	watchers map[*watcher]struct{}
}

// stored is one object as it stands on the hub.
type stored struct {
	version uint64
	json    []byte
}

// NewMemory returns an empty hub that is up.
func NewMemory() *Memory {
	return &Memory{objects: map[id]stored{}, watchers: map[*watcher]struct{}{}}
}

// Down takes the hub away: every call returns ErrDown and every watch ends with it. What is stored stays.
func (m *Memory) Down() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = true
	for w := range m.watchers {
		m.end(w, ErrDown)
	}
}

// Up brings the hub back.
func (m *Memory) Up() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = false
}

// IsUp says whether the hub answers.
func (m *Memory) IsUp() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.down
}

// get returns a copy of the object.
func (m *Memory) get(i id) (Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, ErrDown
	}
	s, ok := m.objects[i]
	if !ok {
		return nil, fmt.Errorf("%s: %w", i, ErrNotFound)
	}
	return decode(s.json), nil
}

// put stores the object if its resource version is still that of the stored one, where the empty version means that there is none. It
// stores nothing, and tells nobody, where the object is the same already.
func (m *Memory) put(obj Object) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := idOf(obj)
	if m.down {
		return ErrDown
	}
	old, exists := m.objects[i]
	if obj.GetResourceVersion() != versionText(old, exists) {
		return fmt.Errorf("%s: %w", i, ErrConflict)
	}
	if exists && Same(obj, decode(old.json)) {
		return nil
	}
	m.version++
	obj.SetResourceVersion(strconv.FormatUint(m.version, 10))
	m.objects[i] = stored{m.version, encode(obj)}
	m.tell(Put, m.objects[i].json)
	return nil
}

// remove deletes the object if its resource version is still this one.
func (m *Memory) remove(i id, version string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return ErrDown
	}
	old, exists := m.objects[i]
	if !exists {
		return fmt.Errorf("%s: %w", i, ErrNotFound)
	}
	if version != versionText(old, exists) {
		return fmt.Errorf("%s: %w", i, ErrConflict)
	}
	m.version++
	delete(m.objects, i)
	m.tell(Deleted, old.json)
	return nil
}

// list returns all objects in the order of namespace, kind and name. The caller holds the lock.
func (m *Memory) list() [][]byte {
	ids := make([]id, 0, len(m.objects))
	for i := range m.objects {
		ids = append(ids, i)
	}
	slices.SortFunc(ids, func(a, b id) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
	all := make([][]byte, len(ids))
	for n, i := range ids {
		all[n] = m.objects[i].json
	}
	return all
}

func versionText(s stored, exists bool) string {
	if !exists {
		return ""
	}
	return strconv.FormatUint(s.version, 10)
}
