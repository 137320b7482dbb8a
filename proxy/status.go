package proxy

import (
	"cmp"
	"slices"
	"sync/atomic"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/proxy/upstream"
)

// Status is what a proxy serves and how it fares, for people and tests. It is made to be shown as JSON.
type Status struct {
	Connected bool             `json:"connected"` // to the control plane
	Listeners []ListenerStatus `json:"listeners"`
	Hosts     int              `json:"hosts"`             // virtual hosts that are live
	Waiting   []string         `json:"waiting,omitempty"` // virtual hosts that wait for endpoints
	Clusters  []ClusterStatus  `json:"clusters"`
	Counts    Counts           `json:"counts"`
}

// ListenerStatus is one address of one listener.
type ListenerStatus struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Problem string `json:"problem,omitempty"` // why it is not open
}

// ClusterStatus is one cluster.
type ClusterStatus struct {
	Name      string           `json:"name"`
	Known     bool             `json:"known"` // its endpoint set has come
	Tiers     []TierStatus     `json:"tiers,omitempty"`
	Endpoints []EndpointStatus `json:"endpoints,omitempty"`
	Requests  int64            `json:"requests"`
	Retries   int64            `json:"retries"`
	Aborted   int64            `json:"aborted"`
	Failures  int64            `json:"failures"` // tries without an answer
	Shed      int64            `json:"shed"`
}

// TierStatus is one tier's share of a cluster's traffic.
type TierStatus struct {
	Percent uint32 `json:"percent"`
	Panic   bool   `json:"panic,omitempty"`
	Healthy int    `json:"healthy"`
	Total   int    `json:"total"`
}

// EndpointStatus is one endpoint of a cluster.
type EndpointStatus struct {
	Address string `json:"address"`
	Cluster string `json:"cluster,omitempty"`
	Tier    int    `json:"tier"`
	Usable  bool   `json:"usable"`
	Why     string `json:"why,omitempty"` // why it is not usable
	Active  int    `json:"active"`
}

// Counts are numbers since the start, but for Active and Connections, which are of now.
type Counts struct {
	Requests    int64    `json:"requests"`
	Active      int64    `json:"active"`
	Connections int64    `json:"connections"`
	TCP         int64    `json:"tcp"`       // connections carried byte by byte
	Responses   [6]int64 `json:"responses"` // by class: [2] is 2xx; [0] clients that went away
	Retries     int64    `json:"retries"`
	Aborted     int64    `json:"aborted"`    // tries given up because their host was lost
	Shed        int64    `json:"shed"`       // requests and connections above a limit
	Malformed   int64    `json:"malformed"`  // requests refused by proxy/strict
	Handshakes  int64    `json:"handshakes"` // that failed
	Mirrored    int64    `json:"mirrored"`
	Unmirrored  int64    `json:"unmirrored"` // copies left out
	Changes     int64    `json:"changes"`    // resources applied
	Refused     int64    `json:"refused"`    // resources refused
	ReplayBytes int64    `json:"replayBytes"`
}

type stats struct {
	requests, active, connections, tcp, retries, aborted, shed, malformed, handshakes, mirrored, unmirrored, changes, refused atomic.Int64
	responses                                                                                                                 [6]atomic.Int64
}

func (s *stats) answered(code int) {
	class := code / 100
	if code == 499 || class < 1 || class > 5 {
		class = 0
	}
	s.responses[class].Add(1)
}

// Status may be called at any time.
func (p *Proxy) Status() Status {
	s := Status{Connected: p.client.Connected(), Listeners: p.servers.status(), Counts: p.counts()}
	p.store.tables.Range(func(_, t any) bool {
		s.Hosts += t.(*table).hosts.Load().Len()
		return true
	})
	s.Waiting = p.store.waitingNames()
	for c := range p.registry.All() {
		s.Clusters = append(s.Clusters, clusterStatus(c))
	}
	slices.SortFunc(s.Clusters, func(a, b ClusterStatus) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

func (p *Proxy) counts() Counts {
	t := &p.stats
	c := Counts{Requests: t.requests.Load(), Active: t.active.Load(), Connections: t.connections.Load(), TCP: t.tcp.Load(),
		Retries: t.retries.Load(), Aborted: t.aborted.Load(), Shed: t.shed.Load(), Malformed: t.malformed.Load(),
		Handshakes: t.handshakes.Load(), Mirrored: t.mirrored.Load(), Unmirrored: t.unmirrored.Load(), Changes: t.changes.Load(),
		Refused: t.refused.Load(), ReplayBytes: p.memory.Used()}
	for i := range t.responses {
		c.Responses[i] = t.responses[i].Load()
	}
	return c
}

func (s *servers) status() []ListenerStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []ListenerStatus
	for addr, srv := range s.byAddr {
		out = append(out, ListenerStatus{Name: srv.listener.Load().Name, Address: addr.String()})
	}
	for addr, f := range s.failed {
		out = append(out, ListenerStatus{Name: f.listener.Name, Address: addr.String(), Problem: f.reason})
	}
	slices.SortFunc(out, func(a, b ListenerStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Address, b.Address))
	})
	return out
}

func (s *store) waitingNames() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for name := range s.waiting {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func clusterStatus(c *upstream.Cluster) ClusterStatus {
	out := ClusterStatus{Name: c.Name, Requests: c.Counts.Requests.Load(), Retries: c.Counts.Retries.Load(),
		Aborted: c.Counts.Aborted.Load(), Failures: c.Counts.LocalFailures.Load(), Shed: c.Counts.Shed.Load()}
	snapshot := c.Snapshot()
	if snapshot == nil {
		return out
	}
	out.Known = true
	for _, t := range snapshot.Tiers {
		out.Tiers = append(out.Tiers, TierStatus{Percent: t.Percent, Panic: t.Panic, Healthy: t.Healthy, Total: t.Total})
	}
	for i := range snapshot.Set.Targets {
		out.Endpoints = append(out.Endpoints, endpointStatus(&snapshot.Set.Targets[i], snapshot.Set, snapshot.Host(i)))
	}
	return out
}

func endpointStatus(t *match.Target, set *match.Endpoints, h *upstream.Host) EndpointStatus {
	e := EndpointStatus{Address: t.Addr.String(), Cluster: set.Tiers[t.Tier].Places[t.Place].Cluster, Tier: t.Tier,
		Usable: t.Health == fleet.Healthy && h.Usable(), Why: h.Why(), Active: h.Active()}
	if t.Health != fleet.Healthy {
		e.Why = t.Health.String()
	}
	return e
}
