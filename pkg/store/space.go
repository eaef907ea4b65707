package store

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// Limits say how much of the disk a store may use, in bytes. Zero means the
// default, a negative number no limit.
type Limits struct {
	// MaxBytes is how large the store may be. Default: 50 GB or 20 % of the
	// disk, whichever is less.
	MaxBytes int64
	// MinFree is how much of the disk must stay free. Default: 5 % of it.
	MinFree int64
}

const (
	defaultMaxBytes   = 50 << 30
	defaultDiskShare  = 5  // a fifth of the disk
	defaultFreeShare  = 20 // a twentieth of the disk
	reservationStride = 16 << 20
)

// disk is what a file system has, in bytes.
type disk struct{ total, free int64 }

func (s *Store) disk() (disk, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(s.root.Name(), &st); err != nil {
		return disk{}, fmt.Errorf("asking for the free space of %q: %w", s.dir, err)
	}
	block := int64(st.Bsize)
	return disk{total: int64(st.Blocks) * block, free: int64(st.Bavail) * block}, nil
}

// on replaces the defaults by what they mean on a disk; -1 stays "no limit".
func (l Limits) on(d disk) Limits {
	if l.MaxBytes == 0 {
		l.MaxBytes = min(defaultMaxBytes, d.total/defaultDiskShare)
	}
	if l.MinFree == 0 {
		l.MinFree = d.total / defaultFreeShare
	}
	return l
}

// space counts what this process has promised to its writers but not written
// yet: the disk does not know of it.
type space struct {
	mu       sync.Mutex
	promised int64
	used     int64
}

func (sp *space) add(n int64) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.used += n
}

// reservation is one writer's share. The zero value holds nothing.
type reservation struct {
	s       *Store
	written int64 // bytes that are on the disk
	until   int64 // bytes that there is room for, >= written
}

// need makes sure that there is room for size bytes in all, those already
// written included. Where nobody knows the whole size it is called before each
// write, so it takes a stride more while it is at it.
func (r *reservation) need(size int64) error {
	if size <= r.until || r.grow(size+reservationStride) == nil {
		return nil
	}
	return r.grow(size)
}

// grow makes sure that there is room for until bytes in all.
func (r *reservation) grow(until int64) error {
	if until <= r.until {
		return nil
	}
	d, err := r.s.disk()
	if err != nil {
		return err
	}
	limits := r.s.limits.on(d)
	sp := &r.s.space
	sp.mu.Lock()
	defer sp.mu.Unlock()
	more := until - r.until
	free := d.free - sp.promised - max(limits.MinFree, 0)
	if more > free {
		return &NoSpaceError{Needed: until - r.written, Available: max(free+r.until-r.written, 0)}
	}
	sp.promised += more
	r.until = until
	return nil
}

// wrote notes that n bytes are on the disk, which may be fewer than before.
func (r *reservation) wrote(n int64) {
	sp := &r.s.space
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.promised -= min(n, r.until) - r.written
	r.written = n
}

// release gives back what was not written.
func (r *reservation) release() {
	if r.s == nil {
		return
	}
	sp := &r.s.space
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.promised -= r.until - r.written
	r.until = r.written
}
