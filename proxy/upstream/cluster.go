package upstream

import (
	"net/netip"
	"sync/atomic"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
)

// Cluster is a cluster in use.
type Cluster struct {
	Name     string
	registry *Registry

	// Written under the registry's lock.
	spec  *match.Cluster
	set   *match.Endpoints
	hosts []*Host // of set.Targets

	snapshot atomic.Pointer[Snapshot]
	turn     atomic.Uint64
	active   atomic.Int64
	retries  atomic.Int64

	// Counts since the cluster was added.
	Counts Counts
}

// Counts count what happened. Each may be read at any time.
type Counts struct {
	Requests, Retries, Aborted, Shed, LocalFailures atomic.Int64
}

// Snapshot is a cluster at one moment: how it is used and who can be picked.
type Snapshot struct {
	*match.View
	Spec    *match.Cluster
	cluster *Cluster
	hosts   []*Host
}

// Snapshot returns the newest one; nil as long as the endpoint set is not known.
func (c *Cluster) Snapshot() *Snapshot { return c.snapshot.Load() }

// adopt takes an endpoint set; nil: it is not known. The registry's lock is held.
func (c *Cluster) adopt(e *match.Endpoints) {
	old := c.hosts
	c.set, c.hosts = e, nil
	var lost []*Host
	stays := map[*Host]bool{}
	if e != nil {
		for i := range e.Targets {
			h := c.registry.host(e.Targets[i].Addr)
			c.hosts = append(c.hosts, h)
			stays[h] = true
			h.clusters[c] = e.Targets[i].Health
			if h.setLost() {
				lost = append(lost, h)
			}
			h.check(c.spec, e.Targets[i].Health)
		}
	}
	for _, h := range old {
		if !stays[h] {
			h.leave(c)
		}
	}
	c.rebuild()
	// After the new view is there, so that what is aborted finds its way by it.
	for _, h := range lost {
		c.Counts.Aborted.Add(int64(h.abort()))
	}
}

// rebuild makes a new snapshot. The registry's lock is held.
func (c *Cluster) rebuild() {
	if c.set == nil {
		c.snapshot.Store(nil)
		return
	}
	hosts := c.hosts
	view := c.set.View(c.spec, func(i int) bool { return hosts[i].Usable() })
	c.snapshot.Store(&Snapshot{View: view, Spec: c.spec, cluster: c, hosts: hosts})
}

// Picking is what a pick depends on besides the snapshot.
type Picking struct {
	Random  uint64 // uniform
	Hash    uint64
	HasHash bool
	Tried   []netip.AddrPort
}

// Pick chooses a host; nil where there is none. Round robin takes its turn from the cluster, all else from the random number.
func (s *Snapshot) Pick(p Picking) (*Host, match.Choice) {
	in := match.PickInput{Hash: p.Hash, HasHash: p.HasHash && s.Balancing == match.RingHash, Tried: p.Tried}
	if s.Balancing == match.RoundRobin {
		in.Draw = match.Turn(s.cluster.turn.Add(1))
	} else {
		in.Draw = match.Turn(p.Random)
	}
	if s.Balancing == match.LeastRequest {
		in.Busy = func(i int) int { return int(s.hosts[i].active.Load()) }
	}
	choice := s.View.Pick(in)
	if choice.Target < 0 {
		return nil, choice
	}
	return s.hosts[choice.Target], choice
}

// Host is the host of target i.
func (s *Snapshot) Host(i int) *Host { return s.hosts[i] }

// Admit takes a place for one request; false: the cluster has as many as it may. Done gives the place back.
func (c *Cluster) Admit(l match.Limits) bool {
	if n := c.active.Add(1); l.Requests > 0 && n > int64(l.Requests) {
		c.active.Add(-1)
		c.Counts.Shed.Add(1)
		return false
	}
	c.Counts.Requests.Add(1)
	return true
}

// Done gives back what Admit took.
func (c *Cluster) Done() { c.active.Add(-1) }

// AdmitRetry takes a place for one retry of a request that a host has already worked on: retries may be a share of the active requests,
// or a fixed number, so that a cluster in trouble is not asked ever more. RetryDone gives the place back.
func (c *Cluster) AdmitRetry(l match.Limits) bool {
	allowed := int64(l.Retries)
	if allowed == 0 {
		allowed = max(int64(l.BudgetMin), int64(float64(c.active.Load())*l.BudgetPercent/100))
	}
	if c.retries.Add(1) > allowed {
		c.retries.Add(-1)
		return false
	}
	return true
}

// RetryDone gives back what AdmitRetry took.
func (c *Cluster) RetryDone() { c.retries.Add(-1) }

// withdrawn says whether the control plane keeps requests from a target.
func withdrawn(h fleet.TargetHealth) bool { return h != fleet.Healthy }
