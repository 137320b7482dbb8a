package picture

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// export computes what the own cluster exports under one name. What its Member does not allow it is not exported: the others would refuse
// it, and all are to merge the same.
func export(_ *Centre, v view, path string, _ time.Time) ([]value, time.Time) {
	ex, ok := v.get("ServiceExport", path).(*mcsv1beta1.ServiceExport)
	if !ok {
		return nil, time.Time{}
	}
	svc, _ := v.get("Service", path).(*corev1.Service)
	out := mcs.Export(mcs.Source{Cluster: v.vantage.Name, Export: ex, Service: svc, Slices: slicesOf(v, path)})
	own, _ := v.get(kindGrant, v.vantage.Name).(grant)
	if why := own.refuses(v.vantage.Name, ex.Namespace); why != "" && out.Record != nil {
		out.Conditions = append(out.Conditions, notReady(own, why))
		if !own.Pending {
			out.Record = nil
		}
	}
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
		for _, c := range svc.Imported.ExportConditions {
			if !slices.ContainsFunc(valid, func(told fleet.Condition) bool { return told.Type == c.Type }) {
				st.Conditions = append(st.Conditions, c)
			}
		}
	}
	return []value{statusValue(st)}, time.Time{}
}

// notReady is the condition of an export that the own Member does not allow, or not yet.
func notReady(own grant, why string) fleet.Condition {
	reason := mcsv1beta1.ServiceExportReasonFailed
	if own.Pending {
		reason = mcsv1beta1.ServiceExportReasonPending
	}
	return fleet.Condition{Type: string(mcsv1beta1.ServiceExportConditionReady), Status: fleet.False, Reason: string(reason), Message: why}
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
