package picture

import (
	"fmt"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// source is a slice of another cluster, and what an import keeps of its record.
type source struct {
	Slice *fleet.Slice
	Kept  string
}

// union is a merged service, and what an import keeps of the others' records.
type union struct {
	Merged *mcs.Merged
	Kept   string
}

// endpoints unpacks one slice of another cluster.
func endpoints(_ *Centre, v view, path string, _ time.Time) ([]value, time.Time) {
	rec, ok := v.get("EndpointRecord", path).(*v1alpha1.EndpointRecord)
	if !ok {
		return nil, time.Time{}
	}
	cluster := rec.Spec.Cluster
	g, _ := v.get(kindGrant, cluster).(grant)
	where, known := v.get(kindGround, cluster).(mcs.Ground)
	if !known {
		where.Loopback = !v.vantage.real()
	}
	why := g.refuses(cluster, rec.Spec.Namespace)
	var src source
	if why == "" {
		src.Slice, why = mcs.Unpack(rec, where)
	}
	var values []value
	if why != "" {
		ref := fleet.Ref{Kind: "EndpointRecord", Name: fleet.Name{Namespace: cluster, Name: rec.Name}}
		values = append(values, rejection(ref, "unpack", "", why))
	}
	if src.Slice != nil {
		if v.vantage.real() {
			src.Kept = mcs.KeepPacked(rec)
		}
		values = append(values, value{Key{kindSlice, path}, src})
	}
	return values, time.Time{}
}

// merged merges the records of all clusters for one name.
func merged(_ *Centre, v view, path string, _ time.Time) (values []value, _ time.Time) {
	var records, early []*v1alpha1.ServiceRecord
	var gone bool
	count := func(rec *v1alpha1.ServiceRecord, joined time.Time) {
		counted := mcs.Since(rec, joined)
		records = append(records, counted)
		if counted != rec {
			early = append(early, rec)
		}
	}
	v.under("ServiceRecord", path, func(_ string, f any) bool {
		rec := f.(*v1alpha1.ServiceRecord)
		g, known := v.get(kindGrant, rec.Spec.Cluster).(grant)
		if why := refusal(rec, g, known); why != "" {
			values = append(values, rejection(refOf(rec), "record", "", why))
		} else if gone = g.Gone; !gone {
			count(rec, g.Joined)
		}
		return true
	})
	if own, ok := v.get(KindExport, path).(*Export); ok {
		g, _ := v.get(kindGrant, v.vantage.Name).(grant)
		count(own.Record, g.Joined)
	}
	m := mcs.Merge(fleet.ParseName(path), records)
	if m == nil {
		if gone { // no value is remembered to have read nothing, and they may come back
			values = append(values, value{Key{kindMerged, path}, nil})
		}
		return values, time.Time{}
	}
	u := union{Merged: m}
	if v.vantage.real() {
		u.Kept = m.KeepRecords(v.vantage.Name)
	}
	values = append(values, value{Key{kindMerged, path}, u})
	return append(values, backdated(m, early)...), time.Time{}
}

func refusal(rec *v1alpha1.ServiceRecord, g grant, known bool) string {
	switch why := mcs.ValidateRecord(rec); {
	case why != "":
		return why
	case !known:
		return "no Member object for cluster " + rec.Spec.Cluster + ": the record waits until the cluster is a member of the clusterset"
	}
	return g.refuses(rec.Spec.Cluster, rec.Spec.Namespace)
}

// backdated tells of the exports that say they are older than their cluster's membership, where that would have decided a conflict.
func backdated(m *mcs.Merged, early []*v1alpha1.ServiceRecord) (values []value) {
	if len(m.Conflicts) == 0 {
		return nil
	}
	for _, rec := range early {
		if winner := m.Exporters[0]; rec.Spec.Cluster != winner.Cluster && rec.Spec.ExportedAt.Time.Before(winner.ExportedAt) {
			values = append(values, rejection(refOf(rec), "age", "", fmt.Sprintf(
				"spec.exportedAt %s is before cluster %s joined the clusterset: its export counts from then on, and that of cluster %s is older",
				rec.Spec.ExportedAt.UTC().Format(time.RFC3339), rec.Spec.Cluster, winner.Cluster)))
		}
	}
	return values
}

func refOf(rec *v1alpha1.ServiceRecord) fleet.Ref {
	return fleet.Ref{Kind: "ServiceRecord", Name: fleet.Name{Namespace: rec.Spec.Cluster, Name: rec.Name}}
}
