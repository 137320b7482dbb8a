package role

import (
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/kube"
	"fairlead.dev/fairlead/mcs"
)

// stopwatch measures how long endpoints travel: from the moment at which the exporting agent saw a slice, which its record says, until the
// slice that came of it was written here. The clocks of two clusters may differ; what would come out as less than nothing is left out.
type stopwatch struct {
	own     string // the cluster that measures
	metrics *kube.Metrics

	mu    sync.Mutex
	since map[journey]time.Time
}

// journey is one slice of one service of one cluster.
type journey struct{ namespace, service, cluster, slice string }

// oldest bounds what is measured: records that are listed when the hub is found were written long ago.
const oldest = time.Minute

func newStopwatch(own string, m *kube.Metrics) *stopwatch {
	return &stopwatch{own: own, metrics: m, since: map[journey]time.Time{}}
}

// heard starts the clock for a record that is news.
func (s *stopwatch) heard(e hub.Event) {
	r, ok := e.Object.(*v1alpha1.EndpointRecord)
	if !ok || r.Spec.Cluster == s.own {
		return
	}
	j := journey{r.Spec.Namespace, r.Spec.Service, r.Spec.Cluster, r.Spec.Slice}
	at, err := time.Parse(time.RFC3339Nano, r.Annotations[hub.AnnotationReceived])
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Type != hub.Put || err != nil || time.Since(at) > oldest {
		delete(s.since, j)
		return
	}
	s.since[j] = at
}

// wrote stops it.
func (s *stopwatch) wrote(slice *discoveryv1.EndpointSlice) {
	j := journey{
		slice.Namespace, slice.Labels[mcsv1beta1.LabelServiceName], slice.Labels[mcsv1beta1.LabelSourceCluster],
		slice.Annotations[mcs.AnnotationSourceSlice],
	}
	s.mu.Lock()
	at, ok := s.since[j]
	delete(s.since, j)
	s.mu.Unlock()
	if d := time.Since(at); ok && d >= 0 && d < oldest {
		s.metrics.Propagated(d)
	}
}
