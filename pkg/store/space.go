package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

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
	if st.Blocks == 0 { // it doesn't know: an unlimited tmpfs, some FUSE file systems
		return disk{total: math.MaxInt64, free: math.MaxInt64}, nil
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

// space is this process's account of the store's size. The truth is on the disk,
// but it takes too long to count it for every blob.
type space struct {
	mu       sync.Mutex
	promised int64     // to this process's writers, not written yet
	used     int64     // blobs, partials and quarantine as last counted, plus what was written since
	counted  time.Time // zero: never

	evicting sync.Mutex // one writer makes room, the others wait for it
	evicted  time.Time  // when that was tried last
}

// How long an account is trusted that other processes change too, and how soon
// room is made again, which is in vain when live builds have pinned everything.
const (
	recount = 10 * time.Minute
	reevict = 5 * time.Second
)

func (sp *space) measured(used int64, now time.Time) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.used, sp.counted = used, now
}

// usedNow is the account, counted anew when it is old. sp.mu is held.
func (s *Store) usedNow() (int64, error) {
	sp, now := &s.space, s.now()
	if !sp.counted.IsZero() && now.Sub(sp.counted).Abs() < recount {
		return sp.used, nil
	}
	used, err := s.bytesIn(context.Background(), blobDir, partialDir, quarantineDir)
	if err == nil {
		sp.used, sp.counted = used, now
	}
	return used, err
}

// reservation is one writer's share. It needs only s to begin with.
type reservation struct {
	s       *Store
	written int64 // bytes that are on the disk
	until   int64 // bytes that there is room for, >= written
}

// need makes sure that there is room for size bytes in all, those already
// written included. Where nobody knows the whole size it is called before each
// write, so it takes a stride more while it is at it.
func (r *reservation) need(size int64) error {
	if size <= r.until || r.try(size+reservationStride) == nil {
		return nil
	}
	return r.grow(size)
}

// grow makes sure that there is room for until bytes in all, and has old blobs
// removed for it. A quota alone would otherwise fail a build for want of a GC.
func (r *reservation) grow(until int64) error {
	err := r.try(until)
	if !errors.As(err, new(*NoSpaceError)) {
		return err
	}
	sp := &r.s.space
	sp.evicting.Lock()
	defer sp.evicting.Unlock()
	if err = r.try(until); !errors.As(err, new(*NoSpaceError)) {
		return err // somebody else has made room
	}
	if now := r.s.now(); now.Sub(sp.evicted).Abs() >= reevict {
		sp.evicted = now
		if evictErr := r.s.evict(until - r.until); evictErr != nil {
			return errors.Join(err, evictErr)
		}
		err = r.try(until)
	}
	return err
}

// evict removes old blobs until there is room for so many bytes more.
func (s *Store) evict(more int64) error {
	d, err := s.disk()
	if err != nil {
		return err
	}
	if limit := s.limits.on(d).MaxBytes; limit >= 0 && more > limit {
		return nil // will never fit: no reason to lose what is there
	}
	s.space.mu.Lock()
	more += s.space.promised
	s.space.mu.Unlock()
	// Not the writer's context: others wait for the same room.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c := collector{s: s, now: s.now()}
	err = c.exclusively(ctx, func() error { return c.trim(ctx, s.limits, more, 0) })
	s.log.Info("made room in the store", "removed", len(c.report.Removed), "bytes", c.report.Freed, "pinned", c.report.Pinned)
	return err
}

// try reserves without removing anything.
func (r *reservation) try(until int64) error {
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
	more, mine := until-r.until, r.until-r.written
	if free := d.free - sp.promised - max(limits.MinFree, 0); more > free {
		return &NoSpaceError{Needed: more + mine, Available: max(free+mine, 0)}
	}
	if limits.MaxBytes >= 0 {
		used, err := r.s.usedNow()
		if err != nil {
			return err
		}
		if free := limits.MaxBytes - used - sp.promised; more > free {
			return &NoSpaceError{Needed: more + mine, Available: max(free+mine, 0), Quota: true}
		}
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
	sp.promised -= n - r.written
	sp.used += n - r.written
	r.written = n
}

// release gives back what was not written.
func (r *reservation) release() {
	sp := &r.s.space
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.promised -= r.until - r.written
	r.until = r.written
}
