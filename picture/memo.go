package picture

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// memo remembers which node read which keys, so that a change recomputes the nodes that read it and no others.
//
// Facts and computed values live in one persistent tree under one name space, kind/path. A node is a key too: computing it reads
// facts and the values of earlier stages, and writes values. Reading a whole prefix is a dependency on everything beneath it. Stages
// are ordered, so one pass over the dirty nodes, stage by stage, settles everything.
type memo struct {
	tree    *iradix.Tree[any]
	txn     *iradix.Txn[any]
	readers map[string]readers // of a key, or of a prefix ending in "/", or of "#"+prefix for a count
	reads   map[Key][]string
	writes  map[Key][]string // node -> keys that it wrote
	counts  map[string]int   // "kind/path/" -> number of values directly beneath, for countedKinds
	wakes   map[Key]time.Time
	dirty   [stages]map[Key]struct{}
	changed map[string]struct{}
}

// value is something that a node computed.
type value struct {
	Key
	value any
}

func newMemo() *memo {
	m := &memo{
		tree: iradix.New[any](), readers: map[string]readers{}, reads: map[Key][]string{},
		writes: map[Key][]string{}, counts: map[string]int{}, wakes: map[Key]time.Time{},
	}
	for i := range m.dirty {
		m.dirty[i] = map[Key]struct{}{}
	}
	return m
}

// begin and commit bracket one step. commit returns the keys that have another value now, sorted.
func (m *memo) begin() {
	m.txn = m.tree.Txn()
	m.changed = map[string]struct{}{}
}

func (m *memo) commit() []string {
	m.tree = m.txn.Commit()
	changed := slices.Sorted(maps.Keys(m.changed))
	m.txn, m.changed = nil, nil
	return changed
}

// set gives a key a value, nil for none, and makes everything dirty that depends on it.
func (m *memo) set(k Key, v any) {
	s := k.String()
	old, had := m.txn.Get([]byte(s))
	switch {
	case v == nil && !had:
		return
	case v == nil:
		m.txn.Delete([]byte(s))
		m.count(k, -1)
	case had && reflect.DeepEqual(old, v):
		return
	default:
		m.txn.Insert([]byte(s), v)
		if !had {
			m.count(k, +1)
		}
	}
	m.changed[s] = struct{}{}
	m.touch(s)
	for _, node := range drives(k) {
		m.soil(node)
	}
}

// value returns what a key has now, or nil.
func (m *memo) value(k Key) any {
	v, _ := m.txn.Get([]byte(k.String()))
	return v
}

// touch makes the readers of a key dirty, and those of every prefix that it lies beneath.
func (m *memo) touch(s string) {
	m.soilReaders(s)
	for i, c := range s {
		if c == '/' {
			m.soilReaders(s[:i+1])
		}
	}
}

func (m *memo) soilReaders(s string) {
	r := m.readers[s]
	if r.one.Kind != "" {
		m.soil(r.one)
	}
	for node := range r.more {
		m.soil(node)
	}
}

func (m *memo) soil(node Key) { m.dirty[stageOf(node.Kind)][node] = struct{}{} }

// count keeps the number of values directly beneath a path; readers of the number depend on it alone.
func (m *memo) count(k Key, by int) {
	if !countedKinds[k.Kind] {
		return
	}
	under := k.String()
	under = under[:strings.LastIndexByte(under, '/')+1]
	if m.counts[under] += by; m.counts[under] == 0 {
		delete(m.counts, under)
	}
	m.soilReaders("#" + under)
}

// settle computes dirty nodes, stage by stage, until none is left.
func (m *memo) settle(compute func(node Key, r *reader) ([]value, time.Time)) {
	for stage := range m.dirty {
		for len(m.dirty[stage]) > 0 {
			nodes := slices.SortedFunc(maps.Keys(m.dirty[stage]), func(a, b Key) int {
				return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path))
			})
			m.dirty[stage] = map[Key]struct{}{} // not cleared: a map that was large once is slow to walk for ever
			for _, node := range nodes {
				r := &reader{memo: m, seen: map[string]struct{}{}}
				values, wake := compute(node, r)
				m.record(node, r, values, wake)
			}
		}
	}
}

// record takes what a node read and computed in place of what it did before.
func (m *memo) record(node Key, r *reader, values []value, wake time.Time) {
	m.depend(node, r.seen, len(values) > 0)
	delete(m.wakes, node)
	if !wake.IsZero() {
		m.wakes[node] = wake
	}
	before := m.writes[node]
	delete(m.writes, node)
	written := make([]string, 0, len(values))
	for _, v := range values {
		m.set(v.Key, v.value)
		written = append(written, v.Key.String())
	}
	for _, s := range before {
		if !slices.Contains(written, s) {
			m.set(parseKey(s), nil)
		}
	}
	if len(written) > 0 {
		m.writes[node] = written
	}
}

// depend makes a node a reader of what it has seen, and of nothing else. One that has no value reads nothing. A node mostly reads what it
// read the last time.
func (m *memo) depend(node Key, seen map[string]struct{}, valued bool) {
	before := m.reads[node]
	if valued && len(before) == len(seen) && !slices.ContainsFunc(before, func(s string) bool { _, still := seen[s]; return !still }) {
		return
	}
	for _, s := range before {
		if r := m.readers[s].without(node); r.none() {
			delete(m.readers, s)
		} else {
			m.readers[s] = r
		}
	}
	delete(m.reads, node)
	if !valued {
		return
	}
	m.reads[node] = slices.Collect(maps.Keys(seen))
	for s := range seen {
		m.readers[s] = m.readers[s].with(node)
	}
}

// wake returns the earliest time at which a node wants to be computed again; zero for never.
func (m *memo) wake() (at time.Time) {
	for _, t := range m.wakes {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	return at
}

// rouse makes the nodes dirty whose time has come.
func (m *memo) rouse(now time.Time) {
	for node, t := range m.wakes {
		if !t.After(now) {
			m.soil(node)
		}
	}
}

// reader reads on behalf of a node and remembers what was read.
type reader struct {
	*memo
	seen map[string]struct{}
}

// get returns the value of a key, or nil.
func (r *reader) get(kind Kind, path string) any {
	s := Key{kind, path}.String()
	r.seen[s] = struct{}{}
	v, _ := r.txn.Get([]byte(s))
	return v
}

// under calls fn for each value beneath kind/path/, in order, until fn says stop.
func (r *reader) under(kind Kind, path string, fn func(path string, v any) bool) {
	prefix := string(kind) + "/"
	if path != "" {
		prefix += path + "/"
	}
	r.seen[prefix] = struct{}{}
	it := r.txn.Root().Iterator()
	it.SeekPrefix([]byte(prefix))
	for k, v, ok := it.Next(); ok; k, v, ok = it.Next() {
		if !fn(string(k[len(kind)+1:]), v) {
			return
		}
	}
}

// number returns how many values lie directly beneath kind/path/.
func (r *reader) number(kind Kind, path string) int {
	under := string(kind) + "/" + path + "/"
	r.seen["#"+under] = struct{}{}
	return r.counts[under]
}
