package kube

import (
	"log/slog"
	"sync"
	"time"
)

// grumble logs that something failed, at most once in a while: when an API server is away, everything fails.
type grumble struct {
	log *slog.Logger

	mu     sync.Mutex
	last   time.Time
	silent int
}

const grumblePause = 10 * time.Second

func (g *grumble) about(message string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.last) < grumblePause {
		g.silent++
		g.log.Debug(message, args...)
		return
	}
	if g.silent > 0 {
		args = append(args, "more", g.silent)
	}
	g.last, g.silent = time.Now(), 0
	g.log.Warn(message, args...)
}
