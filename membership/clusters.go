package membership

import (
	"context"
	"time"
)

// Member is one member as clusters prints it. Its JSON is only ever added to.
type Member struct {
	Cluster string `json:"cluster"`
	Region  string `json:"region,omitempty"`
	Zone    string `json:"zone,omitempty"`
	Network string `json:"network,omitempty"`
	// Namespaces are those whose services it may export; empty: all.
	Namespaces []string `json:"namespaces,omitempty"`
	// Exports counts the services that it says it exports.
	Exports    int32  `json:"exports"`
	Kubernetes string `json:"kubernetes,omitempty"`
	Agent      string `json:"agent,omitempty"`
	// Heartbeat is when its agent last said that it lives; absent: never.
	Heartbeat *time.Time `json:"heartbeat,omitempty"`
	// State is one of the words below.
	State State  `json:"state"`
	UID   string `json:"uid,omitempty"`
}

// State says in one word how a member stands with the hub. What the other members hold of it is in each one's status.
type State string

// The states. The first that fits is told.
const (
	Leaving    State = "leaving"
	Invited    State = "invited"    // and has not been heard of
	Introduced State = "introduced" // and waits for the approval
	Joining    State = "joining"    // approved, and there was no heartbeat yet
	Silent     State = "silent"     // no heartbeat for a while; what it exports goes on serving where it answers
	Draining   State = "draining"
	Present    State = "present"
)

// Clusters returns the members of a hub, by name.
func Clusters(ctx context.Context, h *Access, version string) ([]Member, error) {
	r, err := Call(ctx, h, version)
	if err != nil {
		return nil, err
	}
	if r.ClusterSet == "" && len(r.Members) == 0 {
		return nil, checkHub(r)
	}
	members := make([]Member, len(r.Members))
	for i, s := range r.Members {
		members[i] = s.tell(time.Now())
	}
	return members, nil
}

func (s Standing) tell(now time.Time) Member {
	spec, status := s.Member.Spec, s.Member.Status
	m := Member{
		Cluster: spec.Cluster, Region: spec.Region, Zone: spec.Zone, Network: spec.Network, Namespaces: spec.Namespaces, UID: spec.ClusterUID,
		Exports: status.Marker.Exports, Kubernetes: status.Kubernetes, Agent: status.Agent, State: s.State(now),
	}
	if !s.Heartbeat.IsZero() {
		m.Heartbeat = &s.Heartbeat
	}
	return m
}

// State returns the word for it.
func (s Standing) State(now time.Time) State {
	spec, status := s.Member.Spec, s.Member.Status
	switch {
	case spec.Leaving:
		return Leaving
	case spec.Pending && status.ClusterUID == "":
		return Invited
	case spec.Pending:
		return Introduced
	case s.Heartbeat.IsZero():
		return Joining
	case now.Sub(s.Heartbeat) > silentFrom:
		return Silent
	case spec.Drain:
		return Draining
	}
	return Present
}
