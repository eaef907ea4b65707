//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

	use    string        // lazybuild's store
	env    []string      // for one command
	waited time.Duration // what the last build with lazybuild waited
	cached string        // the workload whose files the cache mount holds
}

func newBench(ctx context.Context, cache, binary string, o *origin.Server) (*bench, error) {
	b := &bench{binary: binary, origin: o}
	var err error
	if b.work, err = os.MkdirTemp(cache, "work-"); err != nil {
		return nil, err
	}
	if b.short, err = os.MkdirTemp("/var/tmp", "lazy-bench-"); err != nil {
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
	return errors.Join(
		os.Setenv("CONTAINERS_STORAGE_CONF", conf),
		os.Setenv("LAZYBUILD_RUNDIR", filepath.Join(b.short, "run")),
		os.Setenv("TMPDIR", b.tmp()))
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

// image is the name of the image under construction.
func (b *bench) image() string { return "localhost/lazybuild-test/bench:now" }

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

func (b *bench) removeImage(ctx context.Context) error {
	return b.command(ctx, b.work, "podman", "rmi", "--force", b.image())
}

// measure runs one arm once. A failure of one is a failure of all: half a
// comparison is none.
func (b *bench) measure(ctx context.Context, a arm, w *workload, l origin.Link) (show.Sample, error) {
	s := show.Sample{Workload: w.name, Link: l.Name, Arm: a.id}
	b.origin.Use(origin.Link{})
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
	return s, b.removeImage(ctx)
}
