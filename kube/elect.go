package kube

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// LeaseName is the Lease that the agents of a cluster elect their leader by.
const LeaseName = "fairlead-agent"

// The times of an election: how long a leader is one without a word, how long it tries to say it, and how often.
const (
	leaseTime = 15 * time.Second
	renewTime = 10 * time.Second
	retryTime = 2 * time.Second
)

// Election is one replica's part in electing the leader.
type Election struct {
	Config    *rest.Config
	Namespace string
	// Identity is that of this process: another process, also one of the same pod, has another one.
	Identity string
	Log      *slog.Logger
}

// Run stands for election until ctx ends, and calls lead whenever this replica is the leader, with a context that ends when it is not any
// more. The term grows with every leader; where a Lease is made anew or restored, it is for the hub to go on from its own. It releases the
// Lease in the end, so that another replica goes on at once.
func (e Election) Run(ctx context.Context, lead func(ctx context.Context, term int64)) error {
	cfg := rest.CopyConfig(e.Config)
	cfg.Timeout = renewTime / 2
	leases, err := coordinationclient.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("make a client for the election: %w", err)
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: e.Namespace, Name: LeaseName},
		Client:     leases,
		LockConfig: resourcelock.ResourceLockConfig{Identity: e.Identity},
	}
	var led sync.WaitGroup
	for ctx.Err() == nil {
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: leaseTime, RenewDeadline: renewTime, RetryPeriod: retryTime,
			ReleaseOnCancel: true, Name: LeaseName,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(ctx context.Context) {
					led.Go(func() { e.lead(ctx, leases.Leases(e.Namespace), lead) })
				},
				OnStoppedLeading: func() {},
			},
		})
		if err != nil {
			return fmt.Errorf("stand for election: %w", err)
		}
		elector.Run(ctx)
		led.Wait()
	}
	return nil
}

// lead finds the term and leads in it. A lead that returns while this replica is still the leader gave up: it leads again after a while.
func (e Election) lead(ctx context.Context, leases coordinationclient.LeaseInterface, lead func(context.Context, int64)) {
	for ctx.Err() == nil {
		lease, err := leases.Get(ctx, LeaseName, metav1.GetOptions{})
		if err == nil {
			e.Log.Info("leading", "term", termOf(lease))
			lead(ctx, termOf(lease))
			e.Log.Info("not leading any more", "term", termOf(lease))
		} else if ctx.Err() == nil {
			e.Log.Warn("term not found, trying again", "err", err)
		}
		if !sleep(ctx, retryTime) {
			return
		}
	}
}

// termOf is leaseTransitions+1: it grows whenever another process becomes the leader.
func termOf(lease *coordinationv1.Lease) int64 {
	if lease.Spec.LeaseTransitions == nil {
		return 1
	}
	return int64(*lease.Spec.LeaseTransitions) + 1
}
