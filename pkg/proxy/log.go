//go:build linux

package proxy

import (
	"context"
	"log/slog"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// logHandler turns log records of the parts into events: warnings for the
// user, the rest for --lazy-verbose.
type logHandler struct{ events *wire.EventWriter }

func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(" " + a.Key + "=" + a.Value.String())
		return true
	})
	kind := wire.Debug
	if r.Level >= slog.LevelWarn {
		kind = wire.Warning
	}
	h.events.Send(wire.Event{Kind: kind, Text: b.String()})
	return nil
}

func (h *logHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *logHandler) WithGroup(string) slog.Handler      { return h }
