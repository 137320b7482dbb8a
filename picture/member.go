package picture

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/balance"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
)

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
	if described.Spec.Pending {
		m.Beacons = nil // addresses that nobody has approved are not called
		m.Reason = strings.TrimPrefix(m.Reason+"; it is not approved yet, and nothing of it is taken", "; ")
	}
	if gone.Held > 0 {
		m.Reason = strings.TrimPrefix(m.Reason+"; "+gone.Reason, "; ")
	}
	return []value{
		{Key{KindMember, cluster}, m},
		{Key{kindStanding, cluster}, balance.Member{Cluster: m.Cluster, Verdict: m.Verdict}},
		{Key{kindGrant, cluster}, grantOf(described, m.Verdict)},
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
	for _, b := range slices.Concat(m.Spec.Beacons, m.Status.Beacons) {
		if ap, err := netip.ParseAddrPort(b); err == nil && !slices.Contains(out.Beacons, ap) {
			out.Beacons = append(out.Beacons, ap)
		}
	}
	return out
}
