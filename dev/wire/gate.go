package wire

import "sync"

// gate is open or shut. While it is shut, whoever must pass waits on light.
type gate struct {
	mu      sync.Mutex
	lit     chan struct{} // closed while the gate is open
	opened  bool
	waiting []func() // to be called when the gate opens
}

func newGate() *gate {
	g := &gate{lit: make(chan struct{}), opened: true}
	close(g.lit)
	return g
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened {
		g.opened = false
		g.lit = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	waiting := g.waiting
	if !g.opened {
		g.opened = true
		g.waiting = nil
		close(g.lit)
	}
	g.mu.Unlock()
	for _, do := range waiting {
		do()
	}
}

func (g *gate) isOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened
}

// light returns a channel that is closed once the gate is open.
func (g *gate) light() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lit
}

// later calls do when the gate opens: at once where it is open.
func (g *gate) later(do func()) {
	g.mu.Lock()
	if !g.opened {
		g.waiting = append(g.waiting, do)
		g.mu.Unlock()
		return
	}
	g.mu.Unlock()
	do()
}
