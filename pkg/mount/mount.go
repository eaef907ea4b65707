//go:build linux

package mount

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// A Mount is a mounted tree with the goroutines that serve it.
type Mount struct {
	dir    string // absolute, symbolic links resolved: as in mountinfo
	source string
	info   Info
	server *server
	device *device
	minor  int // of the device number that stat shows: the connection's name in fusectl
	log    *slog.Logger
	clock  Clock
	end    context.CancelCauseFunc
	served chan struct{}

	mu   sync.Mutex // serialises Unmount
	done bool
}

// maxBackground is how many requests for pages of cached files the kernel has
// under way at once. Those of files that are waited for are among them, one or two
// for each: with fewer, files that are there would be read page by page meanwhile.
// For a user's mount the kernel has a limit of its own, which grows with the memory.
const maxBackground = 1 << 14

// Start mounts t on the directory dir, which must be there and no symbolic link, and
// serves it until Unmount. The kernel mount exists when Start returns. t must not
// change as long as the Mount lives; src is called from many goroutines.
//
// An error is about /dev/fuse, privileges, dir or a malformed tree; nothing is
// left mounted then.
func Start(dir string, t *tree.Tree, src Source, o Options) (*Mount, error) {
	dir, err := resolve(dir)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, end := context.WithCancelCause(context.Background())
	m := &Mount{
		dir: dir, source: sourceName(o.ID), end: end, clock: o.Clock.withDefaults(),
		served: make(chan struct{}), log: o.Log,
	}
	if m.server, err = newServer(ctx, t, src, o); err == nil {
		err = m.start(o)
	}
	if err != nil {
		end(errKilled)
		return nil, err
	}
	return m, nil
}

// start makes the kernel mount and begins to serve.
func (m *Mount) start(o Options) error {
	d, err := openDevice(m.dir, o)
	if err != nil {
		return err
	}
	k, err := m.connect(d, o)
	if err != nil {
		d.close()
		_, _ = m.detach()
		return fmt.Errorf("starting FUSE on %q: %w", m.dir, err)
	}
	m.device = d
	m.server.disconnected = d.disconnected
	m.info.Warnings = hostWarnings(os.ReadFile)
	if m.info.Why = "switched off by option"; o.Passthrough == PassthroughAuto {
		m.info.Why = probePassthrough(k, o.ProbeDir)
	}
	m.info.Passthrough = m.info.Why == ""
	m.server.passthrough = m.info.Passthrough
	go func() {
		defer close(m.served)
		k.Serve()
	}()
	if top := topOf(m.dir); top != nil {
		m.minor = top.Minor
		raiseReadAhead(top)
	}
	return nil
}

// connect shakes hands with the kernel (INIT). go-fuse owns one descriptor of the
// device from here on; d keeps another.
func (m *Mount) connect(d *device, o Options) (*fuse.Server, error) {
	fd, err := d.dup()
	if err != nil {
		return nil, err
	}
	mo := &fuse.MountOptions{
		MaxWrite:      maxRead,
		MaxReadAhead:  maxRead,
		MaxBackground: maxBackground,
		// One layer below us (the store's file system) and one above (overlayfs):
		// with 2 here the kernel would refuse the overlay.
		MaxStackDepth: 1,
		// The tree never changes: no need to compare mtimes before each cached read.
		ExplicitDataCacheControl: true,
		ExtraCapabilities:        fuse.CAP_DIRECT_IO_ALLOW_MMAP,
		Logger:                   slog.NewLogLogger(m.log.Handler(), slog.LevelDebug),
		PanicHandler: func(v any) fuse.Status {
			m.log.Error("bug in the file system", "panic", v)
			return fuse.EIO
		},
	}
	if o.Passthrough == PassthroughOff {
		mo.DisabledCapabilities |= fuse.CAP_PASSTHROUGH
	}
	// go-fuse takes an open device by this name and mounts nothing.
	return fuse.NewServer(m.server, fmt.Sprintf("/dev/fd/%d", fd), mo)
}

// Info says what the kernel allows; it never changes.
func (m *Mount) Info() Info { return m.info }

// Dir is the mountpoint, absolute and free of symbolic links.
func (m *Mount) Dir() string { return m.dir }

// Done is closed when the kernel sends no more requests: after Unmount, or when
// somebody else has unmounted or aborted the file system.
func (m *Mount) Done() <-chan struct{} { return m.served }

// Kill makes every request fail with EIO from now on, and ends those that wait.
// It never blocks and may be called more than once; the first reason counts. The
// mount stays, so that a build which goes on fails instead of finding an empty
// directory. The reason, which may be nil, goes to Options.Log; programs see EIO.
func (m *Mount) Kill(reason error) {
	if m.server.ctx.Err() == nil {
		m.log.Warn("every request fails from now on", "reason", reason)
	}
	m.end(errKilled)
}
