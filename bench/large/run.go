//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/bench/origin"
	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// name is the file's path in the tree and on the origin.
const name = "deps/pip/large-1.0-py3-none-any.whl"

// bench is a run; nothing of it is left.
type bench struct {
	c      config
	dir    string
	origin *origin.Server
	tree   *tree.Tree
	sum    digest.Digest
	turns  int
	cpu    map[key][]float64 // of lazybuild's proxy and of aria2c, in seconds
	took   map[key][]float64 // in seconds
}

// key is a way on a link.
type key struct{ link, way string }

func run(ctx context.Context, c config) (err error) {
	links, err := chosen(c.links)
	if err != nil {
		return err
	}
	b := &bench{c: c, cpu: map[key][]float64{}, took: map[key][]float64{}}
	if b.dir, err = os.MkdirTemp(c.dir, "lazy-large-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.origin, err = origin.New(c.https); err != nil {
		return err
	}
	defer b.origin.Close()
	if err := b.prepare(); err != nil {
		return err
	}
	for round := range c.Rounds {
		for _, l := range links {
			b.origin.Use(l)
			for _, w := range ways {
				if err := b.turn(ctx, l, w); err != nil {
					return fmt.Errorf("%s, %v: %w", w.name, l, err)
				}
			}
		}
		fmt.Fprintf(os.Stderr, "large: round %d of %d\n", round+1, c.Rounds)
	}
	return b.report(links)
}

// chosen are the links by their Mbit/s.
func chosen(names string) (links []origin.Link, err error) {
	for _, n := range strings.Split(names, ",") {
		at := slices.IndexFunc(origin.Links(), func(l origin.Link) bool { return fmt.Sprint(l.Rate*8/1e6) == n })
		switch {
		case n == "0":
			links = append(links, origin.Link{Name: "no link"})
		case at < 0:
			return nil, fmt.Errorf("no link of %s Mbit/s: 0, 1000, 100 and 20 are known", n)
		default:
			links = append(links, origin.Links()[at])
		}
	}
	return links, nil
}

// prepare writes the file, and makes the tree that names it. The proxy and
// aria2c are told to trust the origin.
func (b *bench) prepare() error {
	file := filepath.Join(b.dir, "origin.whl")
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.CopyBuffer(io.MultiWriter(f, h), io.LimitReader(rand.NewChaCha8([32]byte{1}), b.c.size), make([]byte, 1<<20))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	b.sum = digest.FromHash("sha256", h)
	url := b.origin.AddFile("/"+name, file)
	b.tree, err = tree.Build([]tree.Input{{Type: "pip", Lock: "bench"}},
		[]tree.File{{Path: name, Size: b.c.size, Digest: b.sum, URLs: []string{url}}}, nil)
	if err != nil || b.origin.CA == nil {
		return err
	}
	return errors.Join(os.WriteFile(b.ca(), b.origin.CA, 0o644), os.Setenv("SSL_CERT_FILE", b.ca()))
}

func (b *bench) ca() string { return filepath.Join(b.dir, "ca.pem") }

// turn measures one way in an empty directory.
func (b *bench) turn(ctx context.Context, l origin.Link, w way) error {
	b.turns++
	dir := filepath.Join(b.dir, fmt.Sprint(b.turns))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	unix.Sync()
	start := time.Now()
	cpu, err := w.run(ctx, b, dir)
	if err != nil {
		return err
	}
	k := key{l.Name, w.name}
	b.took[k] = append(b.took[k], time.Since(start).Seconds())
	b.cpu[k] = append(b.cpu[k], cpu.Seconds())
	return os.RemoveAll(dir)
}
