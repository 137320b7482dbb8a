package remote

import (
	"maps"
	"slices"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// forget makes a stream list anew. What it knew stays, to be compared.
func (h *Hub) forget(streams ...*stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, st := range streams {
		st.version = ""
	}
}

// streams returns all of them. The caller holds the lock.
func (h *Hub) streams() []*stream {
	all := append([]*stream{h.members}, h.own...)
	for _, sh := range h.shards {
		all = append(all, sh.streams...)
	}
	return all
}

// known returns an object of the own namespace as it was last seen or written, nil where there was none.
func (h *Hub) known(k *kind, name string) hub.Object {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ownStream(k).objects[h.namespace+"/"+name]
}

func (h *Hub) ownStream(k *kind) *stream {
	for _, st := range h.own {
		if st.kind == k {
			return st
		}
	}
	return h.members
}

// note takes an own object as a write, or a look, has found it; nil: it is not there.
func (h *Hub) note(k *kind, name string, obj hub.Object) {
	h.mu.Lock()
	defer h.mu.Unlock()
	objects := h.ownStream(k).objects
	if obj == nil {
		delete(objects, h.namespace+"/"+name)
		return
	}
	if old := objects[key(obj)]; old == nil || newer(obj.GetResourceVersion(), old.GetResourceVersion()) {
		objects[key(obj)] = obj
	}
}

// take takes an event of a watch, and says whether it is news: it is not, where the same was listed or written before.
func (st *stream) take(obj hub.Object, deleted bool) bool {
	st.version = obj.GetResourceVersion()
	old := st.objects[key(obj)]
	switch {
	case old != nil && !newer(obj.GetResourceVersion(), old.GetResourceVersion()):
		return false
	case deleted:
		delete(st.objects, key(obj))
		return old != nil
	}
	st.objects[key(obj)] = obj
	return true
}

// merge adds what was listed in addition, and returns what is news.
func (st *stream) merge(all []hub.Object) (news []hub.Object) {
	st.lacking = nil
	for _, obj := range all {
		if old := st.objects[key(obj)]; old == nil || newer(obj.GetResourceVersion(), old.GetResourceVersion()) {
			st.objects[key(obj)] = obj
			news = append(news, obj)
		}
	}
	return news
}

// relist takes a new list in place of all that was known, whatever its versions are, and returns what differs.
func (st *stream) relist(all []hub.Object, version string) (put, deleted []hub.Object) {
	before := st.objects
	st.objects, st.version, st.lacking = make(map[string]hub.Object, len(all)), version, nil
	for _, obj := range all {
		old := before[key(obj)]
		if old != nil && old.GetResourceVersion() == obj.GetResourceVersion() && old.GetUID() == obj.GetUID() {
			st.objects[key(obj)] = old
			continue
		}
		st.objects[key(obj)] = obj
		put = append(put, obj)
	}
	for _, k := range slices.Sorted(maps.Keys(before)) {
		if _, there := st.objects[k]; !there {
			deleted = append(deleted, before[k])
		}
	}
	return put, deleted
}

// drop takes out, and returns, the records of namespaces that are no longer selected.
func (st *stream) drop(selected []string) (dropped []hub.Object) {
	for _, k := range slices.Sorted(maps.Keys(st.objects)) {
		obj := st.objects[k]
		if _, wanted := slices.BinarySearch(selected, obj.GetLabels()[v1alpha1.LabelNamespace]); !wanted {
			delete(st.objects, k)
			dropped = append(dropped, obj)
		}
	}
	return dropped
}
