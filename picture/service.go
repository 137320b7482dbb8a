package picture

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"fairlead.dev/fairlead/balance"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// service computes one service of the clusterset as it is imported here, and its endpoint groups.
func service(c *Centre, v view, path string, _ time.Time) ([]value, time.Time) {
	u, ok := v.get(kindMerged, path).(union)
	if !ok {
		c.ips.release(fleet.ParseName(path))
		return nil, time.Time{}
	}
	m := u.Merged
	own := m.ExportedBy(v.vantage.Name)
	raw, packed := importedSlices(v, path, m, own)
	standings := standingsOf(v, m)
	effective := balance.Withdraw(reachable(raw, v.vantage, standings), standings)
	out := &Service{Merged: m, Slices: effective, Held: heldOf(v, path)}
	values := []value{{Key{KindService, path}, out}}
	if !v.importable(m.Name.Namespace) {
		c.ips.release(m.Name)
		return values, time.Time{}
	}
	var pending string
	if v.vantage.real() {
		out.Merged, out.IPs, pending = c.derived(v, m)
	} else {
		out.IPs, pending = c.addresses(m)
	}
	out.Imported = mcs.Import(mcs.ImportInput{
		Merged: out.Merged, IPs: out.IPs, Families: families(v.vantage), Slices: effective, Records: u.Kept, Packed: packed,
		Own: v.vantage.Name, Exporting: own, Pending: pending, NamespaceExists: true,
	})
	for _, port := range m.Ports {
		values = append(values, groupValue(balance.Input{
			ID:      fleet.GroupID{Kind: fleet.Import, Service: m.Name, Port: port.Port.Port}.Over(port.Protocol),
			Vantage: v.vantage.Cluster, Clusters: standings, Slices: raw,
			PortName: port.Sources, Protocol: port.Protocol, AppProtocol: port.AppProtocol,
			SessionAffinity: string(m.SessionAffinity), AffinityTimeout: affinityTimeout(m.SessionAffinityConfig),
			Policy: v.vantage.Balance,
		}))
	}
	return values, time.Time{}
}

// localGroups computes the endpoint groups of a Service: the own cluster's endpoints only (GEP-1748).
func localGroups(_ *Centre, v view, path string, _ time.Time) (values []value, _ time.Time) {
	svc, ok := v.get("Service", path).(*corev1.Service)
	if !ok || svc.Spec.Type == corev1.ServiceTypeExternalName {
		return nil, time.Time{}
	}
	raw := localSlices(v, path)
	standing, _ := v.get(kindStanding, v.vantage.Name).(balance.Member)
	for _, p := range svc.Spec.Ports {
		app := ""
		if p.AppProtocol != nil {
			app = *p.AppProtocol
		}
		protocol := fleet.Protocol(p.Protocol)
		if protocol == "" {
			protocol = fleet.TCP
		}
		values = append(values, groupValue(balance.Input{
			ID:      fleet.GroupID{Kind: fleet.Local, Service: fleet.ParseName(path), Port: uint16(p.Port)}.Over(protocol),
			Vantage: v.vantage.Cluster, Clusters: map[string]balance.Member{v.vantage.Name: standing}, Slices: raw,
			PortName: map[string]string{v.vantage.Name: p.Name}, Protocol: protocol, AppProtocol: app,
			SessionAffinity: string(svc.Spec.SessionAffinity), AffinityTimeout: affinityTimeout(svc.Spec.SessionAffinityConfig),
		}))
	}
	return values, time.Time{}
}

func groupValue(in balance.Input) value {
	return value{Key{KindGroup, in.ID.String()}, balance.Group(in)}
}

// importedSlices returns the slices of the exporting clusters, the own ones as they are here and now, and what an import keeps of the
// others.
func importedSlices(v view, path string, m *mcs.Merged, own bool) (out []*fleet.Slice, kept map[mcs.SourceSlice]string) {
	v.under(kindSlice, path, func(_ string, s any) bool {
		src := s.(source)
		if sl := src.Slice; sl.Cluster != v.vantage.Name && m.ExportedBy(sl.Cluster) {
			out = append(out, sl)
			if src.Kept != "" {
				if kept == nil {
					kept = map[mcs.SourceSlice]string{}
				}
				kept[mcs.SourceSlice{Cluster: sl.Cluster, Name: sl.Name}] = src.Kept
			}
		}
		return true
	})
	if own {
		out = append(out, localSlices(v, path)...)
	}
	return out, kept
}

// reachable leaves out the slices of clusters whose pods the vantage's network does not reach.
func reachable(raw []*fleet.Slice, v Vantage, standings map[string]balance.Member) (out []*fleet.Slice) {
	for _, s := range raw {
		if balance.Reachable(v.Cluster, standings[s.Cluster].Cluster) {
			out = append(out, s)
		}
	}
	return out
}

func localSlices(v view, path string) (out []*fleet.Slice) {
	v.under(kindLocalSlice, path, func(_ string, s any) bool {
		out = append(out, s.(*fleet.Slice))
		return true
	})
	return out
}

func standingsOf(v view, m *mcs.Merged) map[string]balance.Member {
	out := map[string]balance.Member{}
	for _, e := range m.Exporters {
		if s, ok := v.get(kindStanding, e.Cluster).(balance.Member); ok {
			out[e.Cluster] = s
		}
	}
	return out
}

// heldOf returns the clusters of whose records for a service something is held.
func heldOf(v view, path string) (clusters []string) {
	v.under(kindHeld, path, func(p string, _ any) bool {
		rest, kind := lastWord(p)
		if cluster := recordCluster(Key{Kind(kind), rest}); !slices.Contains(clusters, cluster) {
			clusters = append(clusters, cluster)
		}
		return true
	})
	return clusters
}

func affinityTimeout(c *corev1.SessionAffinityConfig) int {
	if c == nil || c.ClientIP == nil || c.ClientIP.TimeoutSeconds == nil {
		return int(corev1.DefaultClientIPServiceAffinitySeconds)
	}
	return int(*c.ClientIP.TimeoutSeconds)
}

// families returns the address families of the cluster's services, nil if it was not told.
func families(v Vantage) (out []corev1.IPFamily) {
	if v.real() {
		return v.Families
	}
	for _, r := range v.ServiceRanges {
		if r.Addr().Is4() {
			out = append(out, corev1.IPv4Protocol)
		} else {
			out = append(out, corev1.IPv6Protocol)
		}
	}
	return out
}
