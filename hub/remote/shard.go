package remote

import (
	"slices"
	"strings"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// shardLength bounds the namespaces of one shard, by the bytes of their names: they travel in the URL of a watch, which what stands in between
// may bound to 8 KiB.
const shardLength = 4000

// shard is some of the selected namespaces with the streams of their records. When it gets a namespace more, only that one is listed.
type shard struct {
	namespaces []string // sorted
	streams    []*stream
}

// Select says of which namespaces the records are wanted. It may be called at any time: what is added is told by the Watch that runs, as changes,
// and what is no longer wanted as Unwatched. Members and the own records are watched in any case.
func (h *Hub) Select(namespaces []string) {
	wanted := slices.Compact(slices.Sorted(slices.Values(namespaces)))
	h.mu.Lock()
	same := slices.Equal(wanted, h.selected)
	h.selected = wanted
	h.mu.Unlock()
	if same {
		return
	}
	select {
	case h.selection <- struct{}{}:
	default:
	}
}

// assign divides the selected namespaces, which are sorted, among shards: each keeps what it has and is still selected, and what is new
// goes where there is room. The shards of before come first, in their order, some of them perhaps empty.
func assign(shards [][]string, selected []string) [][]string {
	next := make([][]string, len(shards))
	held := map[string]bool{}
	for i, namespaces := range shards {
		for _, ns := range namespaces {
			if _, wanted := slices.BinarySearch(selected, ns); wanted {
				next[i] = append(next[i], ns)
				held[ns] = true
			}
		}
	}
	i := 0
	for _, ns := range selected {
		if held[ns] {
			continue
		}
		for i < len(next) && length(next[i])+len(ns) > shardLength {
			i++
		}
		if i == len(next) {
			next = append(next, nil)
		}
		next[i] = append(next[i], ns)
	}
	for _, namespaces := range next {
		slices.Sort(namespaces)
	}
	return next
}

// length is what namespaces take in a selector.
func length(namespaces []string) (n int) {
	for _, ns := range namespaces {
		n += len(ns) + len(",")
	}
	return n
}

// selectorOf selects the records of namespaces that are not the own cluster's: those come by themselves.
func selectorOf(cluster string, namespaces []string) string {
	return v1alpha1.LabelNamespace + " in (" + strings.Join(namespaces, ",") + ")," + v1alpha1.LabelCluster + "!=" + cluster
}

// reshard gives each shard its namespaces as assigned. Nobody may follow the streams of a shard that changes. It returns the shards that changed and
// are left. The caller holds the lock.
func (h *Hub) reshard(next [][]string) (changed []*shard) {
	for len(h.shards) < len(next) {
		h.shards = append(h.shards, &shard{streams: []*stream{newStream(services, "", ""), newStream(endpoints, "", "")}})
	}
	for i, sh := range h.shards {
		if slices.Equal(sh.namespaces, next[i]) {
			continue
		}
		for _, st := range sh.streams {
			st.choose(h.cluster, sh.namespaces, next[i])
		}
		sh.namespaces = next[i]
		if len(next[i]) > 0 {
			changed = append(changed, sh)
		}
	}
	h.shards = slices.DeleteFunc(h.shards, func(sh *shard) bool { return len(sh.namespaces) == 0 })
	return changed
}
