package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The disk tests run in a process with mounts of its own.
func init() {
	children["full"], children["inodes"], children["readonly"] = childFull, childInodes, childReadOnly
}

func inMountNamespace(t *testing.T, mode string) {
	t.Helper()
	cmd := child(t, "", mode, tempDir(t))
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || strings.Contains(string(out), "mounting: operation not permitted") {
		t.Skip("this user may not mount in a namespace of its own: ", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// Shows S68.
func TestAFullDisk(t *testing.T) { inMountNamespace(t, "full") }

// Shows S68.
func TestNoMoreFiles(t *testing.T) { inMountNamespace(t, "inodes") }

// Shows S68.
func TestAReadOnlyFileSystem(t *testing.T) { inMountNamespace(t, "readonly") }

func mountTmpfs(dir, options string) error {
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("tmpfs", dir, "tmpfs", 0, options)
	}
	if err != nil {
		return fmt.Errorf("mounting: %w", err)
	}
	return nil
}

// childFull meets the real ENOSPC: <dir>.
func childFull(args []string) error {
	if err := mountTmpfs(args[0], "size=1m,mode=0700"); err != nil {
		return err
	}
	s, err := Open(args[0], Options{Limits: noLimit()})
	if err != nil {
		return err
	}
	ctx := context.Background()
	big := strings.Repeat("x", 2<<20)
	_, _, err = s.Put(ctx, sha256Of(big), SizeUnknown, func(_ context.Context, p *Partial) error {
		_, err := io.Copy(p, struct{ io.Reader }{strings.NewReader(big)})
		return err
	})
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("Put on a full disk: %v, want ENOSPC", err)
	}
	_, _, err = s.Put(ctx, sha256Of(big), int64(len(big)), func(context.Context, *Partial) error {
		return errors.New("fill was called")
	})
	if !errors.As(err, new(*NoSpaceError)) {
		return fmt.Errorf("Put that can't fit: %v, want a *NoSpaceError", err)
	}
	small := strings.Repeat("y", 900<<10)
	f, _, err := s.Put(ctx, sha256Of(small), int64(len(small)), fillWith(small))
	if err != nil {
		return fmt.Errorf("Put of what fits: the space was not given back: %w", err)
	}
	return errors.Join(f.Close(), s.Close())
}

// childInodes meets ENOSPC where a file is made: <dir>.
func childInodes(args []string) error {
	if err := mountTmpfs(args[0], "size=10m,nr_inodes=40,mode=0700"); err != nil {
		return err
	}
	s, err := Open(args[0], Options{Limits: noLimit()})
	if err != nil {
		return err
	}
	var puts int
	for puts = range 40 {
		content := fmt.Sprint("content ", puts)
		var f *os.File
		if f, _, err = s.Put(context.Background(), sha256Of(content), SizeUnknown, fillWith(content)); err != nil {
			break
		}
		f.Close()
	}
	if puts == 0 || !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("after %d blobs: %v, want ENOSPC", puts, err)
	}
	r, err := s.Verify(context.Background(), false)
	for _, p := range r.Problems {
		if !strings.HasSuffix(p.What, "does not say how long the blob is") {
			return fmt.Errorf("%s %s", p.Path, p.What)
		}
	}
	return errors.Join(err, s.Close())
}

// childReadOnly opens a store that is mounted read-only: <dir>.
func childReadOnly(args []string) error {
	if err := mountTmpfs(args[0], "size=1m,mode=0700"); err != nil {
		return err
	}
	s, err := Open(args[0], Options{})
	if err != nil {
		return err
	}
	f, _, err := s.Put(context.Background(), sha256Of("content"), 7, fillWith("content"))
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), s.Close()); err != nil {
		return err
	}
	if err := unix.Mount("", args[0], "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return err
	}
	if s, err = Open(args[0], Options{}); err != nil {
		return err
	}
	defer s.Close()
	if !s.ReadOnly() {
		return errors.New("the store does not know that it is read-only")
	}
	if f, _, err = s.Get(sha256Of("content")); err != nil {
		return err
	}
	defer f.Close()
	_, _, err = s.Put(context.Background(), sha256Of("other"), 5, fillWith("other"))
	if !errors.Is(err, ErrReadOnly) {
		return fmt.Errorf("Put: %v, want ErrReadOnly", err)
	}
	return nil
}
