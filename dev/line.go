package dev

import (
	"context"

	"fairlead.dev/fairlead/dev/wire"
	"fairlead.dev/fairlead/hub"
)

// line is a cluster's way to the hub: it hangs while the cluster's network is dark.
type line struct {
	wire *wire.Wire
	hub  *hub.Client
}

// Write implements agent.Hub.
func (l line) Write(ctx context.Context, obj hub.Object) error {
	if err := l.wire.Wait(ctx); err != nil {
		return err
	}
	return l.hub.Write(ctx, obj)
}

// Delete implements agent.Hub.
func (l line) Delete(ctx context.Context, obj hub.Object) error {
	if err := l.wire.Wait(ctx); err != nil {
		return err
	}
	return l.hub.Delete(ctx, obj)
}

// Watch implements agent.Hub. Events that come while it is dark wait on the hub's side, where too many of them end the watch.
func (l line) Watch(ctx context.Context, tell func(hub.Event)) error {
	if err := l.wire.Wait(ctx); err != nil {
		return err
	}
	return l.hub.Watch(ctx, func(e hub.Event) {
		if l.wire.Wait(ctx) == nil {
			tell(e)
		}
	})
}
