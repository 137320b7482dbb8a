package plan

import (
	"maps"
	"reflect"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/picture"
)

// member is one cluster with its centre and with what it has been told so far.
type member struct {
	vantage picture.Vantage
	centre  *picture.Centre
	picture *picture.Picture
	wake    time.Time

	own   map[picture.Key]picture.Fact            // its own objects, as they are to be
	heard map[string]map[picture.Key]picture.Fact // records of each other cluster, as last seen
	seen  map[string]*picture.Observed            // what is observed of each other cluster
	given map[picture.Key]picture.Fact            // what the centre has got

	self  *v1alpha1.Member // what it last said of itself
	drain bool             // taken off by its operator
	dark  bool             // its data path and its control answer nobody
	// released is its operator's word that what it withdraws is meant.
	released bool
}

func newMember(c Cluster) *member {
	return &member{
		vantage: c.Vantage,
		centre:  picture.NewCentre(c.Vantage, picture.Prior{}),
		own:     byKey(c.Facts),
		heard:   map[string]map[picture.Key]picture.Fact{},
		seen:    map[string]*picture.Observed{},
		given:   map[picture.Key]picture.Fact{},
	}
}

func (m *member) name() string { return m.vantage.Name }

// said returns what the member has on the hub: itself with its marker, and its records.
func (m *member) said() map[picture.Key]picture.Fact {
	var records []picture.Fact
	var marker v1alpha1.Marker
	if m.picture != nil {
		for e := range m.picture.Exports() {
			if e.Record == nil {
				continue
			}
			marker.Exports++
			records = append(records, e.Record)
			for _, r := range e.Endpoints {
				marker.Slices++
				records = append(records, r)
			}
		}
	}
	return byKey(append(records, m.introduce(marker)))
}

// introduce returns the Member object, the same as before where nothing about it changed.
func (m *member) introduce(marker v1alpha1.Marker) *v1alpha1.Member {
	marker.Term = 1
	next := &v1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Name: m.name()},
		Spec: v1alpha1.MemberSpec{
			Cluster: m.name(), Region: m.vantage.Region, Zone: m.vantage.Zone, Network: m.vantage.Network,
			Properties: m.vantage.Labels, Drain: m.drain,
		},
	}
	if m.self != nil {
		marker.Sequence = m.self.Status.Marker.Sequence
	}
	next.Status.Marker = marker
	if m.self == nil || !reflect.DeepEqual(m.self, next) {
		next.Status.Marker.Sequence++
		m.self = next
		m.released = false // the word was said of the marker before
	}
	return m.self
}

// take replaces what was heard of another cluster.
func (m *member) take(cluster string, said map[picture.Key]picture.Fact, now time.Time) {
	if maps.Equal(m.heard[cluster], said) {
		return
	}
	m.heard[cluster] = said
	m.seen[cluster] = &picture.Observed{Cluster: cluster, MarkerSeen: now}
}

// watch notes what the probes say of another cluster. Without the hub a drain is told by the beacons alone.
func (m *member) watch(o *member, hubDown bool) {
	was := m.seen[o.name()]
	if was == nil {
		return
	}
	next := &picture.Observed{Cluster: o.name(), MarkerSeen: was.MarkerSeen, Released: o.released}
	if o.dark || m.dark {
		next.Probes = probes(m.vantage.Health.Misses, false)
	} else {
		next.Probes = probes(0, hubDown && o.drain)
	}
	if !reflect.DeepEqual(was, next) {
		m.seen[o.name()] = next
	}
}

// probes returns what two probers hold of two beacons.
func probes(misses int, draining bool) []health.Probe {
	var all []health.Probe
	for _, prober := range []string{"a", "b"} {
		for beacon := range 2 {
			all = append(all, health.Probe{Prober: prober, Path: "beacon " + strconv.Itoa(beacon+1), Misses: misses, Draining: draining})
		}
	}
	return all
}

// step tells the centre what changed and says whether that was anything, or whether the centre's moment had come.
func (m *member) step(now time.Time) bool {
	want := maps.Clone(m.own)
	for _, said := range m.heard {
		maps.Copy(want, said)
	}
	for _, o := range m.seen {
		want[picture.KeyOf(o)] = o
	}
	self := m.introduce(m.marker())
	want[picture.KeyOf(self)] = self
	changes := m.changes(want)
	due := !m.wake.IsZero() && !m.wake.After(now)
	if m.picture != nil && len(changes) == 0 && !due {
		return false
	}
	m.given = want
	m.picture, _, m.wake = m.centre.Step(changes, now)
	if !m.wake.After(now) {
		m.wake = time.Time{}
	}
	return true
}

// marker returns the counts that the member last published.
func (m *member) marker() v1alpha1.Marker {
	if m.self == nil {
		return v1alpha1.Marker{}
	}
	return m.self.Status.Marker
}

// changes returns what leads from what the centre has to what it is to have, in a fixed order.
func (m *member) changes(want map[picture.Key]picture.Fact) []picture.Change {
	var changes []picture.Change
	for _, k := range sortedKeys(m.given) {
		if _, still := want[k]; !still {
			changes = append(changes, picture.Change{Key: k})
		}
	}
	for _, k := range sortedKeys(want) {
		if m.given[k] != want[k] {
			changes = append(changes, picture.Change{Key: k, Fact: want[k]})
		}
	}
	return changes
}
