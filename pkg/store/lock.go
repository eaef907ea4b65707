package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

type lockKind int

const (
	shared    lockKind = unix.LOCK_SH
	exclusive lockKind = unix.LOCK_EX
)

// A waiter asks again after pollMin, then less and less often, up to pollMax.
// flock(2) can wait by itself, but then no context could end the wait.
const (
	pollMin = time.Millisecond
	pollMax = 100 * time.Millisecond
)

// tryFlock takes a flock(2) lock on an open file and reports whether it did. The
// lock belongs to the open file and goes with its last descriptor, so the death
// of a process, however it comes, frees it. The flock is made here, on a file
// opened through the store's os.Root, because a library that opens the file
// by its path would follow a planted symbolic link.
func tryFlock(f *os.File, kind lockKind) (bool, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	var flockErr error
	err = conn.Control(func(fd uintptr) {
		for {
			flockErr = unix.Flock(int(fd), int(kind)|unix.LOCK_NB)
			if flockErr != unix.EINTR {
				return
			}
		}
	})
	switch {
	case err != nil:
		return false, err
	case flockErr == nil:
		return true, nil
	case errors.Is(flockErr, unix.EWOULDBLOCK):
		return false, nil
	case errors.Is(flockErr, unix.ENOLCK), errors.Is(flockErr, unix.ENOTSUP), errors.Is(flockErr, unix.ENOSYS):
		return false, fmt.Errorf("%w: %w", ErrNoLocks, flockErr)
	}
	return false, fmt.Errorf("locking %q: %w", f.Name(), flockErr)
}

// flockContext waits for the lock or for the end of ctx.
func flockContext(ctx context.Context, f *os.File, kind lockKind) error {
	return poll(ctx, func() (bool, error) { return tryFlock(f, kind) })
}

// poll calls try until it says true, it fails, or ctx is done.
func poll(ctx context.Context, try func() (bool, error)) error {
	for delay := pollMin; ; delay = min(2*delay, pollMax) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if ok, err := try(); ok || err != nil {
			return err
		}
		timer := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// lock makes the caller the only holder of name over all processes. It waits
// first for the goroutines of this process, in memory, and then for other
// processes. The caller must call unlock exactly once.
func (s *Store) lock(ctx context.Context, name string) (unlock func(), err error) {
	leave, err := s.keys.enter(ctx, name)
	if err != nil {
		return nil, err
	}
	var f *os.File
	err = poll(ctx, func() (ok bool, err error) {
		f, err = s.tryLockFile(name)
		return f != nil, err
	})
	if err != nil {
		leave()
		return nil, err
	}
	return func() {
		// Removed while still locked: who opened it before gets the lock of a
		// file that has no name any more, notices, and tries again.
		s.root.Remove(lockPath(name))
		f.Close()
		leave()
	}, nil
}

// tryLockFile returns the locked file, or nil when somebody else has the lock.
func (s *Store) tryLockFile(name string) (*os.File, error) {
	f, err := s.root.OpenFile(lockPath(name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if ok, err := s.tryLockOpened(f, name); !ok {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (s *Store) tryLockOpened(f *os.File, name string) (bool, error) {
	ok, err := tryFlock(f, exclusive)
	return ok && s.named(f, lockPath(name)), err
}

// named says that f is still the file of that name: the holder before may have
// removed it between our open and our lock, and the next would lock another one.
func (s *Store) named(f *os.File, name string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := s.root.Lstat(name)
	return err == nil && os.SameFile(mine, there)
}

// keyedMutex is a set of mutexes by name; waiting for one can be given up. The
// zero value is ready.
type keyedMutex struct {
	mu   sync.Mutex
	keys map[string]*keyState
}

type keyState struct {
	token chan struct{} // holds one value while the mutex is free
	users int           // holder and waiters; the last one removes the entry
}

func (m *keyedMutex) enter(ctx context.Context, name string) (leave func(), err error) {
	m.mu.Lock()
	if m.keys == nil {
		m.keys = make(map[string]*keyState)
	}
	k := m.keys[name]
	if k == nil {
		k = &keyState{token: make(chan struct{}, 1)}
		k.token <- struct{}{}
		m.keys[name] = k
	}
	k.users++
	m.mu.Unlock()

	select {
	case <-k.token:
		return func() { k.token <- struct{}{}; m.forget(name, k) }, nil
	case <-ctx.Done():
		m.forget(name, k)
		return nil, ctx.Err()
	}
}

func (m *keyedMutex) forget(name string, k *keyState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(m.keys, name)
	}
}
