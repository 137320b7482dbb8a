package hub_test

import (
	"context"
	"testing"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/hub/hubtest"
)

// memory is a fleet whose hub is in memory.
type memory struct{ *hub.Memory }

func TestMemoryKeepsTheContract(t *testing.T) {
	hubtest.Run(t, func(*testing.T) hubtest.Fleet { return memory{hub.NewMemory()} })
}

func (m memory) Approve(t *testing.T, member *v1alpha1.Member) {
	t.Helper()
	if err := m.Operator().Write(t.Context(), member); err != nil {
		t.Fatal(err)
	}
}

func (m memory) Member(_ *testing.T, cluster string, term int64) hubtest.Access {
	return m.Memory.Member(cluster, term)
}

func (m memory) Down(*testing.T) { m.Memory.Down() }
func (m memory) Up(*testing.T)   { m.Memory.Up() }

func (m memory) Read(t *testing.T, want hub.Object) (found hub.Object) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_ = m.Operator().Watch(ctx, func(e hub.Event) {
		switch {
		case e.Type == hub.Synced:
			cancel()
		case hub.KindOf(e.Object) == hub.KindOf(want) && e.Object.GetName() == want.GetName() && e.Object.SourceCluster() == want.SourceCluster():
			found = e.Object
		}
	})
	return found
}
