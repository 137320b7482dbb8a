package dev

import (
	"maps"
	"net"
	"slices"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// Clusters returns the clusters by name, with what each holds of the others.
func (f *Fleet) Clusters() []control.Cluster {
	all := f.all()
	out := make([]control.Cluster, 0, len(all))
	for _, k := range all {
		out = append(out, f.describe(k, all))
	}
	return out
}

func (f *Fleet) describe(k *cluster, all []*cluster) control.Cluster {
	state, problems := k.state()
	c := control.Cluster{
		Name: k.name, Region: k.vantage.Region, Zone: k.vantage.Zone, Network: k.vantage.Network, Address: f.host(k),
		Drain: f.registrar.draining(k.name), Lost: k.wire.Lost(), Vanished: state.Vanished, Problems: len(problems),
		Verdicts: []control.Verdict{},
	}
	if pic := k.agent.Picture(); pic != nil {
		c.Exports = pic.ExportTotals().Exports
	}
	for _, from := range all {
		pic := from.agent.Picture()
		if pic == nil {
			continue
		}
		if m := pic.Member(k.name); m != nil {
			c.Verdicts = append(c.Verdicts, control.Verdict{
				From: from.name, Verdict: m.Verdict, Reason: m.Reason, Since: m.Since, Held: m.Held,
			})
		}
	}
	return c
}

// Status returns the state of the whole clusterset.
func (f *Fleet) Status() control.Status {
	s := control.Status{HubUp: f.hub.IsUp(), Clusters: f.Clusters()}
	f.mu.RLock()
	problems := f.problems
	f.mu.RUnlock()
	folders := map[string]string{}
	for _, k := range f.all() {
		state, _ := k.state()
		folders[state.Folder] = k.name
	}
	for _, p := range problems {
		object := ""
		if p.Object.Kind != "" {
			object = p.Object.String()
		}
		s.Problems = append(s.Problems, control.Problem{
			Cluster: folders[p.Folder], Where: p.Where(), Object: object, Field: p.Field, Message: p.Message,
		})
	}
	services := map[fleet.Name]*control.Service{}
	for _, k := range f.all() {
		for _, why := range k.pods.failures() {
			s.Problems = append(s.Problems, control.Problem{Cluster: k.name, Message: why})
		}
		s.Listeners = append(s.Listeners, k.doors.problems()...)
		s.XDS = append(s.XDS, k.data.clients(k.name)...)
		s.Proxies = append(s.Proxies, k.data.status(k.name))
		if pic := k.agent.Picture(); pic != nil {
			gather(&s, services, k, pic)
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(services), fleet.Name.Compare) {
		s.Services = append(s.Services, *services[name])
	}
	return s
}

// gather adds what one cluster's picture tells.
func gather(s *control.Status, services map[fleet.Name]*control.Service, k *cluster, pic *picture.Picture) {
	for r := range pic.Rejections() {
		s.Rejections = append(s.Rejections, control.Rejection{Cluster: k.name, Object: r.Object.String(), Where: r.Where, Message: r.Message})
	}
	for _, r := range k.data.rejections() {
		s.Rejections = append(s.Rejections, control.Rejection{Cluster: k.name, Object: r.Object.String(), Where: r.Where, Message: r.Message})
	}
	for st := range pic.Statuses() {
		s.Unready = append(s.Unready, unready(k.name, st)...)
	}
	for svc := range pic.Services() {
		sum := services[svc.Name]
		if sum == nil {
			sum = &control.Service{Name: svc.Name.String(), Headless: svc.Headless, Exporters: []string{}}
			services[svc.Name] = sum
		}
		for _, e := range svc.Exporters {
			sum.Exporters = insert(sum.Exporters, e.Cluster)
		}
		for _, c := range svc.Conflicts {
			sum.Conflicts = insert(sum.Conflicts, c.Reason+": "+c.Message)
		}
		for _, h := range svc.Held {
			sum.Held = insert(sum.Held, h)
		}
	}
}

// insert adds a word to a sorted list, once.
func insert(list []string, word string) []string {
	i, found := slices.BinarySearch(list, word)
	if found {
		return list
	}
	return slices.Insert(list, i, word)
}

// bad lists the conditions that are bad when they are True; all others are bad when they are not.
var bad = map[string]bool{"Conflict": true, "Conflicted": true, "PartiallyInvalid": true, "OverlappingTLSConfig": true}

// unready returns the conditions of an object that are not as they should be.
func unready(cluster string, st *picture.Status) (out []control.Unready) {
	add := func(part string, conditions []fleet.Condition) {
		for _, c := range conditions {
			if bad[c.Type] == (c.Status == fleet.True) {
				out = append(out, control.Unready{Cluster: cluster, Object: st.Object.String(), Part: part, Condition: c})
			}
		}
	}
	add("", st.Conditions)
	for _, l := range st.Listeners {
		add("listener "+string(l.Name), l.Conditions)
	}
	for _, p := range st.Parents {
		part := "parent " + string(p.Parent.Name)
		if p.Parent.SectionName != nil {
			part += "/" + string(*p.Parent.SectionName)
		}
		add(part, p.Conditions)
	}
	return out
}

// host returns the address at which a cluster is really reached.
func (f *Fleet) host(k *cluster) string {
	if !f.moved {
		return k.address.String()
	}
	host, _, err := net.SplitHostPort(f.net.Actual(k.at(beaconPorts[0])))
	if err != nil {
		return k.address.String()
	}
	return host
}
