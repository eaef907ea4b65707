package orchestrator

import (
	"context"
	"os"
	"time"
)

// UntilSignal returns a context that ends with the first signal, for the time
// before there is a child to end. stop gives the signals back to whoever reads
// them next; it must be called.
func UntilSignal(parent context.Context, signals <-chan os.Signal) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-signals:
			cancel(errInterrupted)
		case <-done:
		}
	}()
	return ctx, func() {
		close(done)
		<-ended
	}
}

// watcher waits for the build's end while the user may want another one.
type watcher struct {
	child   *child
	signals <-chan os.Signal
	ui      *UI
	stopped bool // the child did not end by itself
}

// wait blocks until the child has ended. lost is closed when the proxy is gone.
func (w *watcher) wait(lost <-chan struct{}) (int, error) {
	select {
	case <-w.child.done:
		return w.ended(lost)
	case sig := <-w.signals:
		w.stopped = true
		w.ui.Note("%v: ending the build", sig)
		w.interrupt(sig)
		return ExitInterrupted, errInterrupted
	case <-lost:
		w.stopped = true
		w.child.stop(os.Interrupt, nil)
		return ExitFailed, errProxyLost
	}
}

var errProxyLost = hint("build again: everything that was fetched is kept",
	"the proxy has ended before the build: the build was stopped")

// ended is the outcome of a child that has ended. A terminal sends Ctrl-C to
// podman and to lazybuild at once, and podman may be the quicker one to end: a
// failure together with a signal is an interruption, and podman has left things.
// So is it with a connection over which both podman and the proxy were reached.
func (w *watcher) ended(lost <-chan struct{}) (int, error) {
	if w.child.err != nil {
		w.stopped = true
	}
	if w.child.code != 0 {
		t := time.NewTimer(signalDelay)
		defer t.Stop()
		select {
		case sig := <-w.signals:
			w.stopped = true
			w.ui.Note("%v: ending the build", sig)
			return ExitInterrupted, errInterrupted
		case <-lost:
			w.stopped = true
			return ExitFailed, errProxyLost
		case <-t.C:
		}
	}
	return w.child.code, w.child.err
}

// interrupt ends the child; a second signal ends it at once.
func (w *watcher) interrupt(sig os.Signal) {
	now, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(now)
		select {
		case <-w.signals:
		case <-done:
		}
	}()
	w.child.stop(sig, now)
	close(done)
}

// signalDelay is how much later than podman this process may hear of the same
// Ctrl-C, or of the end of the same connection, on a busy machine.
const signalDelay = 30 * time.Millisecond
