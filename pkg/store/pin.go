package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"regexp"

	"github.com/lazybuild/lazybuild/internal/failpoint"
	"github.com/lazybuild/lazybuild/pkg/digest"
)

// pinGate is share-locked while a pin is made and locked by GC while it
// removes: a build's pin either comes before the removal, and is seen, or after
// it, and then the build sees what is gone.
const pinGate = ".gate"

// buildName has no repetition with a limit: that takes longer to compile, in each
// process, than all else that this package does at its start.
var buildName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

const maxBuildName = 128

// Pin keeps GC from removing the named contents, whether the store has them
// already or gets them later, until release is called or the process dies.
// buildID is 1 to 128 letters, digits, dots, hyphens and underscores, and names
// one pin: a second live one with the same name is ErrInUse. A read-only store
// pins nothing and returns no error. Pin waits while a GC removes files.
func (s *Store) Pin(ctx context.Context, buildID string, digests iter.Seq[digest.Digest]) (release func() error, err error) {
	if len(buildID) > maxBuildName || !buildName.MatchString(buildID) {
		return nil, fmt.Errorf("pinning blobs: %q is not a build ID", buildID)
	}
	if s.readOnly {
		return func() error { return nil }, nil
	}
	release, err = s.pin(ctx, path.Join(pinDir, buildID), digests)
	if err != nil {
		return nil, fmt.Errorf("pinning blobs for build %s: %w", buildID, asReadOnly(err))
	}
	return release, nil
}

func (s *Store) pin(ctx context.Context, name string, digests iter.Seq[digest.Digest]) (func() error, error) {
	gate, err := s.gate(ctx, shared)
	if err != nil {
		return nil, err
	}
	defer gate.Close()
	f, err := s.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	ok, err := tryFlock(f, exclusive)
	if err == nil && (!ok || !s.named(f, name)) { // or just being released
		err = ErrInUse
	}
	if err == nil {
		err = failpoint.Step("pin.write", func() error { return writePin(f, digests) })
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() error {
		err := s.root.Remove(name)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return errors.Join(err, f.Close())
	}, nil
}

// writePin needs no fsync: after a power cut no build is alive.
func writePin(f *os.File, digests iter.Seq[digest.Digest]) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for d := range digests {
		if _, err := digestRef(d); err != nil {
			return err
		}
		w.WriteString(string(d))
		w.WriteByte('\n')
	}
	return w.Flush()
}

func (s *Store) gate(ctx context.Context, kind lockKind) (*os.File, error) {
	f, err := s.root.OpenFile(path.Join(pinDir, pinGate), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flockContext(ctx, f, kind); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// pinned is what live builds need, by sha256 digest. The gate must be closed:
// looking at a pin locks it for a moment.
func (s *Store) pinned(ctx context.Context) (map[digest.Digest]bool, error) {
	out := make(map[digest.Digest]bool)
	err := s.eachPin(ctx, func(name string, f *os.File, dead bool) error {
		if dead {
			return nil
		}
		return s.readPin(f, out)
	})
	return out, err
}

// eachPin calls fn with every pin, and whether its owner is dead: then its lock
// is free, however the owner died.
func (s *Store) eachPin(ctx context.Context, fn func(name string, f *os.File, dead bool) error) error {
	return s.eachFile(ctx, pinDir, func(name string, fi fs.FileInfo) error {
		if !fi.Mode().IsRegular() || path.Base(name) == pinGate {
			return nil
		}
		f, err := s.root.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return unlessGone(err)
		}
		defer f.Close()
		dead, err := tryFlock(f, exclusive)
		if err != nil {
			return err
		}
		return fn(name, f, dead)
	})
}

func (s *Store) readPin(f *os.File, into map[digest.Digest]bool) error {
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		r, err := digestRef(digest.Digest(lines.Text()))
		if err != nil {
			continue // the owner is alive and will write what is right
		}
		if sum, err := s.sum(r); err == nil {
			into[sum] = true
		}
	}
	return lines.Err()
}
