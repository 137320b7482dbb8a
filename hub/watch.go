package hub

import "context"

// backlog is how many events a watcher may lag behind before it is sent away to list again.
const backlog = 4096

// watcher is one running watch. Its channel is closed when the watch has ended, for the reason in err.
type watcher struct {
	events chan message
	err    error // set before events is closed
}

// message is an event as it travels.
type message struct {
	kind EventType
	json []byte
}

// tell hands an event to every watcher. The caller holds the lock.
func (m *Memory) tell(kind EventType, json []byte) {
	for w := range m.watchers {
		select {
		case w.events <- message{kind, json}:
		default:
			m.end(w, ErrExpired)
		}
	}
}

// end ends a watch. The caller holds the lock.
func (m *Memory) end(w *watcher, err error) {
	if _, running := m.watchers[w]; running {
		delete(m.watchers, w)
		w.err = err
		close(w.events)
	}
}

// watch calls tell with all there is, then Synced, then every change, in order, until ctx ends or the watch breaks.
func (m *Memory) watch(ctx context.Context, tell func(Event)) error {
	m.mu.Lock()
	if m.down {
		m.mu.Unlock()
		return ErrDown
	}
	w := &watcher{events: make(chan message, backlog)}
	m.watchers[w] = struct{}{}
	all := m.list()
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.end(w, ErrDown)
	}()

	for _, json := range all {
		tell(Event{Put, decode(json)})
	}
	tell(Event{Type: Synced})
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case msg, ok := <-w.events:
			if !ok {
				return w.err
			}
			tell(Event{msg.kind, decode(msg.json)})
		}
	}
}
