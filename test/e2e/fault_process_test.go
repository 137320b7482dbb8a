package e2e

import (
	"fmt"
	"testing"
	"time"

	"fairlead.dev/fairlead/test/lab"
)

// TestAFaultOfOneProcessWithdrawsNothing freezes or kills what a member consists of, one after another. Its pods live, so that nobody
// withdraws them.
func TestAFaultOfOneProcessWithdrawsNothing(t *testing.T) {
	s := tell(t)
	s.north.runs("cart", 2)
	s.north.exports("cart")
	s.east.sees("cart", "ClusterSetIP http:80/TCP from north 2/2")
	east := s.east.Watches(t.Context(), s.namespace)
	defer east.Stop()
	address := s.east.address("cart") + ":80"
	s.east.reaches("cart", 80, "north")

	for _, fault := range []struct {
		what            string
		breaking, mends []string
	}{
		{"its API server is frozen", []string{"freeze", "north", "kube-apiserver"}, []string{"thaw", "north", "kube-apiserver"}},
		{"its API server is killed", []string{"kill", "north", "kube-apiserver"}, []string{"start", "north", "kube-apiserver"}},
		{"its etcd is frozen", []string{"freeze", "north", "etcd"}, []string{"thaw", "north", "etcd"}},
		{"its controller-manager is killed", []string{"kill", "north", "kube-controller-manager"}, []string{"start", "north", "kube-controller-manager"}},
		{"its kubelet is frozen", []string{"freeze", "north", "kubelet"}, []string{"thaw", "north", "kubelet"}},
		{"its kubelet is killed", []string{"kill", "north", "kubelet"}, []string{"start", "north", "kubelet"}},
		{"its kube-proxy is killed", []string{"kill", "north", "kube-proxy"}, []string{"start", "north", "kube-proxy"}},
	} {
		t.Run(fault.what, func(t *testing.T) {
			s.T = t
			began := time.Now()
			calls := s.east.Calls(t.Context(), address)
			mend := s.breaks(fault.breaking, fault.mends)
			time.Sleep(5 * time.Second)
			mend()
			s.north.answers()
			answered := calls.Stop()
			t.Logf("%s: %s", fault.what, answered)
			if failed := answered.Failed(); len(failed) > 0 {
				t.Errorf("calls failed: %v", failed[0])
			}
			s.keeps(fault.what, east, began)
		})
	}
}

// TestFrozenAndKilledAgentsWithdrawNothing: one beacon, then both, then both agents altogether. The pods answer all the time.
func TestFrozenAndKilledAgentsWithdrawNothing(t *testing.T) {
	s := tell(t)
	s.north.runs("cart", 2)
	s.north.exports("cart")
	s.east.sees("cart", "ClusterSetIP http:80/TCP from north 2/2")
	s.north.agents(2)
	east := s.east.Watches(t.Context(), s.namespace)
	defer east.Stop()
	began := time.Now()

	pids := s.north.agentProcesses()
	if len(pids) != 2 {
		t.Fatalf("%d agents run in north: %v", len(pids), pids)
	}
	for n := 1; n <= 2; n++ {
		mend := s.breaks(append([]string{"exec", "north", "kill", "-STOP"}, pids[:n]...), append([]string{"exec", "north", "kill", "-CONT"}, pids[:n]...))
		time.Sleep(5 * time.Second)
		s.keeps(fmt.Sprintf("%d agents of north were frozen", n), east, began)
		mend()
	}
	s.north.killsAgents()
	time.Sleep(3 * time.Second)
	s.north.agents(2)
	s.keeps("the agents of north were killed", east, began)
}

// agentProcesses returns the process ids of the agents, as they are on the cluster's first node.
func (p *place) agentProcesses() []string {
	p.story.Helper()
	out, err := lab.Verb(p.story.Context(), "exec", p.Name, "sh", "-c",
		`for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline 2>/dev/null | grep -q '^/fairlead agent' && echo ${p#/proc/}; done; true`)
	if err != nil {
		p.story.Fatal(err)
	}
	return fields(out)
}
