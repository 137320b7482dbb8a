package role

import (
	"context"
	"log/slog"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Libraries makes what the Kubernetes libraries of this process log part of our own log, from warnings on. It is for a program's start: it
// sets what all of the process shares.
func Libraries(to *slog.Logger) {
	logger := logr.FromSlogHandler(quiet{to.Handler()})
	klog.SetLogger(logger)
	log.SetLogger(logger)
}

// quiet drops what libraries log below warnings.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// WithAttrs and WithGroup implement slog.Handler.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
