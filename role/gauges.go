package role

import (
	"github.com/prometheus/client_golang/prometheus"
)

// gauges tells numbers of the newest picture when they are asked for.
type gauges struct{ *pages }

var (
	descLeader   = gauge("fairlead_leader", "1 in the replica that writes.")
	descHub      = gauge("fairlead_hub_up", "1 while the hub is there and everything on it is known.")
	descExports  = gauge("fairlead_exports", "Services that this cluster exports.")
	descSlices   = gauge("fairlead_exported_slices", "EndpointSlices that this cluster exports.")
	descImports  = gauge("fairlead_imports", "Services of the clusterset that are imported here.")
	descNotReady = gauge("fairlead_imports_not_ready", "Imported services whose ServiceImport is not ready.")
	descConflict = gauge("fairlead_conflicts", "Services of the clusterset on which exports disagree.")
	descEndpoint = gauge("fairlead_imported_endpoints", "Endpoints of imported services, by the cluster that they are in.", "cluster")
	descHeld     = gauge("fairlead_held_records", "Records that are missing without an explanation and are kept, by their cluster.", "cluster")
	descVerdict  = gauge("fairlead_cluster_verdict", "1 for the verdict on each cluster: serving, suspect, draining or lost.", "cluster", "verdict")
	descRejected = gauge("fairlead_rejections", "Objects and records that were not taken.")
)

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (g gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descLeader, descHub, descExports, descSlices, descImports, descNotReady, descConflict, descEndpoint, descHeld, descVerdict, descRejected,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(to chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, value int, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), labels...)
	}
	tell(descLeader, bit(g.leads.Load()))
	if !g.ready.Load() {
		return
	}
	tell(descHub, bit(g.member.line.state().Up))
	pic := g.member.agent.Picture()
	if pic == nil {
		return
	}
	totals := pic.ExportTotals()
	tell(descExports, totals.Exports)
	tell(descSlices, totals.Slices)
	var imports, notReady, conflicts, rejections int
	endpoints := map[string]int{}
	for s := range pic.Services() {
		if len(s.Conflicts) > 0 {
			conflicts++
		}
		if s.Imported == nil {
			continue
		}
		imports++
		if !ready(s) {
			notReady++
		}
		for _, slice := range s.Slices {
			endpoints[slice.Cluster] += len(slice.Endpoints)
		}
	}
	for range pic.Rejections() {
		rejections++
	}
	tell(descImports, imports)
	tell(descNotReady, notReady)
	tell(descConflict, conflicts)
	tell(descRejected, rejections)
	for cluster, n := range endpoints {
		tell(descEndpoint, n, cluster)
	}
	for m := range pic.Members() {
		tell(descHeld, m.Held, m.Name)
		tell(descVerdict, 1, m.Name, m.Verdict.String())
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
