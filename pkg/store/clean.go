package store

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/lazybuild/lazybuild/internal/failpoint"
)

// Clean empties the store in dir: everything that any build has fetched is gone
// afterwards. It returns ErrInUse when a build or another command has the store
// open, and nil when there is none. Nobody can open it meanwhile.
func Clean(dir string) error {
	if err := clean(dir); err != nil {
		return fmt.Errorf("emptying store %q: %w", dir, err)
	}
	return nil
}

func clean(dir string) error {
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
	// flock(2) turns the share that Open took into the whole lock, not in one
	// step; that is no harm, as nothing has been looked at under the share.
	ok, err := tryFlock(s.users, exclusive)
	if err == nil && !ok {
		err = ErrInUse
	}
	if err != nil {
		return err
	}
	for _, sub := range []string{"blobs", "alias", "facts", partialDir, lockDir, pinDir, quarantineDir} {
		if err := failpoint.Step("clean.remove", func() error { return s.root.RemoveAll(sub) }); err != nil {
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
