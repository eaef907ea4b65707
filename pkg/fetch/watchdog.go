package fetch

import (
	"context"
	"errors"
	"io"
	"time"
)

// watchdog ends a try when the network has brought nothing for a while. It is
// armed only while the network is waited for: a slow disk is not the server's
// fault.
type watchdog struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
	limit  time.Duration
}

// newWatchdog returns an armed watchdog and the context that it cancels, with
// ErrNoProgress as the cause. stop must be called.
func newWatchdog(parent context.Context, limit time.Duration) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancelCause(parent)
	w := &watchdog{cancel: cancel, limit: limit}
	w.timer = time.AfterFunc(limit, func() { cancel(ErrNoProgress) })
	return ctx, w
}

func (w *watchdog) arm()    { w.timer.Reset(w.limit) }
func (w *watchdog) disarm() { w.timer.Stop() }

// stop ends the watch and everything that hangs on the context: a body that
// has not been read to its end loses its connection.
func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// cause replaces the error that a cancelled request has by the reason why it
// was cancelled.
func (w *watchdog) cause(ctx context.Context, err error) error {
	if err != nil && !errors.Is(err, io.EOF) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// fill reads until buf is full or the body ends or breaks. Full buffers mean
// few, large writes: TLS hands out 16 KiB at a time.
func (w *watchdog) fill(ctx context.Context, body io.Reader, buf []byte) (n int, err error) {
	defer w.disarm()
	for n < len(buf) && err == nil {
		w.arm()
		var k int
		k, err = body.Read(buf[n:])
		n += k
	}
	return n, w.cause(ctx, err)
}
