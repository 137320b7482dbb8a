// Package plan answers "what if" for a whole clusterset without a network, a hub or a clock.
//
// In go the clusters, each with its vantage and the facts of its own objects; one picture.Centre runs for each, and what they
// export is carried between them until nothing changes any more. Out come the pictures. Then something may happen — a cluster is
// lost or drained, the hub goes away, objects change — and the pictures afterwards, held against those before, are the plan.
//
// The same input gives the same answer, always: time is an argument and passes only in Run.
//
// Start with New, then Fleet.Do and Fleet.Run; Compare says what became of it.
package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead.dev/fairlead/picture"
)

// Cluster is one cluster of the clusterset: from where it looks, and the facts of its own objects (picture.Fact of the first two
// groups: no records and no observations, which are worked out here).
type Cluster struct {
	Vantage picture.Vantage
	Facts   []picture.Fact
}

// Fleet is a clusterset at one moment. It is not for use by several goroutines at once.
type Fleet struct {
	members []*member // by name
	hubDown bool
	now     time.Time
}

// New puts a clusterset together and lets it settle at the moment now. Cluster names are unique.
func New(clusters []Cluster, now time.Time) *Fleet {
	f := &Fleet{now: now}
	for _, c := range clusters {
		f.members = append(f.members, newMember(c))
	}
	slices.SortFunc(f.members, func(a, b *member) int { return strings.Compare(a.name(), b.name()) })
	f.settle()
	return f
}

// Clusters returns the names of the clusters, sorted.
func (f *Fleet) Clusters() []string {
	names := make([]string, len(f.members))
	for i, m := range f.members {
		names[i] = m.name()
	}
	return names
}

// Has says whether there is a cluster of that name.
func (f *Fleet) Has(cluster string) bool { return f.member(cluster) != nil }

// Picture returns what a cluster sees now, nil for a cluster that does not exist.
func (f *Fleet) Picture(cluster string) *picture.Picture {
	if m := f.member(cluster); m != nil {
		return m.picture
	}
	return nil
}

// Pictures returns what every cluster sees now, by name of the cluster.
func (f *Fleet) Pictures() map[string]*picture.Picture {
	all := make(map[string]*picture.Picture, len(f.members))
	for _, m := range f.members {
		all[m.name()] = m.picture
	}
	return all
}

// Replace gives a cluster other objects of its own than it had. An unknown cluster changes nothing.
func (f *Fleet) Replace(cluster string, facts []picture.Fact) {
	if m := f.member(cluster); m != nil {
		m.own = byKey(facts)
		f.settle()
	}
}

// Run lets time pass: whatever waits for its moment within d comes to it, such as the calm after a cluster was found again.
func (f *Fleet) Run(d time.Duration) {
	end := f.now.Add(d)
	for range maxRounds {
		next := f.nextWake(end)
		if next.IsZero() {
			break
		}
		f.now = next
		f.settle()
	}
	f.now = end
}

// maxRounds bounds how often the clusters are asked. Two rounds do: what a cluster exports depends on its own objects alone.
const maxRounds = 100

// settle carries what changed between the clusters until nothing changes any more. All look at the same moment of the others: a
// round's answers are seen in the next round.
func (f *Fleet) settle() {
	for range maxRounds {
		moved := false
		said := map[string]map[picture.Key]picture.Fact{}
		for _, m := range f.members {
			said[m.name()] = m.said()
		}
		for _, m := range f.members {
			f.hear(m, said)
			moved = m.step(f.now) || moved
		}
		if !moved {
			return
		}
	}
}

// hear gives m what it can see of the others. What cannot be seen now stays as it was last seen.
func (f *Fleet) hear(m *member, said map[string]map[picture.Key]picture.Fact) {
	for _, o := range f.members {
		if o == m {
			continue
		}
		if !f.hubDown && !o.dark && !m.dark {
			m.take(o.name(), said[o.name()], f.now)
		}
		m.watch(o, f.hubDown)
	}
}

// nextWake returns the earliest moment up to end at which a centre wants to be asked again; zero for none.
func (f *Fleet) nextWake(end time.Time) (at time.Time) {
	for _, m := range f.members {
		if m.wake.IsZero() || m.wake.After(end) || !m.wake.After(f.now) {
			continue
		}
		if at.IsZero() || m.wake.Before(at) {
			at = m.wake
		}
	}
	return at
}

func (f *Fleet) member(name string) *member {
	for _, m := range f.members {
		if m.name() == name {
			return m
		}
	}
	return nil
}

func byKey(facts []picture.Fact) map[picture.Key]picture.Fact {
	keyed := make(map[picture.Key]picture.Fact, len(facts))
	for _, fact := range facts {
		keyed[picture.KeyOf(fact)] = fact
	}
	return keyed
}

func sortedKeys[V any](m map[picture.Key]V) []picture.Key {
	return slices.SortedFunc(maps.Keys(m), func(a, b picture.Key) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path))
	})
}
