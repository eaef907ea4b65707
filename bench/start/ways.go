//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// tag is what the built images are called.
const tag = "localhost/lazybuild-test/start:latest"

// socket is where lazybuild looks for a running service.
const socket = "/run/podman/podman.sock"

// way is one of those that take turns.
type way struct {
	name   string
	args   []string
	before func(ctx context.Context) error // not timed
	after  func() error
	env    []string
	cut    bool // it can run without network, so it can be measured with it cut
}

// bench is a run; nothing of it is left.
type bench struct {
	c       config
	dir     string
	service *exec.Cmd
	images  map[key]string // IDs of those that the ways have built last
}

func (b *bench) ways() []way {
	lazy := func(proxy string) []string { return []string{b.c.Binary, "--lazy-proxy=" + proxy, "-t", tag, "."} }
	none := func(context.Context) error { return nil }
	done := func() error { return nil }
	env := append(os.Environ(), "LAZYBUILD_STORE="+filepath.Join(b.dir, "store"), "LAZYBUILD_RUNDIR="+filepath.Join(b.dir, "run"))
	// With a configuration of the user's own lazybuild uses no service that it
	// finds. The service has it.
	plain := slices.DeleteFunc(slices.Clone(env), func(v string) bool { return strings.HasPrefix(v, "CONTAINERS_CONF=") })
	return []way{
		{"podman", []string{"podman", "build", "-t", tag, "."}, none, done, env, true},
		{"process", lazy("process"), none, done, env, true},
		{"service", lazy("container"), b.startService, b.stopService, plain, true},
		{"container", lazy("container"), none, done, env, true},
		{"nothing", lazy("container"), removeImages, done, env, true},
	}
}

var errServiceRuns = errors.New("a service listens on " + socket + " already: stop it, so that the other ways can be measured without")

// startService starts a service and waits until it listens.
func (b *bench) startService(ctx context.Context) error {
	if listens(ctx) {
		return errServiceRuns
	}
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		return err
	}
	b.service = exec.CommandContext(ctx, "podman", "system", "service", "--time", "0", "unix://"+socket)
	if err := b.service.Start(); err != nil {
		return err
	}
	for range 200 {
		if listens(ctx) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.Join(fmt.Errorf("podman's service does not listen on %s", socket), b.stopService())
}

func (b *bench) stopService() error {
	if b.service == nil {
		return nil
	}
	err := b.service.Process.Signal(os.Interrupt)
	_ = b.service.Wait()
	b.service = nil
	return errors.Join(err, os.RemoveAll(socket))
}

func listens(ctx context.Context) bool {
	c, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// removeImages removes the proxy images of all versions of lazybuild.
func removeImages(ctx context.Context) error {
	names, err := exec.CommandContext(ctx, "podman", "images", "--filter", "reference=localhost/lazybuild-proxy", "--format", "{{.Repository}}:{{.Tag}}").Output()
	if err != nil {
		return fmt.Errorf("listing the proxy images: %w", err)
	}
	if len(names) == 0 {
		return nil
	}
	args := append([]string{"rmi", "--force"}, strings.Fields(string(names))...)
	if out, err := exec.CommandContext(ctx, "podman", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("removing the proxy images: %w: %s", err, out)
	}
	return nil
}
