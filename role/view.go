package role

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// view is what one cluster's agent knows of the clusterset, in the words of fairlead status.
func (m *member) view() control.Status {
	state := m.line.state()
	s := control.Status{HubUp: state.Up, Clusters: []control.Cluster{}}
	if state.Err != "" {
		s.Problems = append(s.Problems, control.Problem{Cluster: m.Cluster, Object: "hub", Message: state.Err})
	}
	pic := m.agent.Picture()
	if pic == nil {
		return s
	}
	exports := map[string]int{}
	for svc := range pic.Services() {
		for _, e := range svc.Exporters {
			exports[e.Cluster]++
		}
	}
	for member := range pic.Members() {
		s.Clusters = append(s.Clusters, m.clusterView(member, exports[member.Name]))
	}
	for r := range pic.Rejections() {
		s.Rejections = append(s.Rejections, control.Rejection{Cluster: m.Cluster, Object: r.Object.String(), Where: r.Where, Message: r.Message})
	}
	for st := range pic.Statuses() {
		s.Unready = append(s.Unready, unready(m.Cluster, st.Object.String(), st.Conditions)...)
	}
	for svc := range pic.Services() {
		s.Services = append(s.Services, serviceView(svc))
		if svc.Imported != nil {
			s.Unready = append(s.Unready, unready(m.Cluster, "ServiceImport "+svc.Name.String(), fleetConditions(svc.Imported.Object.Status.Conditions))...)
		}
	}
	return s
}

func (m *member) clusterView(member *picture.Member, exports int) control.Cluster {
	c := control.Cluster{
		Name: member.Name, Region: member.Region, Zone: member.Zone, Network: member.Network, Exports: exports,
		Drain: member.Verdict == fleet.DrainingCluster,
		Verdicts: []control.Verdict{{
			From: m.Cluster, Verdict: member.Verdict, Reason: member.Reason, Since: member.Since, Held: member.Held,
		}},
	}
	if len(member.Beacons) > 0 {
		c.Address = member.Beacons[0].Addr().String()
	}
	return c
}

func serviceView(svc *picture.Service) control.Service {
	out := control.Service{Name: svc.Name.String(), Headless: svc.Headless, Exporters: []string{}, Held: svc.Held}
	for _, e := range svc.Exporters {
		out.Exporters = append(out.Exporters, e.Cluster)
	}
	slices.Sort(out.Exporters)
	for _, c := range svc.Conflicts {
		out.Conflicts = append(out.Conflicts, c.Reason+": "+c.Message)
	}
	return out
}

// bad lists the conditions that are bad when they are True; all others are bad when they are not.
var bad = map[string]bool{"Conflict": true, "Conflicted": true, "PartiallyInvalid": true, "OverlappingTLSConfig": true}

func unready(cluster, object string, conditions []fleet.Condition) (out []control.Unready) {
	for _, c := range conditions {
		if bad[c.Type] == (c.Status == fleet.True) {
			out = append(out, control.Unready{Cluster: cluster, Object: object, Condition: c})
		}
	}
	return out
}

func fleetConditions(all []metav1.Condition) (out []fleet.Condition) {
	for _, c := range all {
		out = append(out, fleet.Condition{Type: c.Type, Status: fleet.Status(c.Status), Reason: c.Reason, Message: c.Message})
	}
	return out
}

// ready says whether the import of a service is.
func ready(s *picture.Service) bool {
	return !slices.ContainsFunc(s.Imported.Object.Status.Conditions, func(c metav1.Condition) bool {
		return c.Type == "Ready" && c.Status != metav1.ConditionTrue
	})
}
