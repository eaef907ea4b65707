package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Usage is what the store takes, in files and bytes.
type Usage struct {
	Blobs      Count
	Pinned     Count // those of the blobs that live builds have pinned
	Partials   Count // downloads under way or broken off
	Quarantine Count // damaged blobs
	Other      Count // facts, aliases, locks, pins
	Answers    Count // of package indexes and registries; see Beside
	Scratch    Count // what running builds write, or dead ones have left
	// Limits are those in force: defaults resolved, -1 for none.
	Limits Limits
	// DiskFree and DiskTotal are of the store's file system, in bytes.
	DiskFree, DiskTotal int64
}

// Count is a number of files and their bytes.
type Count struct {
	Files int
	Bytes int64
}

func (c *Count) add(bytes int64) {
	c.Files++
	c.Bytes += bytes
}

// Du measures the store.
func (s *Store) Du(ctx context.Context) (Usage, error) {
	var u Usage
	pinned, err := s.pinnedNow(ctx)
	if err != nil {
		return u, fmt.Errorf("measuring the store: %w", err)
	}
	err = s.eachFile(ctx, ".", func(name string, fi fs.FileInfo) error {
		u.count(name, fi.Size(), pinned)
		return nil
	})
	if err != nil {
		return u, fmt.Errorf("measuring the store: %w", err)
	}
	if err := s.duBeside(ctx, &u); err != nil {
		return u, fmt.Errorf("measuring the store: %w", err)
	}
	d, err := s.disk()
	if err != nil {
		return u, err
	}
	u.Limits, u.DiskFree, u.DiskTotal = s.limits.on(d), d.free, d.total
	return u, nil
}

func (s *Store) duBeside(ctx context.Context, u *Usage) error {
	err := s.besides(ctx, answerDirs, func(_ *os.Root, _ string, fi fs.FileInfo) error {
		u.Answers.add(fi.Size())
		return nil
	})
	if err != nil {
		return err
	}
	err = s.besides(ctx, []string{scratchDir}, func(_ *os.Root, _ string, fi fs.FileInfo) error {
		u.Scratch.add(fi.Size())
		return nil
	})
	if errors.Is(err, fs.ErrPermission) { // files of users that a container had
		return nil
	}
	return err
}

// pinnedNow is pinned for somebody who does not act on it. In a read-only store
// there are no pins to be seen.
func (s *Store) pinnedNow(ctx context.Context) (map[digest.Digest]bool, error) {
	if s.readOnly {
		return nil, nil
	}
	gate, err := s.gate(ctx, exclusive)
	if err != nil {
		return nil, err
	}
	defer gate.Close()
	return s.pinned(ctx)
}

// bytesIn is how much is below the directories.
func (s *Store) bytesIn(ctx context.Context, dirs ...string) (int64, error) {
	var sum int64
	for _, dir := range dirs {
		err := s.eachFile(ctx, dir, func(_ string, fi fs.FileInfo) error {
			sum += fi.Size()
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return sum, nil
}

func (u *Usage) count(name string, size int64, pinned map[digest.Digest]bool) {
	top, _, _ := strings.Cut(name, "/")
	switch top {
	case "blobs":
		u.Blobs.add(size)
		if sum, ok := blobName(name); ok && pinned[sum] {
			u.Pinned.add(size)
		}
	case partialDir:
		u.Partials.add(size)
	case quarantineDir:
		u.Quarantine.add(size)
	default:
		u.Other.add(size)
	}
}

// Path is where the blob with digest d is on the disk. It is for people who want
// to look: the file may be removed at any time, and must never be written to.
func (s *Store) Path(d digest.Digest) (string, error) {
	info, err := s.Stat(d)
	if err != nil {
		return "", err
	}
	return filepath.Join(s.dir, format, filepath.FromSlash(blobPath(info.Digest))), nil
}
