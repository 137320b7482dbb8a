package picture

import (
	"maps"
	"net/netip"
	"strings"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
)

// Centre computes the pictures of one vantage. It is a memory of a pure function: what it answers depends on the vantage, the prior,
// the facts and the times that it was given, and on nothing else. It belongs to one goroutine.
type Centre struct {
	vantage Vantage
	memo    *memo
	prior   Prior
	ledger  *ledger
	ips     *addressBook
	totals  Totals
	slices  map[string]int // export key -> number of its slices, for totals
}

// Prior is what a picture depends on besides the facts: what was concluded before. A Centre made from the Prior of another one
// and the same facts shows the same picture.
type Prior struct {
	// Members is the last verdict on each cluster.
	Members map[string]health.State
	// Missing are the facts from the hub that are no longer seen and not yet let go.
	Missing map[Key]Fact
	// Markers are the newest markers seen, which on a hub that was set back are not those of the Members.
	Markers map[string]v1alpha1.Marker
	// Braked is when a mass withdrawal of a cluster was first seen, while it waits.
	Braked map[string]time.Time
	// Withdrawn is what was let go of a cluster's services lately, while it counts towards the brake.
	Withdrawn map[string][]Withdrawal
	// IPs are the clusterset IPs in use.
	IPs map[fleet.Name][]netip.Addr
	// Silence is whether anybody else answered.
	Silence Silence
}

// Withdrawal is a number of services that were let go at one moment.
type Withdrawal struct {
	At       time.Time
	Services int
}

// Silence is what is remembered of times in which no other cluster answered.
type Silence struct {
	Total  bool      // nobody answers
	Broken time.Time // when somebody last did so again
}

// Restore adds what a real cluster's own objects kept of the others (mcs.Restore): known, and not seen. A cluster that has records, and that
// is not among the members, was one when they were taken: its Member is known too, by its name.
func (p *Prior) Restore(members []*v1alpha1.Member, records []*v1alpha1.ServiceRecord, endpoints []*v1alpha1.EndpointRecord) {
	p.Missing = orMake(p.Missing)
	for _, m := range members {
		p.Missing[KeyOf(m)] = m
	}
	vouch := func(record Fact, cluster string) {
		p.Missing[KeyOf(record)] = record
		m := &v1alpha1.Member{Spec: v1alpha1.MemberSpec{Cluster: cluster}}
		if m.Name = cluster; p.Missing[KeyOf(m)] == nil {
			p.Missing[KeyOf(m)] = m
		}
	}
	for _, r := range records {
		vouch(r, r.Spec.Cluster)
	}
	for _, r := range endpoints {
		vouch(r, r.Spec.Cluster)
	}
}

// NewCentre returns a Centre without facts. It takes ownership of prior.
func NewCentre(v Vantage, prior Prior) *Centre {
	c := &Centre{
		vantage: v, memo: newMemo(), slices: map[string]int{},
		prior: Prior{
			Members: orMake(prior.Members), Missing: orMake(prior.Missing), Markers: orMake(prior.Markers),
			Braked: orMake(prior.Braked), Withdrawn: orMake(prior.Withdrawn), IPs: orMake(prior.IPs), Silence: prior.Silence,
		},
	}
	c.ledger = newLedger(v.Name, v.Health, c.prior)
	c.ips = newAddressBook(v.ServiceRanges, c.prior.IPs)
	c.memo.soil(Key{nodeMember, v.Name})
	return c
}

// Build returns the picture of some facts, computed from nothing but its arguments.
func Build(v Vantage, prior Prior, facts []Change, now time.Time) (*Picture, time.Time) {
	pic, _, wake := NewCentre(v, prior).Step(facts, now)
	return pic, wake
}

// Step takes changed facts and returns the new picture, the keys of the values that changed in it (kinds member, service, group,
// server, host, export, status and rejection), and the time at which to step again even if nothing changes; zero: never.
func (c *Centre) Step(changes []Change, now time.Time) (*Picture, []Key, time.Time) {
	m := c.memo
	m.begin()
	m.rouse(now)
	for _, ch := range changes {
		if fact, now := c.ledger.take(ch, m.value(ch.Key)); now {
			m.set(ch.Key, fact)
		}
	}
	for _, ch := range c.ledger.settle(now) {
		m.set(ch.Key, ch.Fact)
	}
	m.settle(func(node Key, r *reader) ([]value, time.Time) {
		return nodes[node.Kind].compute(c, view{r, c.vantage}, node.Path, now)
	})
	var changed []Key
	for _, s := range m.commit() {
		if k := parseKey(s); shown[k.Kind] {
			changed = append(changed, k)
			c.tally(k)
		}
	}
	return &Picture{vantage: c.vantage, values: m.tree, exports: c.totals}, changed, earlier(m.wake(), c.ledger.wake)
}

// Prior returns a copy of what the next picture depends on besides the facts.
func (c *Centre) Prior() Prior {
	return Prior{
		Members: maps.Clone(c.prior.Members), Missing: maps.Clone(c.prior.Missing), Markers: maps.Clone(c.prior.Markers),
		Braked: maps.Clone(c.prior.Braked), Withdrawn: maps.Clone(c.prior.Withdrawn), IPs: maps.Clone(c.prior.IPs), Silence: c.prior.Silence,
	}
}

// tally keeps the totals of exports as one export changes.
func (c *Centre) tally(k Key) {
	if k.Kind != KindExport {
		return
	}
	if n, had := c.slices[k.Path]; had {
		c.totals.Exports--
		c.totals.Slices -= n
		delete(c.slices, k.Path)
	}
	if v, ok := c.memo.tree.Get([]byte(k.String())); ok {
		n := len(v.(*Export).Endpoints)
		c.slices[k.Path] = n
		c.totals.Exports++
		c.totals.Slices += n
	}
}

func orMake[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// lastWord returns the path without its last word, and that word.
func lastWord(path string) (rest, last string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}
