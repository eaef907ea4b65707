//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/lazybuild/lazybuild/bench/bare"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// way is one of those that take turns. It returns the processor time of the
// program that downloads; 0 where that is this one.
type way struct {
	name string
	run  func(ctx context.Context, b *bench, dir string) (time.Duration, error)
}

var ways = []way{
	{"lazybuild", lazy},
	{"aria2c, 16 connections", aria2},
	{"one connection", single},
}

// lazy is the reading of the whole file through a mount, from its start to its end.
func lazy(ctx context.Context, b *bench, dir string) (time.Duration, error) {
	at := filepath.Join(dir, "mount")
	spec := wire.Spec{
		BuildID: fmt.Sprintf("large-%d-%d", os.Getpid(), b.turns), Dir: at, Output: filepath.Join(at, "output"), ReadOnly: true,
		Store: filepath.Join(dir, "store"), AllowUnverified: "weak",
	}
	if err := os.Mkdir(spec.Store, 0o700); err != nil {
		return 0, err
	}
	p, err := bare.Start(ctx, b.c.Binary, spec, b.tree)
	if err != nil {
		return 0, err
	}
	err = errors.Join(b.read(filepath.Join(spec.Output, name)), p.End())
	return p.CPU(), err
}

// read reads a file, which must have its length.
func (b *bench) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, make([]byte, 1<<20))
	if err == nil && n != b.c.size {
		err = fmt.Errorf("%s: %d bytes instead of %d", path, n, b.c.size)
	}
	return err
}

// aria2 downloads with as many connections as aria2c opens to one host, which
// compares the checksum, and reads the file.
func aria2(ctx context.Context, b *bench, dir string) (time.Duration, error) {
	args := []string{
		"--quiet", "--no-conf", "--max-connection-per-server=16", "--split=16", "--min-split-size=1M", "--file-allocation=none",
		"--checksum=sha-256=" + b.sum.Hex(), "--dir=" + dir, "--out=file",
	}
	if b.origin.CA != nil {
		args = append(args, "--ca-certificate="+b.ca())
	}
	cmd := exec.CommandContext(ctx, "aria2c", append(args, b.tree.Files[0].URLs[0])...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("aria2c: %w", err)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), b.read(filepath.Join(dir, "file"))
}

// single downloads with one request, checks nothing, and reads the file.
func single(ctx context.Context, b *bench, dir string) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.tree.Files[0].URLs[0], http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(f, resp.Body)
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	return 0, b.read(f.Name())
}
