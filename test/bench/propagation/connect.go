package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/test/lab"
)

// connect makes the only endpoint of a service ready, again and again, and measures until the clusterset IP takes a connection.
func (b *bench) connect(ctx context.Context) (*lab.Latencies, error) {
	service, slice := lab.Service(b.namespace, "call"), lab.Slice(b.namespace, "call", "call-1")
	pod, err := b.pod(ctx)
	if err != nil {
		return nil, err
	}
	for _, obj := range []client.Object{service, slice, lab.Export(b.namespace, "call")} {
		if err := b.from.Create(ctx, obj); err != nil {
			return nil, fmt.Errorf("create %s in %s: %w", obj.GetName(), b.from.Name, err)
		}
	}
	imported := &mcsv1beta1.ServiceImport{}
	_, err = lab.Until(ctx, time.Minute, "a clusterset IP", func(ctx context.Context) error {
		err := b.to.Get(ctx, client.ObjectKeyFromObject(service), imported)
		if err == nil && len(imported.Spec.IPs) == 0 {
			err = errors.New("there is none yet")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(imported.Spec.IPs[0], "80")
	took := &lab.Latencies{}
	for range b.rounds {
		if err := b.until(ctx, address, false); err != nil {
			return nil, err
		}
		ready := slice.DeepCopy()
		ready.Endpoints = []discoveryv1.Endpoint{lab.Endpoint(pod, true)}
		began := time.Now()
		if err := b.from.Update(ctx, ready); err != nil {
			return nil, fmt.Errorf("make the endpoint ready: %w", err)
		}
		if err := b.until(ctx, address, true); err != nil {
			return nil, err
		}
		took.Add(time.Since(began))
		ready.Endpoints = nil
		if err := b.from.Update(ctx, ready); err != nil {
			return nil, fmt.Errorf("take the endpoint away: %w", err)
		}
		slice = ready
	}
	return took, nil
}

// until connects again and again until it works, or until it no longer does.
func (b *bench) until(ctx context.Context, address string, works bool) error {
	_, err := lab.Until(ctx, 30*time.Second, fmt.Sprintf("connections to %s work: %t", address, works), func(ctx context.Context) error {
		for range 20 { // Until rests for longer than is to be measured
			ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			c, err := b.to.Dial(ctx, "tcp", address)
			cancel()
			if err == nil {
				_ = c.Close()
			}
			if (err == nil) == works {
				return nil
			}
			time.Sleep(time.Millisecond)
		}
		return errors.New("not yet")
	})
	return err
}

// pod returns the address of a pod that answers.
func (b *bench) pod(ctx context.Context) (string, error) {
	deployment, _ := lab.Workload(b.namespace, "echo", 1)
	if err := b.from.Create(ctx, deployment); err != nil {
		return "", fmt.Errorf("create a pod in %s: %w", b.from.Name, err)
	}
	var address string
	_, err := lab.Until(ctx, time.Minute, "a pod that answers", func(ctx context.Context) error {
		var pods corev1.PodList
		if err := b.from.List(ctx, &pods, client.InNamespace(b.namespace), client.MatchingLabels{"app": "echo"}); err != nil {
			return err
		}
		for _, p := range pods.Items {
			for _, c := range p.Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
					address = p.Status.PodIP
					return nil
				}
			}
		}
		return errors.New("it is not ready yet")
	})
	return address, err
}
