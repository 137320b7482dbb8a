package picture

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/balance"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/mcs"
)

// export computes what the own cluster exports under one name.
func export(_ *Centre, v view, path string, _ time.Time) ([]value, time.Time) {
	ex, ok := v.get("ServiceExport", path).(*mcsv1beta1.ServiceExport)
	if !ok {
		return nil, time.Time{}
	}
	svc, _ := v.get("Service", path).(*corev1.Service)
	out := mcs.Export(mcs.Source{Cluster: v.vantage.Name, Export: ex, Service: svc, Slices: slicesOf(v, path)})
	values := []value{{Key{kindValid, path}, out.Conditions}}
	if out.Record != nil {
		values = append(values, value{
			Key{KindExport, path},
			&Export{Service: fleet.ParseName(path), Record: out.Record, Endpoints: out.Endpoints},
		})
	}
	return values, time.Time{}
}

// exported computes the status of a ServiceExport.
func exported(_ *Centre, v view, path string, _ time.Time) ([]value, time.Time) {
	ex, ok := v.get("ServiceExport", path).(*mcsv1beta1.ServiceExport)
	if !ok {
		return nil, time.Time{}
	}
	st := &Status{Object: fleet.Ref{Kind: "ServiceExport", Name: fleet.ParseName(path)}, Generation: ex.Generation}
	valid, _ := v.get(kindValid, path).([]fleet.Condition)
	st.Conditions = append(st.Conditions, valid...)
	if svc, ok := v.get(KindService, path).(*Service); ok && svc.Imported != nil {
		st.Conditions = append(st.Conditions, svc.Imported.ExportConditions...)
	}
	return []value{statusValue(st)}, time.Time{}
}

// endpoints unpacks one slice of another cluster.
func endpoints(_ *Centre, v view, path string, _ time.Time) ([]value, time.Time) {
	rec, ok := v.get("EndpointRecord", path).(*v1alpha1.EndpointRecord)
	if !ok {
		return nil, time.Time{}
	}
	s, why := mcs.Unpack(rec)
	if why != "" {
		ref := fleet.Ref{Kind: "EndpointRecord", Name: fleet.Name{Namespace: rec.Spec.Cluster, Name: rec.Name}}
		return []value{rejection(ref, "unpack", "", why)}, time.Time{}
	}
	return []value{{Key{kindSlice, path}, s}}, time.Time{}
}

// local reads one slice of the own cluster.
func local(_ *Centre, v view, path string, _ time.Time) ([]value, time.Time) {
	es, ok := v.get("EndpointSlice", path).(*discoveryv1.EndpointSlice)
	if !ok {
		return nil, time.Time{}
	}
	s := mcs.SliceOf(v.vantage.Name, es)
	if s == nil {
		return nil, time.Time{}
	}
	return []value{{Key{kindLocalSlice, path}, s}}, time.Time{}
}

// silence tells whether nobody answers any more: with two others or more, that is more likely to be our own fault. It outlasts the first
// answer by as long as a lost cluster must answer to be found, since the others' misses may still be those of our own fault.
func silence(c *Centre, v view, _ string, now time.Time) ([]value, time.Time) {
	others, dead := 0, 0
	v.under("Observed", "", func(cluster string, o any) bool {
		if probes := o.(*Observed).Probes; cluster != v.vantage.Name && len(probes) > 0 {
			others++
			if !slices.ContainsFunc(probes, func(p health.Probe) bool { return p.Misses < v.vantage.Health.Misses }) {
				dead++
			}
		}
		return true
	})
	if others == 0 {
		c.prior.Silence = Silence{}
		return nil, time.Time{}
	}
	was := c.prior.Silence
	switch {
	case others >= 2 && dead == others:
		c.prior.Silence = Silence{Total: true}
	case was.Total:
		c.prior.Silence = Silence{Broken: now}
	}
	quiet, until := c.prior.Silence.Total, time.Time{}
	if broken := c.prior.Silence.Broken; !broken.IsZero() {
		if until = broken.Add(v.vantage.Health.Recover); now.Before(until) {
			quiet = true
		} else {
			until = time.Time{}
		}
	}
	return []value{{Key{kindSilence, "all"}, quiet}}, until
}

// member computes the verdict on one cluster.
func member(c *Centre, v view, cluster string, now time.Time) ([]value, time.Time) {
	obs := health.Observation{MarkerAge: -1}
	obs.Member, _ = v.get("Member", cluster).(*v1alpha1.Member)
	if obs.Member == nil && cluster == v.vantage.Name {
		obs.Member = self(v.vantage)
	}
	if obs.Member == nil {
		delete(c.prior.Members, cluster)
		return nil, time.Time{}
	}
	described := obs.Member
	gone, _ := v.get(kindAbsence, cluster).(absence)
	if gone.MemberUnseen {
		obs.Member = nil
	}
	if o, ok := v.get("Observed", cluster).(*Observed); ok && cluster != v.vantage.Name {
		obs.Probes = o.Probes
		if !o.MarkerSeen.IsZero() {
			obs.MarkerAge = now.Sub(o.MarkerSeen)
		}
		obs.OthersAllDead, _ = v.get(kindSilence, "all").(bool)
	}
	state, wake := health.Judge(v.vantage.Health, obs, c.prior.Members[cluster], now)
	c.prior.Members[cluster] = state

	if cluster == v.vantage.Name && state.Verdict == fleet.Serving {
		state.Reason = "" // nobody probes itself
	}
	m := describe(described)
	m.Verdict, m.Reason, m.Since, m.Held = state.Verdict, state.Reason, state.Since, gone.Held
	if gone.Held > 0 {
		m.Reason = strings.TrimPrefix(m.Reason+"; "+gone.Reason, "; ")
	}
	return []value{
		{Key{KindMember, cluster}, m},
		{Key{kindStanding, cluster}, balance.Member{Cluster: m.Cluster, Verdict: m.Verdict}},
	}, wake
}

func self(v Vantage) *v1alpha1.Member {
	return &v1alpha1.Member{Spec: v1alpha1.MemberSpec{
		Cluster: v.Name, Region: v.Region, Zone: v.Zone, Network: v.Network, Properties: v.Labels,
	}}
}

func describe(m *v1alpha1.Member) *Member {
	out := &Member{Cluster: fleet.Cluster{
		Name:     m.Spec.Cluster,
		Locality: fleet.Locality{Region: m.Spec.Region, Zone: m.Spec.Zone},
		Network:  m.Spec.Network,
		Labels:   m.Spec.Properties,
	}}
	for _, b := range m.Spec.Beacons {
		if ap, err := netip.ParseAddrPort(b); err == nil {
			out.Beacons = append(out.Beacons, ap)
		}
	}
	return out
}

// merged merges the records of all clusters for one name.
func merged(_ *Centre, v view, path string, _ time.Time) (values []value, _ time.Time) {
	var records []*v1alpha1.ServiceRecord
	v.under("ServiceRecord", path, func(_ string, f any) bool {
		rec := f.(*v1alpha1.ServiceRecord)
		ref := fleet.Ref{Kind: "ServiceRecord", Name: fleet.Name{Namespace: rec.Spec.Cluster, Name: rec.Name}}
		standing, known := v.get(kindStanding, rec.Spec.Cluster).(balance.Member)
		why := mcs.ValidateRecord(rec)
		switch {
		case why != "":
			values = append(values, rejection(ref, "record", "", why))
		case !known:
			values = append(values, rejection(ref, "member", "",
				"no Member object for cluster "+rec.Spec.Cluster+": the record waits until the cluster is a member of the clusterset"))
		case standing.Verdict != fleet.Gone:
			records = append(records, rec)
		}
		return true
	})
	if own, ok := v.get(KindExport, path).(*Export); ok {
		records = append(records, own.Record)
	}
	if m := mcs.Merge(fleet.ParseName(path), records); m != nil {
		values = append(values, value{Key{kindMerged, path}, m})
	}
	return values, time.Time{}
}

func statusValue(s *Status) value {
	return value{Key{KindStatus, s.Object.Kind + "/" + s.Object.Name.String()}, s}
}

func slicesOf(v view, path string) (out []*discoveryv1.EndpointSlice) {
	v.under("EndpointSlice", path, func(_ string, s any) bool {
		out = append(out, s.(*discoveryv1.EndpointSlice))
		return true
	})
	return out
}
