//go:build linux

package mount

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// lingering is how long Unmount waits for programs to close their files where it
// may not cut the connection.
const lingering = 2 * time.Second

// Unmount takes the file system away and ends its goroutines. Programs that still
// have files open get errors for them, except for what passthrough and the page
// cache hold. Every mount of this ID on the directory goes: FUSE mounts stack.
// Unmount what lies on top (Overlay) first. It may be called more than once.
//
// An error says that something is left, and what.
func (m *Mount) Unmount() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done {
		return nil
	}
	m.end(errKilled) // waits end before the unmount, which could wait for them
	cut, err := m.detach()
	if err != nil {
		return err
	}
	if !cut {
		m.abort()
		if !m.servedWithin(lingering) {
			return fmt.Errorf("unmounting %q: it is detached, but programs still have files of it open", m.dir)
		}
	}
	<-m.served
	m.server.finish()
	m.device.close()
	m.done = true
	return nil
}

// servedWithin waits for the end of the service.
func (m *Mount) servedWithin(d time.Duration) bool {
	select {
	case <-m.served:
		return true
	case <-m.clock.After(d):
	}
	select {
	case <-m.served: // both were ready
		return true
	default:
		return false
	}
}

// abort cuts the connection through fusectl, where that is mounted: a mount that
// somebody else has detached has no path left to unmount by force.
func (m *Mount) abort() {
	name := fmt.Sprintf("/sys/fs/fuse/connections/%d/abort", m.minor)
	_ = os.WriteFile(name, []byte("1"), 0)
}

// detach unmounts every mount of ours on the directory. cut says that the
// connection is gone as well, so that no open file keeps the server busy.
func (m *Mount) detach() (cut bool, err error) {
	for {
		ours, err := topIsOurs(m.dir, m.source)
		if err != nil || !ours {
			return cut, err
		}
		// MNT_FORCE aborts the connection. Kernels before 6.10 or so want
		// CAP_SYS_ADMIN in the initial user namespace for it.
		err = unix.Unmount(m.dir, unix.MNT_FORCE|unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		cut = cut || err == nil
		if errors.Is(err, unix.EPERM) {
			err = unix.Unmount(m.dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		}
		if errors.Is(err, unix.EPERM) {
			err = unmountAsUser(m.dir)
		}
		if err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: somebody else was faster
			return cut, fmt.Errorf("unmounting %q: %w", m.dir, err)
		}
	}
}

// topIsOurs says whether the uppermost mount on dir is one of source; it is an
// error when one of source lies below another mount. It reads mountinfo only: a
// stat of the directory could block for ever.
func topIsOurs(dir, source string) (bool, error) {
	mounts, err := mountsOn(dir)
	if err != nil || len(mounts) == 0 {
		return false, err
	}
	ours := func(i *mountinfo.Info) bool { return i.FSType == fsType && i.Source == source }
	top := mounts[len(mounts)-1]
	if ours(top) {
		return true, nil
	}
	if slices.ContainsFunc(mounts, ours) {
		return false, fmt.Errorf("unmounting %q: %s of %q is mounted on top of it", dir, top.FSType, top.Source)
	}
	return false, nil
}

// mountsOn returns the mounts on dir, the uppermost last.
func mountsOn(dir string) ([]*mountinfo.Info, error) {
	mounts, err := mountinfo.GetMounts(func(i *mountinfo.Info) (skip, stop bool) {
		return i.Mountpoint != dir, false
	})
	if err != nil {
		return nil, fmt.Errorf("reading the list of mounts: %w", err)
	}
	return mounts, nil
}

// topOf returns the uppermost mount on dir, or nil.
func topOf(dir string) *mountinfo.Info {
	mounts, err := mountsOn(dir)
	if err != nil || len(mounts) == 0 {
		return nil
	}
	return mounts[len(mounts)-1]
}

// finish gives back what programs had open when the connection was cut: the
// kernel sends no RELEASE for those.
func (s *server) finish() {
	for _, h := range s.handles.all() {
		s.leave(h)
	}
	s.work.Wait()
}

// resolve makes a mountpoint's path absolute and free of symbolic links, as
// mountinfo has it. The last element is not looked at: what is mounted there
// may hang.
func resolve(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("resolving mountpoint %q: %w", dir, err)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", fmt.Errorf("resolving mountpoint %q: %w", dir, err)
	}
	return filepath.Join(parent, filepath.Base(abs)), nil
}

// raiseReadAhead lets the kernel read ahead whole requests instead of 128 KiB. It
// needs real root and a writable sysfs; without, cached files are read more slowly.
func raiseReadAhead(top *mountinfo.Info) {
	name := fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", top.Major, top.Minor)
	_ = os.WriteFile(name, fmt.Appendf(nil, "%d", maxRead>>10), 0)
}
