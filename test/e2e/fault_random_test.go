package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/test/lab"
)

// fault is something that goes wrong for a while.
type fault struct {
	what string
	// cuts are the clusters whose data path it breaks: endpoints there may be withdrawn elsewhere, and others' endpoints there.
	cuts []string
	do   func() (mend func())
}

// TestRandomFaultsWithdrawNothingWrongly throws faults at three clusters whose pods live and answer all the time. An endpoint that its own
// cluster's API has never vanishes from anybody's slices, and is withdrawn only where it cannot be reached.
func TestRandomFaultsWithdrawNothingWrongly(t *testing.T) {
	s := tell(t)
	from := *seed
	if from == 0 {
		from = rand.Uint64()
	}
	t.Logf("%d faults, -seed=%d", *faults, from)
	random := rand.New(rand.NewPCG(from, from))
	for _, p := range s.everywhere() {
		for _, name := range []string{"cart", "of-" + p.Name} {
			p.runs(name, 2)
			p.exports(name)
		}
	}
	s.allIsWell()
	var trial trial
	for _, p := range s.everywhere() {
		trial.imports = append(trial.imports, p.Watches(t.Context(), s.namespace))
		trial.sources = append(trial.sources, p.WatchesOwn(t.Context(), s.namespace))
	}
	time.Sleep(time.Second)
	began := time.Now()
	for n := range *faults {
		f := s.fault(random)
		start := time.Now()
		mend := f.do()
		time.Sleep(time.Duration(500+random.IntN(2500)) * time.Millisecond)
		mend()
		for _, p := range s.everywhere() {
			p.answers()
		}
		trial.faults = append(trial.faults, happened{f, start, time.Now()})
		t.Logf("%3d. %s: %s", n+1, f.what, time.Since(start).Round(100*time.Millisecond))
	}
	s.allIsWell()
	wrong, followed, cut := trial.judge(s, began)
	t.Logf("%d faults in %s: %d withdrawals while a data path was cut, %d that followed the own cluster's API, %d wrong ones",
		*faults, time.Since(began).Round(time.Second), cut, followed, len(wrong))
	for _, w := range wrong {
		t.Error(w)
	}
}

// allIsWell waits until everybody sees everything.
func (s *story) allIsWell() {
	s.Helper()
	for _, p := range s.everywhere() {
		p.sees("cart", "ClusterSetIP http:80/TCP from east 2/2, north 2/2, west 2/2")
		for _, q := range s.everywhere() {
			p.sees("of-"+q.Name, "ClusterSetIP http:80/TCP from "+q.Name+" 2/2")
		}
	}
}

// fault draws one.
func (s *story) fault(random *rand.Rand) fault {
	p := s.everywhere()[random.IntN(3)]
	other := s.everywhere()[random.IntN(3)]
	components := []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"}
	component := components[random.IntN(len(components))]
	all := []fault{
		{"freeze " + component + " of " + p.Name, nil, s.verbs([]string{"freeze", p.Name, component}, []string{"thaw", p.Name, component})},
		{"kill " + component + " of " + p.Name, nil, s.verbs([]string{"kill", p.Name, component}, []string{"start", p.Name, component})},
		{"kill the agents of " + p.Name, nil, func() func() { p.killsAgents(); return func() {} }},
		{"freeze the agents of " + p.Name, nil, p.freezesAgents},
		{"delete the records of " + p.Name, nil, func() func() { s.deletes(p); return func() {} }},
		{"delete the Leases of " + p.Name, nil, func() func() { s.deletesLeases(p); return func() {} }},
		{"cut off " + p.Name, []string{p.Name}, s.verbs([]string{"cut", p.Name}, []string{"restore", p.Name})},
	}
	if p != s.west {
		all = append(all, fault{"cut off " + p.Name + " from the hub", nil, s.verbs([]string{"cut", p.Name, "--hub"}, []string{"restore", p.Name})})
	}
	if p != other {
		all = append(all, fault{
			p.Name + " hears nothing from " + other.Name, []string{p.Name, other.Name},
			s.verbs([]string{"cut", p.Name, "--from", other.Name}, []string{"restore", p.Name}),
		})
	}
	return all[random.IntN(len(all))]
}

func (s *story) verbs(breaking, mending []string) func() func() {
	return func() func() { return s.breaks(breaking, mending) }
}

// freezesAgents stops all agents of a cluster where they stand.
func (p *place) freezesAgents() func() {
	pids := p.agentProcesses()
	if len(pids) == 0 {
		return func() {}
	}
	return p.story.breaks(append([]string{"exec", p.Name, "kill", "-STOP"}, pids...), append([]string{"exec", p.Name, "kill", "-CONT"}, pids...))
}

// deletes deletes what a member has on the hub.
func (s *story) deletes(p *place) {
	for _, kind := range []client.Object{&v1alpha1.ServiceRecord{}, &v1alpha1.EndpointRecord{}} {
		if err := s.west.DeleteAllOf(s.Context(), kind, client.InNamespace(hub.Namespace(p.Name))); err != nil {
			s.Errorf("delete the records of %s: %v", p.Name, err)
		}
	}
}

func (s *story) deletesLeases(p *place) {
	beat, lead := &coordinationv1.Lease{}, &coordinationv1.Lease{}
	beat.Namespace, beat.Name = hub.Namespace(p.Name), "member"
	lead.Namespace, lead.Name = "fairlead-system", "fairlead-agent"
	for _, err := range []error{s.west.Delete(s.Context(), beat), p.Delete(s.Context(), lead)} {
		if client.IgnoreNotFound(err) != nil {
			s.Errorf("delete the Leases of %s: %v", p.Name, err)
		}
	}
}

// trial is what was done to the clusters, and what was seen in them.
type trial struct {
	imports, sources []*lab.Witness // of west, east and north
	faults           []happened
}

type happened struct {
	fault
	began, ended time.Time
}

// judge returns the withdrawals that nothing justifies, and counts the others: those that followed what the own cluster's API said, and
// those while a data path was cut.
func (tr *trial) judge(s *story, began time.Time) (wrong []string, followed, cut int) {
	gone := map[string][]time.Time{}
	for i, source := range tr.sources {
		for _, h := range losses(source, began) {
			key := s.everywhere()[i].Name + " " + h.Address
			gone[key] = append(gone[key], h.At)
		}
	}
	for i, w := range tr.imports {
		here := s.everywhere()[i].Name
		for _, h := range losses(w, began) {
			switch {
			case slices.ContainsFunc(gone[h.Source+" "+h.Address], func(at time.Time) bool { return near(at, h.At) }):
				followed++
			case h.What == lab.NotReady && tr.wasCut(h.At, here, h.Source):
				cut++
			default:
				wrong = append(wrong, fmt.Sprintf("in %s: %s; the last fault was %s", here, h, tr.lastBefore(h.At)))
			}
		}
	}
	return wrong, followed, cut
}

// near allows a withdrawal to come a while after its cause, as long as agents restart.
func near(cause, at time.Time) bool {
	return at.After(cause.Add(-time.Second)) && at.Before(cause.Add(30*time.Second))
}

// wasCut says whether the way between two clusters was cut at a moment, or just before.
func (tr *trial) wasCut(at time.Time, clusters ...string) bool {
	return slices.ContainsFunc(tr.faults, func(f happened) bool {
		return at.After(f.began) && at.Before(f.ended.Add(2*time.Second)) &&
			slices.ContainsFunc(f.cuts, func(c string) bool { return slices.Contains(clusters, c) })
	})
}

func (tr *trial) lastBefore(at time.Time) string {
	var last []string
	for _, f := range tr.faults {
		if f.began.Before(at) {
			last = append(last, f.what)
		}
	}
	if len(last) == 0 {
		return "none"
	}
	return strings.Join(last[max(0, len(last)-2):], ", then ")
}
