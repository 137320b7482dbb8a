package mcs

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
)

// ImportInput is all that the import of one service into one cluster depends on.
type ImportInput struct {
	Merged *Merged
	// IPs are the clusterset IPs that this cluster has for the service, at most one of each family, in any order. The derived Service
	// asks for them.
	IPs []netip.Addr
	// Families are those that the importing cluster speaks; nil: as merged.
	Families []corev1.IPFamily
	// Slices are the endpoints of all clusters, with every verdict already applied.
	Slices []*fleet.Slice
	// Own is the own cluster's id; Exporting says that it exports the service itself.
	Own       string
	Exporting bool
	// Pending, where not empty, says why the import is not ready yet.
	Pending string
	// Records and Packed are what the imported objects carry, so that Restore finds the other clusters' records again: what KeepRecords
	// and KeepPacked made, Packed by source cluster and slice. Without them the objects carry nothing.
	Records string
	Packed  map[SourceSlice]string
	// NamespaceExists says that this cluster has the service's namespace (M9).
	NamespaceExists bool
}

// SourceSlice names an EndpointSlice of another cluster, within one service.
type SourceSlice struct{ Cluster, Name string }

// Import turns a merged service into what one cluster needs of it: the ServiceImport (M9 to M14), the derived Service (M15) with its
// EndpointSlices (M16), and the conditions Ready and Conflict of the cluster's own ServiceExport (M18). It returns nil where there is
// no service, or no namespace to put it in.
//
// The IP families are the merged ones that this cluster speaks; with none in common the import is there, and is not ready. Conditions
// have no transition times: whoever writes them compares with what was there.
func Import(in ImportInput) *Imported {
	if in.Merged == nil || !in.NamespaceExists {
		return nil
	}
	families := importFamilies(in)
	ips := importIPs(in, families)
	out := &Imported{Object: serviceImport(in, families, ips), Service: derivedService(in, families, ips), Slices: endpointSlices(in)}
	if in.Exporting {
		out.ExportConditions = []fleet.Condition{exportReady(in), exportConflict(in.Merged)}
	}
	return out
}

func serviceImport(in ImportInput, families []corev1.IPFamily, ips []netip.Addr) *mcsv1beta1.ServiceImport {
	m := in.Merged
	object := &mcsv1beta1.ServiceImport{
		TypeMeta: metav1.TypeMeta{APIVersion: mcsv1beta1.GroupVersion.String(), Kind: mcsv1beta1.ServiceImportKindName},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: m.Name.Namespace, Name: m.Name.Name, Labels: m.Labels, Annotations: m.Annotations,
		},
		Spec: mcsv1beta1.ServiceImportSpec{
			Ports:                 importPorts(m.Ports),
			IPs:                   texts(ips),
			Type:                  typeOf(m.Headless),
			SessionAffinity:       m.SessionAffinity,
			SessionAffinityConfig: m.SessionAffinityConfig,
			IPFamilies:            families,
			InternalTrafficPolicy: m.InternalTrafficPolicy,
			TrafficDistribution:   m.TrafficDistribution,
		},
	}
	for _, e := range m.Exporters {
		object.Status.Clusters = append(object.Status.Clusters, mcsv1beta1.ClusterStatus{Cluster: e.Cluster})
	}
	slices.SortFunc(object.Status.Clusters, func(a, b mcsv1beta1.ClusterStatus) int { return cmp.Compare(a.Cluster, b.Cluster) })
	object.Status.EndpointSliceObjects = mcsv1beta1.EndpointSliceObjectsPresent
	object.Status.Conditions = []metav1.Condition{importReady(in, families, ips)}
	// Two views of one merged service must not share what a writer may change.
	return object.DeepCopy()
}

// importFamilies returns the merged families that the cluster speaks, in the merged order (M11). Where neither is known, those of the IPs.
func importFamilies(in ImportInput) []corev1.IPFamily {
	families := in.Merged.IPFamilies
	switch {
	case len(families) == 0 && len(in.Families) > 0:
		return in.Families
	case len(families) == 0:
		for _, ip := range in.IPs {
			if !slices.Contains(families, familyOf(ip)) {
				families = append(families, familyOf(ip))
			}
		}
		return families
	case in.Families == nil:
		return families
	}
	return slices.DeleteFunc(slices.Clone(families), func(f corev1.IPFamily) bool { return !slices.Contains(in.Families, f) })
}

// importIPs returns an IP for each family, in that order, as far as there is one (M11). A headless service has none (M10).
func importIPs(in ImportInput, families []corev1.IPFamily) (ips []netip.Addr) {
	if in.Merged.Headless {
		return nil
	}
	for _, f := range families {
		i := slices.IndexFunc(in.IPs, func(ip netip.Addr) bool { return familyOf(ip) == f })
		if i >= 0 {
			ips = append(ips, in.IPs[i])
		}
	}
	return ips
}

func texts(ips []netip.Addr) (out []string) {
	for _, ip := range ips {
		out = append(out, ip.String())
	}
	return out
}

func importPorts(merged []MergedPort) []mcsv1beta1.ServicePort {
	ports := make([]mcsv1beta1.ServicePort, 0, len(merged))
	for _, p := range merged {
		port := mcsv1beta1.ServicePort{Name: p.Name, Protocol: corev1.Protocol(p.Protocol), Port: int32(p.Port.Port)}
		if p.AppProtocol != "" {
			port.AppProtocol = &p.AppProtocol
		}
		ports = append(ports, port)
	}
	return ports
}

func importReady(in ImportInput, families []corev1.IPFamily, ips []netip.Addr) metav1.Condition {
	c := metav1.Condition{Type: string(mcsv1beta1.ServiceImportConditionReady), Status: metav1.ConditionFalse}
	switch {
	case len(families) == 0 && len(in.Merged.IPFamilies) > 0:
		c.Reason = string(mcsv1beta1.ServiceImportReasonIPFamilyNotSupported)
		c.Message = fmt.Sprintf("the service is exported over %s, and this cluster speaks %s",
			familiesText(in.Merged.IPFamilies), cmp.Or(familiesText(in.Families), "neither IPv4 nor IPv6"))
	case in.Pending != "":
		c.Reason = string(mcsv1beta1.ServiceImportReasonPending)
		c.Message = in.Pending
	case !in.Merged.Headless && (len(ips) == 0 || len(ips) < len(families)):
		c.Reason = string(mcsv1beta1.ServiceImportReasonPending)
		c.Message = fmt.Sprintf("%d of %d clusterset IPs are allocated", len(ips), max(1, len(families)))
	default:
		c.Status = metav1.ConditionTrue
		c.Reason = string(mcsv1beta1.ServiceImportReasonReady)
		c.Message = "imported from " + clusters(exporterNames(in.Merged))
		if in.Merged.Stays != "" {
			c.Message += "; " + in.Merged.Stays
		}
	}
	return c
}

func exportReady(in ImportInput) fleet.Condition {
	c := fleet.Condition{Type: string(mcsv1beta1.ServiceExportConditionReady)}
	if slices.Contains(exporterNames(in.Merged), in.Own) {
		c.Status, c.Reason = fleet.True, string(mcsv1beta1.ServiceExportReasonExported)
		c.Message = "exported to the clusterset"
		return c
	}
	c.Status, c.Reason = fleet.False, string(mcsv1beta1.ServiceExportReasonPending)
	c.Message = "the record of this export is not among those of the clusterset yet"
	return c
}

// exportConflict is the same on every export of the service, whoever is in the wrong (M18). Several reasons are joined by commas.
func exportConflict(m *Merged) fleet.Condition {
	c := fleet.Condition{Type: string(mcsv1beta1.ServiceExportConditionConflict)}
	if len(m.Conflicts) == 0 {
		c.Status, c.Reason = fleet.False, string(mcsv1beta1.ServiceExportReasonNoConflicts)
		c.Message = "all exports agree"
		return c
	}
	var reasons, messages []string
	for _, conflict := range m.Conflicts {
		reasons = append(reasons, conflict.Reason)
		messages = append(messages, conflict.Message)
	}
	c.Status, c.Reason, c.Message = fleet.True, strings.Join(reasons, ","), strings.Join(messages, ". ")
	return c
}

// exporterNames are the exporting clusters, sorted.
func exporterNames(m *Merged) []string {
	names := make([]string, 0, len(m.Exporters))
	for _, e := range m.Exporters {
		names = append(names, e.Cluster)
	}
	slices.Sort(names)
	return names
}
