package dev

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"fairlead.dev/fairlead/dev/wire"
	"fairlead.dev/fairlead/echo"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/folder"
)

// grace is how long a pod that leaves still answers, so that everybody has heard of it; stopping is how long its last requests may take
// after that; again is the pause before a pod that did not start is started anew.
const (
	grace    = time.Second
	stopping = 5 * time.Second
	again    = time.Second
)

// pods runs the echo pods of one cluster and keeps their state. It stands in for a kubelet and the workload controllers. It is safe for
// concurrent use.
type pods struct {
	cluster string
	wire    *wire.Wire
	changed func() // called, without locks, when the state of a pod changed
	log     *slog.Logger

	mu      sync.Mutex
	wanted  map[fleet.Ref][]folder.Pod // by workload
	running map[fleet.Ref][]*pod
	failed  map[netip.Addr]failure // pods that did not start
	closed  bool
	group   sync.WaitGroup
	done    chan struct{}
}

// failure is why a pod did not start.
type failure struct {
	why     string
	waiting bool // it is not to be tried again yet
}

// pod is one that runs.
type pod struct {
	folder.Pod
	servers []*echo.Server
}

func newPods(cluster string, w *wire.Wire, log *slog.Logger, changed func()) *pods {
	return &pods{
		cluster: cluster, wire: w, changed: changed, log: log,
		wanted: map[fleet.Ref][]folder.Pod{}, running: map[fleet.Ref][]*pod{}, failed: map[netip.Addr]failure{},
		done: make(chan struct{}),
	}
}

// want takes the pods that the folder asks for now.
func (ps *pods) want(wanted []folder.Pod) {
	ps.mu.Lock()
	ps.wanted = map[fleet.Ref][]folder.Pod{}
	for _, p := range wanted {
		ps.wanted[p.Workload] = append(ps.wanted[p.Workload], p)
	}
	clear(ps.failed)
	ps.mu.Unlock()
	ps.settle()
}

// list returns the pods that run, by namespace and name.
func (ps *pods) list() []folder.Pod {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var all []folder.Pod
	for _, running := range ps.running {
		all = append(all, states(running)...)
	}
	slices.SortFunc(all, func(a, b folder.Pod) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), a.Address.Compare(b.Address))
	})
	return all
}

// failures returns why pods did not start, one line each.
func (ps *pods) failures() []string {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var all []string
	for _, f := range ps.failed {
		all = append(all, f.why)
	}
	slices.Sort(all)
	return all
}

func states(running []*pod) []folder.Pod {
	all := make([]folder.Pod, len(running))
	for i, p := range running {
		all[i] = p.Pod
	}
	return all
}

// settle starts and stops pods until there is nothing to be done now. What follows later calls it again.
func (ps *pods) settle() {
	moved := false
	for ps.step() {
		moved = true
	}
	if moved {
		ps.changed()
	}
}

// step does what each workload's rollout says, and tells whether there was anything.
func (ps *pods) step() (moved bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.closed {
		return false
	}
	workloads := slices.AppendSeq(slices.Collect(maps.Keys(ps.wanted)), maps.Keys(ps.running))
	slices.SortFunc(workloads, fleet.Ref.Compare)
	for _, w := range slices.Compact(workloads) {
		start, stop := rollout(ps.wanted[w], states(ps.running[w]))
		for _, p := range start {
			moved = ps.start(w, p) || moved
		}
		for _, p := range stop {
			ps.leave(w, p)
			moved = true
		}
	}
	return moved
}

// start starts a pod. Listening is accepting, so it is ready at once. The caller holds the lock.
func (ps *pods) start(w fleet.Ref, p folder.Pod) bool {
	if ps.failed[p.Address].waiting {
		return false // settle comes by again
	}
	run := &pod{Pod: p}
	for _, port := range p.Ports {
		if port.Protocol != corev1.ProtocolTCP {
			continue
		}
		l, err := ps.listen(p, port)
		if err != nil {
			run.close(context.Background())
			ps.fail(p, err)
			return true
		}
		run.servers = append(run.servers, echo.Serve(l, echo.Identity{
			Cluster: ps.cluster, Namespace: p.Namespace, Pod: p.Name, Service: p.Subdomain, Zone: p.Zone,
		}))
	}
	delete(ps.failed, p.Address)
	run.Ready, run.Serving, run.Terminating = true, true, false
	ps.running[w] = append(ps.running[w], run)
	return true
}

// fail notes that a pod did not start, and tries again by and by. The caller holds the lock.
func (ps *pods) fail(p folder.Pod, err error) {
	why := fmt.Sprintf("pod %s/%s does not start: %v", p.Namespace, p.Name, err)
	if ps.failed[p.Address].why != why {
		ps.log.Warn("pod does not start", "cluster", ps.cluster, "namespace", p.Namespace, "pod", p.Name, "err", err)
	}
	ps.failed[p.Address] = failure{why, true}
	ps.later(again, func() {
		ps.mu.Lock()
		if f, still := ps.failed[p.Address]; still {
			f.waiting = false
			ps.failed[p.Address] = f
		}
		ps.mu.Unlock()
		ps.settle()
	})
}

func (ps *pods) listen(p folder.Pod, port folder.PodPort) (net.Listener, error) {
	address := net.JoinHostPort(p.Address.String(), strconv.Itoa(int(port.Port)))
	return ps.wire.Listen(context.Background(), "tcp", address)
}

// leave marks a pod as terminating and closes it when everybody has heard of that. The caller holds the lock.
func (ps *pods) leave(w fleet.Ref, p folder.Pod) {
	i := slices.IndexFunc(ps.running[w], func(r *pod) bool { return r.Same(p) && !r.Terminating })
	if i < 0 {
		return
	}
	run := ps.running[w][i]
	run.Ready, run.Terminating = false, true
	ps.later(grace, func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopping)
		defer cancel()
		run.close(ctx)
		ps.mu.Lock()
		ps.running[w] = slices.DeleteFunc(ps.running[w], func(r *pod) bool { return r == run })
		if len(ps.running[w]) == 0 {
			delete(ps.running, w)
		}
		ps.mu.Unlock()
		ps.changed()
		ps.settle()
	})
}

// later calls do after a while, unless the pods are closed before.
func (ps *pods) later(d time.Duration, do func()) {
	ps.group.Go(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			do()
		case <-ps.done:
		}
	})
}

// close ends every pod.
func (ps *pods) close(ctx context.Context) {
	ps.mu.Lock()
	ps.closed = true
	close(ps.done)
	ps.mu.Unlock()
	ps.group.Wait()
	var group sync.WaitGroup
	for _, running := range ps.running {
		for _, p := range running {
			group.Go(func() { p.close(ctx) })
		}
	}
	group.Wait()
}

func (p *pod) close(ctx context.Context) {
	for _, s := range p.servers {
		_ = s.Close(ctx)
	}
}
