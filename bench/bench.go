//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/bench/origin"
	"github.com/lazybuild/lazybuild/bench/show"
)

// bench builds. It has a podman storage and directories of its own, so that it
// neither finds nor leaves anything.
type bench struct {
	binary string
	work   string // downloads, stores, contexts
	short  string // podman's storage and lazybuild's mounts: sockets need short paths
	origin *origin.Server

	use string   // lazybuild's store
	env []string // for one command
	// trusting are arguments of a build that asks the origin itself.
	trusting []string
	waited   time.Duration // what the last build with lazybuild waited
	cached   string        // the workload whose files the cache mount holds
	images   []string      // built since the last tidying
	count    int           // of images, and of what was put aside
}

func newBench(ctx context.Context, c config, o *origin.Server) (*bench, error) {
	b := &bench{binary: c.binary, origin: o}
	var err error
	if b.work, err = os.MkdirTemp(cmp.Or(c.work, c.cache), "work-"); err != nil {
		return nil, err
	}
	if b.short, err = os.MkdirTemp(cmp.Or(c.work, "/var/tmp"), "lazy-bench-"); err != nil {
		return nil, errors.Join(err, b.close())
	}
	if err := b.isolate(ctx); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) tmp() string { return filepath.Join(b.short, "tmp") }

// isolate gives podman and lazybuild directories of their own. The base images
// are read from the user's storage.
func (b *bench) isolate(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "podman", "info", "--format", "{{.Store.GraphRoot}}").Output()
	if err != nil {
		return fmt.Errorf("podman info: %w", err)
	}
	conf := filepath.Join(b.short, "storage.conf")
	text := fmt.Sprintf("[storage]\ndriver = \"overlay\"\ngraphroot = %q\nrunroot = %q\n[storage.options]\nadditionalimagestores = [%q]\n",
		filepath.Join(b.short, "storage"), filepath.Join(b.short, "runroot"), strings.TrimSpace(string(out)))
	if err := errors.Join(os.WriteFile(conf, []byte(text), 0o644), os.Mkdir(b.tmp(), 0o700)); err != nil {
		return err
	}
	if b.origin.CA != nil {
		if err := b.trust(); err != nil {
			return err
		}
	}
	return errors.Join(
		os.Setenv("CONTAINERS_STORAGE_CONF", conf),
		os.Setenv("LAZYBUILD_RUNDIR", filepath.Join(b.short, "run")),
		os.Setenv("TMPDIR", b.tmp()))
}

// inside is where the builds that ask the origin themselves find its authority.
const inside = "/bench-ca.pem"

// trust makes the prefetch, lazybuild and the programs of builds believe the
// origin's certificate.
func (b *bench) trust() error {
	file := filepath.Join(b.short, "ca.pem")
	b.trusting = []string{"-v", file + ":" + inside + ":ro"}
	for _, name := range []string{"SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"} {
		b.trusting = append(b.trusting, "--env", name+"="+inside)
	}
	return errors.Join(os.WriteFile(file, b.origin.CA, 0o644), os.Setenv("SSL_CERT_FILE", file))
}

// serviceEnd is longer than podman's API service waits for another client.
const serviceEnd = 6 * time.Second

// close removes everything. podman's API service must have ended by itself.
func (b *bench) close() error {
	if b.short != "" {
		time.Sleep(serviceEnd)
		mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(b.short))
		if err != nil {
			return err
		}
		for i := len(mounts) - 1; i >= 0; i-- {
			_ = unix.Unmount(mounts[i].Mountpoint, unix.MNT_DETACH)
		}
	}
	return errors.Join(os.RemoveAll(b.short), os.RemoveAll(b.work))
}

// image names the next image.
func (b *bench) image() string {
	b.count++
	name := fmt.Sprintf("localhost/lazybuild-test/bench:%d", b.count)
	b.images = append(b.images, name)
	return name
}

// putAside makes a directory empty. What was in it is removed later: a file
// system may look long for an inode when thousands have just been deleted, and
// then the next build would pay for the one before.
func (b *bench) putAside(dir string) error {
	b.count++
	err := os.Rename(dir, filepath.Join(filepath.Dir(dir), fmt.Sprintf("old-%d", b.count)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// settle is how long the file system is given after a great removal.
const settle = 30 * time.Second

// So many builds are left lying about, unless less than roomy bytes are free, or
// a third of a smaller disk.
const (
	leftBuilds = 80
	roomy      = 20 << 30
)

// tidy removes what the builds have left: now and then, or, where that takes no
// time, before each build, so that memory does not fill up.
func (b *bench) tidy(ctx context.Context) error {
	var st unix.Statfs_t
	if err := unix.Statfs(b.work, &st); err != nil {
		return err
	}
	full := int64(st.Bavail)*st.Bsize < min(roomy, int64(st.Blocks)*st.Bsize/3)
	inMemory := show.FileSystem(b.work) == "tmpfs"
	if len(b.images) == 0 || !inMemory && !full && len(b.images) < leftBuilds {
		return nil
	}
	if !inMemory {
		say("removing what the builds have left, and waiting for %v", settle)
	}
	// One that failed to be built, or is the last, is not there.
	_ = b.command(ctx, b.work, "podman", append([]string{"rmi", "--force", "--ignore"}, b.images...)...)
	b.images = nil
	var errs []error
	for _, pattern := range []string{filepath.Join(b.work, "old-*"), filepath.Join(b.tmp(), "old-*")} {
		olds, err := filepath.Glob(pattern)
		errs = append(errs, err)
		for _, old := range olds {
			errs = append(errs, os.RemoveAll(old))
		}
	}
	if !inMemory {
		time.Sleep(settle)
	}
	return errors.Join(errs...)
}

// command runs a program in dir; what it says is shown if it fails.
func (b *bench) command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), b.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		said := out.Bytes()
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, said[max(0, len(said)-4000):])
	}
	return nil
}

// measure runs one arm once. A failure of one is a failure of all: half a
// comparison is none.
func (b *bench) measure(ctx context.Context, a arm, w *workload, l origin.Link) (show.Sample, error) {
	s := show.Sample{Workload: w.name, Link: l.Name, Arm: a.id}
	b.origin.Use(origin.Link{})
	if err := b.tidy(ctx); err != nil {
		return s, err
	}
	if err := a.before(b, ctx, w); err != nil {
		return s, err
	}
	unix.Sync() // what others have written is not this arm's to write out
	b.origin.Use(l)
	b.origin.Traffic()
	b.waited = 0
	start := time.Now()
	needed, err := a.run(b, ctx, w, b.image())
	s.Took = time.Since(start)
	if err != nil {
		return s, err
	}
	t := b.origin.Traffic()
	s.Bytes, s.Requests, s.Connections, s.Needed, s.Waited = t.Bytes, t.Requests, t.Connections, needed, b.waited
	if a.id == "c" {
		b.cached = w.name
	}
	return s, nil
}
