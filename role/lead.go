package role

import (
	"context"
	"sync"
	"time"
)

// lead writes, as the leader, until ctx ends or another one is found to write.
func (m *member) lead(ctx context.Context, term int64) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case <-m.fenced: // of a term that is over
	default:
	}
	m.line.lead(term)
	m.agent.Lead()
	m.pages.leads.Store(true)
	var running sync.WaitGroup
	for _, part := range []func(context.Context){m.writer.Run, m.reporter.Run, m.roster.Run, m.recorder.Run, m.line.rotate} {
		running.Go(func() { part(ctx) })
	}
	select {
	case <-ctx.Done():
	case <-m.fenced:
	}
	m.pages.leads.Store(false)
	m.agent.Follow()
	m.line.lead(0)
	cancel()
	running.Wait()
}

// deposed ends the leading when somebody else is found to write on the hub.
func (m *member) deposed(error) {
	select {
	case m.fenced <- struct{}{}:
	default:
	}
}

// complete says that the picture has what the hub has: the hub has been there for long enough for its list to be part of a picture.
func (m *member) complete() bool {
	s := m.line.state()
	return s.Up && m.agent.HubUp() && time.Since(s.Since) > 3*time.Second
}
