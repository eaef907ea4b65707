package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Store is an open store. Its methods are safe for concurrent use, in one
// process and over all processes that have the directory open.
type Store struct {
	dir      string
	root     *os.Root // of dir/v1
	top      *os.File // the same directory, for openBeneath
	users    *os.File // v1/.lock, share-locked as long as the Store is open
	readOnly bool
	now      func() time.Time
	log      *slog.Logger
	limits   Limits

	keys  keyedMutex // the locks that this process holds or waits for
	sizes sync.Map   // digest.Digest of a blob -> int64, its verified size
	// everybodys are the digests of blobs that are known to be public.
	everybodys sync.Map
	sums       sync.Map // ref of a digest -> digest.Digest, what its alias says
	space      space
	facts      sync.Mutex // one facts file is changed at a time
}

// Options change how a store is opened. The zero value is what most callers want.
type Options struct {
	// ReadOnly opens an existing store without ever writing to it. A store
	// whose directory can't be written to is opened so without being asked.
	ReadOnly bool
	// Limits say how much disk the store may use; see Limits for the default.
	Limits Limits
	// Log gets what a user should know (a damaged blob was found); nil discards it.
	Log *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Info describes a blob.
type Info struct {
	// Digest is the blob's sha256 digest, under which it is kept, whatever
	// digest or key it was asked for by.
	Digest digest.Digest
	// Size in bytes.
	Size int64
}

// format is the version of the layout, and the name of its directory. Another
// layout gets another directory, so an old program never misreads a new store.
const format = "v1"

// subdirs are the directories that a store always has.
var subdirs = []string{"blobs/sha256", "alias", "facts", "partial", "locks", "pins", "quarantine"}

// Open opens the store in dir, an absolute path, and makes it (mode 0700) when
// there is none. It returns an *UnsafeError when another user could have
// written to it, ErrNewerFormat, ErrNoLocks, or a file system's error. While
// Clean runs, Open waits at most a second and then returns ErrInUse. The caller
// must Close the Store.
func Open(dir string, opts Options) (*Store, error) {
	s, err := open(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("opening store %q: %w", dir, err)
	}
	return s, nil
}

func open(dir string, opts Options) (*Store, error) {
	if !filepath.IsAbs(dir) {
		return nil, errors.New("its path is not absolute")
	}
	uid := os.Geteuid()
	dir, err := resolve(dir, uid)
	if err != nil {
		return nil, err
	}
	readOnly := opts.ReadOnly
	if !readOnly {
		if err = prepare(dir, uid); isReadOnly(err) {
			readOnly = true
		} else if err != nil {
			return nil, err
		}
	}
	root, err := openRoot(dir, uid)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, root: root, readOnly: readOnly, now: opts.Now, log: opts.Log, limits: opts.Limits}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.top, err = root.Open("."); err == nil {
		err = s.join()
	}
	if err != nil {
		s.top.Close() // nil is fine
		root.Close()
		return nil, err
	}
	return s, nil
}

// prepare makes the directories that are not there.
func prepare(dir string, uid int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := checkFormat(dir); err != nil {
		return err
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if err := checkOwn(dir, fi, uid); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, format), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	root, err := openRoot(dir, uid)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, sub := range subdirs {
		if err := root.MkdirAll(sub, 0o700); err != nil {
			return err
		}
	}
	// Nothing above fails on a read-only file system when the directories are there.
	return unix.Access(filepath.Join(dir, format, partialDir), unix.W_OK)
}

var formatName = regexp.MustCompile(`^v[1-9][0-9]*$`)

func checkFormat(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if formatName.MatchString(e.Name()) && e.Name() != format {
			return fmt.Errorf("%w: it has a directory %s, this lazybuild knows %s (update lazybuild, or set LAZYBUILD_STORE to another directory)",
				ErrNewerFormat, e.Name(), format)
		}
	}
	return nil
}

// openRoot opens dir/v1 and checks what it has opened, not what was there
// before: in between, somebody may have moved another directory into its place.
func openRoot(dir string, uid int) (*os.Root, error) {
	if err := checkFormat(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, format)
	if fi, err := os.Lstat(path); err == nil && fi.Mode()&fs.ModeSymlink != 0 {
		return nil, &UnsafeError{path, "it is a symbolic link", "remove it"}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	fi, err := root.Stat(".")
	if err == nil {
		err = checkOwn(path, fi, uid)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}

// join takes the share of v1/.lock that keeps Clean away.
func (s *Store) join() error {
	flag := os.O_RDWR | os.O_CREATE // a network file system wants a writable file for a lock
	if s.readOnly {
		flag = os.O_RDONLY
	}
	f, err := s.root.OpenFile(".lock", flag, 0o600)
	if s.readOnly && errors.Is(err, fs.ErrNotExist) {
		return nil // never used for writing, so nobody can be cleaning it
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := flockContext(ctx, f, shared); err != nil {
		f.Close()
		if errors.Is(err, context.DeadlineExceeded) {
			return ErrInUse
		}
		return err
	}
	s.users = f
	return nil
}

// Close releases what Open took. Files that were returned stay valid. No other
// method may be running or be called later.
func (s *Store) Close() error {
	var err error
	if s.users != nil {
		err = s.users.Close() // and with it the lock
	}
	return errors.Join(err, s.top.Close(), s.root.Close())
}

// Dir is the store's directory with all symbolic links resolved.
func (s *Store) Dir() string { return s.dir }

// ReadOnly says that nothing can be put into the store, because it was opened
// so or because its directory can't be written to.
func (s *Store) ReadOnly() bool { return s.readOnly }

func isReadOnly(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)
}

// writable guards every method that writes.
func (s *Store) writable() error {
	if s.readOnly {
		return ErrReadOnly
	}
	return nil
}

// asReadOnly adds ErrReadOnly to the error of a step that failed because the
// directory has become unwritable since Open.
func asReadOnly(err error) error {
	if isReadOnly(err) && !errors.Is(err, ErrReadOnly) {
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return err
}
