//go:build linux

package mount

import (
	"log/slog"
	"time"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Options are the ways in which mounts differ. The zero value works; ID should be set.
type Options struct {
	// ID names the build. The mount's source in every mountinfo is "lazybuild-<ID>",
	// so that leftovers can be told apart. Must not contain white space, '\' or ','.
	ID string
	// AllowOther lets every UID of the mount's user namespace and its descendants
	// in; without it only the mounting user gets anything but EACCES.
	AllowOther bool
	// Owner is the user and group ID of all files.
	Owner uint32
	// ReadOnly gives directories mode 0555. By default it is 0777, so that an
	// overlay on top is writable for every UID. The FUSE mount itself never is.
	ReadOnly bool
	// UnderOverlay says that programs reach the mount through an Overlay only. Opens
	// that overlayfs makes for itself then start no download.
	UnderOverlay bool
	// Passthrough says whether the kernel may read present files by itself.
	Passthrough Passthrough
	// ProbeDir is a directory on the file system that holds the content; Mount
	// makes an unnamed file there to find out whether passthrough works. Empty
	// asks the kernel only, and cannot see an unsuitable file system.
	ProbeDir string
	// Observer is told what programs do; nil is nobody.
	Observer Observer
	// Clock is the time; the zero value is the real one.
	Clock Clock
	// Log gets warnings, and go-fuse's complaints at debug level; nil drops them.
	Log *slog.Logger
}

// Passthrough is a choice between the kernel's ways to read present files.
type Passthrough int

const (
	// PassthroughAuto uses passthrough where the kernel and the privileges allow it.
	PassthroughAuto Passthrough = iota
	// PassthroughOff uses the page cache instead.
	PassthroughOff
)

// Observer is told about programs' use of files. The methods are called from
// the requests themselves, several at once: they must not block and must not
// touch the mount. The files belong to the tree and must not be changed.
type Observer interface {
	// Opened: a program has opened the file.
	Opened(f *tree.File)
	// Waited: the first read of an open had to wait this long, with success.
	Waited(f *tree.File, d time.Duration)
	// Failed: the content could not be had; at most once per open. For a generated
	// directory f has its Path only.
	Failed(f *tree.File, err error)
}

// Clock is what the package needs of time. Unset fields are the time package's.
type Clock struct {
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

func (c Clock) withDefaults() Clock {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.After == nil {
		c.After = time.After
	}
	return c
}

// Info is what Mount found out about the kernel.
type Info struct {
	// Passthrough says that present files are read by the kernel alone.
	Passthrough bool
	// Why says for people why Passthrough is off; empty when it is on.
	Why string
	// Warnings are for people: things about this host that can spoil a build.
	Warnings []string
}

type nobody struct{}

func (nobody) Opened(*tree.File)                {}
func (nobody) Waited(*tree.File, time.Duration) {}
func (nobody) Failed(*tree.File, error)         {}
