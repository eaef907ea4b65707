package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/pkg/rpm"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// createrepo makes repodata the old way: all packages of the repository are
// downloaded, and the real createrepo_c reads them. It is what to compare the
// other way with, and the fallback. Its result is kept under the same key, so
// that it happens once for each lock.
type createrepo struct {
	// root is where this process sees the root of the system that has
	// createrepo_c: the container of the proxy has nothing but the proxy.
	root string
	// scratch is a directory for the packages' links, which has the same path
	// below root, on the file system of the store.
	scratch string
}

// newCreaterepo is nil unless the options ask for it.
func newCreaterepo(o *Options) *createrepo {
	if o.RPMMetadata != wire.Createrepo {
		return nil
	}
	return &createrepo{root: o.HostRoot, scratch: o.Scratch + "-createrepo"}
}

var errNoCreaterepo = &policyError{
	"createrepo_c is not installed on the machine that runs the containers",
	"install it there (package createrepo_c or createrepo-c), or leave --lazy-rpm-metadata=createrepo_c out: headers are enough",
}

// program finds createrepo_c, as a path below root.
func (c *createrepo) program() (string, error) {
	for _, dir := range []string{"/usr/bin", "/usr/local/bin", "/bin"} {
		file := path.Join(dir, "createrepo_c")
		if info, err := os.Stat(filepath.Join(c.root, file)); err == nil && info.Mode().IsRegular() {
			return file, nil
		}
	}
	return "", errNoCreaterepo
}

// createrepo downloads the packages and lets createrepo_c read them.
func (s *Source) createrepo(ctx context.Context, packages []*tree.File, modules []byte) (*rpm.Repodata, error) {
	program, err := s.oldWay.program()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.oldWay.scratch, 0o700); err != nil {
		return nil, err
	}
	defer os.Remove(s.oldWay.scratch) // the last repository's succeeds
	dir, err := os.MkdirTemp(s.oldWay.scratch, "repo-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := s.collect(ctx, packages, dir); err != nil {
		return nil, err
	}
	if modules != nil {
		if err := os.WriteFile(filepath.Join(dir, "modules.yaml"), modules, 0o600); err != nil {
			return nil, err
		}
	}
	if err := s.oldWay.run(ctx, program, dir); err != nil {
		return nil, err
	}
	return collected(filepath.Join(dir, "repodata"))
}

// collect has all packages downloaded and linked into dir.
func (s *Source) collect(ctx context.Context, packages []*tree.File, dir string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(headersAtOnce)
	for _, f := range packages {
		g.Go(func() error {
			to := filepath.Join(dir, path.Base(f.Path))
			err := s.withContent(ctx, f, func(file *os.File) error { return link(file, to) })
			if err != nil {
				return fmt.Errorf("%s: %w", f.Path, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// link gives an open file another name; where that is not possible, it is copied.
func link(file *os.File, to string) error {
	from := fmt.Sprintf("/proc/self/fd/%d", file.Fd())
	if unix.Linkat(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.AT_SYMLINK_FOLLOW) == nil {
		return nil
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		_, err = io.Copy(out, io.NewSectionReader(file, 0, info.Size()))
	}
	return errors.Join(err, out.Close())
}

func (c *createrepo) run(ctx context.Context, program, dir string) error {
	cmd := exec.CommandContext(ctx, program, "--quiet", "--no-database", "--general-compress-type", "gz", dir)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=/"}
	cmd.Dir = "/"
	if c.root != "" {
		cmd.Err = nil // the program is looked for below the new root
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running createrepo_c: %w: %s", err, strings.Join(strings.Fields(string(out)), " "))
	}
	return nil
}

// collected reads what createrepo_c has written.
func collected(dir string) (*rpm.Repodata, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("createrepo_c made no repodata: %w", err)
	}
	var made rpm.Repodata
	for _, n := range names {
		data, err := os.ReadFile(filepath.Join(dir, n.Name()))
		if err != nil {
			return nil, err
		}
		made.Files = append(made.Files, rpm.NamedFile{Name: n.Name(), Data: data})
	}
	return &made, nil
}
