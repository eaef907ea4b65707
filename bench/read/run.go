//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/bench/bare"
	"github.com/lazybuild/lazybuild/bench/origin"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// way is a kind of mount.
type way struct {
	name                string
	readOnly, noThrough bool
	aim                 float64 // of the plain directory's throughput
}

var ways = []way{
	{"read-only, passthrough", true, false, 0.95},
	{"overlay, passthrough", false, false, 0.9},
	{"read-only, no passthrough", true, true, 0.6},
	{"overlay, no passthrough", false, true, 0.6},
}

// bench is a run; nothing of it is left.
type bench struct {
	c      config
	dir    string
	tree   *tree.Tree
	blob   string // the large file in the store
	mounts int
	// rates by way and task, one per round; "" is the plain directory. memory is
	// the proxy's, in bytes: when mounted, and after everything has been read.
	rates  map[[2]string][]rate
	memory map[string][][2]float64
}

func run(ctx context.Context, c config) (err error) {
	b := &bench{c: c, rates: map[[2]string][]rate{}, memory: map[string][][2]float64{}}
	if b.dir, err = os.MkdirTemp(c.dir, "lazy-read-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	o, err := origin.New(false)
	if err != nil {
		return err
	}
	defer o.Close()
	if b.tree, err = makeFiles(c, b.plain(), o); err != nil {
		return err
	}
	if err := b.fill(ctx); err != nil {
		return err
	}
	unix.Sync()
	for round := range c.Rounds {
		if err := b.round(ctx); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "read: round %d of %d\n", round+1, c.Rounds)
	}
	return b.report()
}

func (b *bench) plain() string { return filepath.Join(b.dir, "plain") }
func (b *bench) store() string { return filepath.Join(b.dir, "store") }

// fill reads everything once, so that the store has it.
func (b *bench) fill(ctx context.Context) error {
	err := os.Mkdir(b.store(), 0o700)
	if err != nil {
		return err
	}
	err = b.mounted(ctx, ways[0], func(dir string, _ *bare.Proxy) error {
		var g errgroup.Group
		g.SetLimit(16)
		for i := range b.c.small {
			g.Go(func() error {
				_, err := readAll(filepath.Join(dir, smallName(i)), make([]byte, smallSize))
				return err
			})
		}
		_, err := readLarge(1<<20)(&b.c, dir)
		return errors.Join(err, g.Wait())
	})
	if f, ok := b.tree.Lookup(largeName); ok {
		hex := f.Digest.Hex()
		b.blob = filepath.Join(b.store(), "v1", "blobs", "sha256", hex[:2], hex)
	}
	return err
}

// mounted calls f with a mount of the tree.
func (b *bench) mounted(ctx context.Context, w way, f func(dir string, p *bare.Proxy) error) error {
	b.mounts++
	dir := filepath.Join(b.dir, fmt.Sprint(b.mounts))
	spec := wire.Spec{
		BuildID: fmt.Sprintf("read-%d-%d", os.Getpid(), b.mounts), Dir: dir, Output: filepath.Join(dir, "output"), Store: b.store(),
		Scratch: filepath.Join(b.store(), "scratch", fmt.Sprint(b.mounts)), ReadOnly: w.readOnly, NoPassthrough: w.noThrough, AllowUnverified: "weak",
	}
	p, err := bare.Start(ctx, b.c.Binary, spec, b.tree)
	if err != nil {
		return err
	}
	return errors.Join(f(spec.Output, p), p.End())
}

// round measures every task in all ways, one after the other.
func (b *bench) round(ctx context.Context) error {
	for _, w := range ways {
		err := b.mounted(ctx, w, func(dir string, p *bare.Proxy) error {
			before := p.Memory()
			for _, t := range tasks() {
				// The plain directory's turn is beside each: what slows one down slows both.
				for _, way := range []string{"", w.name} {
					at := dir
					blob := b.blob
					if way == "" {
						at, blob = b.plain(), filepath.Join(b.plain(), largeName)
					}
					rate, err := timed(&b.c, t, at, blob)
					if err != nil {
						return fmt.Errorf("%s, %s: %w", way, t.name, err)
					}
					k := [2]string{way, t.name}
					if way == "" {
						k[0] = "plain beside " + w.name
					}
					b.rates[k] = append(b.rates[k], rate)
				}
			}
			b.memory[w.name] = append(b.memory[w.name], [2]float64{float64(before), float64(p.Memory())})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
