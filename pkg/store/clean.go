package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Clean empties the store in dir: everything that any build has fetched is gone
// afterwards. It returns ErrInUse when a build or another command has the store
// open, and nil when there is none. Nobody can open it meanwhile.
func Clean(ctx context.Context, dir string) error {
	if err := clean(ctx, dir); err != nil {
		return fmt.Errorf("emptying store %q: %w", dir, err)
	}
	return nil
}

func clean(ctx context.Context, dir string) error {
	s, err := Open(dir, Options{ReadOnly: true}) // which makes nothing
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer s.Close()
	if s.users == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	// flock(2) turns the share that Open took into the whole lock, not in one
	// step; that is no harm, as nothing has been looked at under the share.
	if err := flockContext(ctx, s.users, exclusive); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return ErrInUse
		}
		return err
	}
	for _, sub := range []string{"blobs", "alias", "facts", partialDir, lockDir, pinDir, quarantineDir} {
		if err := step("clean.remove", func() error { return s.root.RemoveAll(sub) }); err != nil {
			return err
		}
	}
	// Whoever waits in Open has made the directories already.
	for _, sub := range subdirs {
		if err := s.root.MkdirAll(sub, 0o700); err != nil {
			return err
		}
	}
	return nil
}
