//go:build linux

package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/bench/bare"
	"github.com/lazybuild/lazybuild/bench/origin"
	"github.com/lazybuild/lazybuild/e2e/prefetch"
	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

type config struct {
	binary, cache, lock, link string
	readers, rounds           int
	think                     time.Duration
	random, https, unpack     bool
}

// replay is the files to read, in the order of reading, and who serves them.
type replay struct {
	c       config
	dir     string
	origin  *origin.Server
	plan    *plan.Plan
	entries []prefetch.Entry // what a prefetch downloads
	read    []prefetch.Entry // what a package manager opens
	builds  int
	old     int
	cpu     time.Duration // of the last proxy
}

func run(ctx context.Context, c config) error {
	o, err := origin.New(c.https)
	if err != nil {
		return err
	}
	defer o.Close()
	r := &replay{c: c, origin: o}
	if r.dir, err = os.MkdirTemp("/var/tmp", "lazy-replay-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.dir)
	if err := r.trust(); err != nil {
		return err
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	link := origin.Link{}
	for _, l := range origin.Links() {
		if fmt.Sprint(l.Rate*8/1e6) == c.link {
			link = l
		}
	}
	o.Use(link)
	var size int64
	for _, e := range r.entries {
		if fi, err := os.Stat(filepath.Join(c.cache, "files", e.Path)); err == nil {
			size += fi.Size()
		}
	}
	fmt.Printf("%d files, %.1f MB, %v: at least %.2f s\n", len(r.entries), float64(size)/1e6, link, link.Least(size).Seconds())
	return r.rounds(ctx)
}

// trust makes the prefetch and the proxies believe the origin's certificate.
func (r *replay) trust() error {
	if r.origin.CA == nil {
		return nil
	}
	file := filepath.Join(r.dir, "ca.pem")
	return errors.Join(os.WriteFile(file, r.origin.CA, 0o644), os.Setenv("SSL_CERT_FILE", file))
}

// prepare makes a lock that names the origin, and the plan of it.
func (r *replay) prepare(ctx context.Context) error {
	binary, _, _ := strings.Cut(r.c.binary, ",")
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, binary, "tree", "--json", "-f", "Containerfile", ".")
	cmd.Dir, cmd.Stderr = filepath.Join(r.c.cache, "app", "before"), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	all, err := prefetch.ReadTree(bytes.NewReader(out))
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(e prefetch.Entry) bool { return !strings.HasPrefix(e.Path, "deps/"+r.c.lock+"/") })
	names := map[string]string{"npm": "package-lock.json", "pip": "pylock.toml"}
	name := names[r.c.lock]
	lock, err := os.ReadFile(filepath.Join(cmd.Dir, name))
	if err != nil {
		return err
	}
	if r.entries, err = prefetch.OnlyFitting(all, npmOnly(r.c.lock, lock), "x86_64"); err != nil {
		return err
	}
	if r.c.lock == "npm" {
		if lock, err = prefetch.RewritePackageLock(lock, "/cachi2/output"); err != nil {
			return err
		}
	}
	var pairs []string
	for i, e := range all {
		u, err := url.Parse(e.URLs[0])
		if err != nil {
			return err
		}
		here := r.origin.AddFile(u.Path, filepath.Join(r.c.cache, "files", e.Path))
		pairs = append(pairs, `"`+e.URLs[0]+`"`, `"`+here+`"`, `"file:///cachi2/output/`+e.Path+`"`, `"`+here+`"`)
		all[i].URLs = []string{here}
	}
	here := map[string][]string{}
	for _, e := range all {
		here[e.Path] = e.URLs
	}
	for i := range r.entries {
		r.entries[i].URLs = here[r.entries[i].Path]
	}
	r.read = opened(r.entries)
	if r.c.random {
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(r.read), func(i, j int) { r.read[i], r.read[j] = r.read[j], r.read[i] })
	}
	lock = []byte(strings.NewReplacer(pairs...).Replace(string(lock)))
	if err := os.WriteFile(filepath.Join(r.dir, name), lock, 0o644); err != nil {
		return err
	}
	if name == "package-lock.json" {
		if err := os.WriteFile(filepath.Join(r.dir, "package.json"), []byte("{}"), 0o644); err != nil {
			return err
		}
	}
	r.plan, err = plan.Make(plan.Options{ContextDir: r.dir, OutputDir: "/cachi2/output", Platform: "linux/amd64"})
	return err
}

// opened leaves out the wheels that pip passes over for a more special one.
func opened(entries []prefetch.Entry) (kept []prefetch.Entry) {
	special := map[string]int{} // by release, where in kept its wheel is
	for _, e := range entries {
		release := strings.Join(strings.SplitN(e.Path, "-", 3)[:2], "-")
		at, again := special[release]
		switch {
		case !strings.HasSuffix(e.Path, ".whl") || !again:
			special[release] = len(kept)
			kept = append(kept, e)
		case strings.HasSuffix(kept[at].Path, "-any.whl"):
			kept[at] = e
		}
	}
	return kept
}

func npmOnly(kind string, lock []byte) []byte {
	if kind == "npm" {
		return lock
	}
	return nil
}

// way is one of those that take turns.
type way struct {
	name   string
	before func() error // not timed
	run    func() error
}

func (r *replay) ways(ctx context.Context) []way {
	dir := filepath.Join(r.dir, "prefetch")
	list := []way{{"prefetch", func() error { return r.putAside(dir) }, func() error { return r.prefetch(ctx, dir) }}}
	store := filepath.Join(r.dir, "store")
	for _, binary := range strings.Split(r.c.binary, ",") {
		name := filepath.Base(filepath.Dir(binary)) + "/" + filepath.Base(binary)
		read := func() error { return r.lazy(ctx, binary, store) }
		list = append(list,
			way{name + " cold", func() error { return r.putAside(store) }, read},
			way{name + " trace", func() error { return r.putAside(filepath.Join(store, "v1", "blobs")) }, read},
			way{name + " warm", func() error { return nil }, read})
	}
	return list
}

// putAside makes a directory empty. What was in it is removed at the end: a file
// system may look long for an inode when many have just been deleted.
func (r *replay) putAside(dir string) error {
	r.old++
	err := os.Rename(dir, filepath.Join(r.dir, fmt.Sprintf("old-%d", r.old)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (r *replay) rounds(ctx context.Context) error {
	ways := r.ways(ctx)
	took, cpu, conns := map[string][]float64{}, map[string][]float64{}, map[string]int64{}
	for range r.c.rounds {
		for _, w := range ways {
			if err := w.before(); err != nil {
				return err
			}
			unix.Sync()
			r.cpu = 0
			r.origin.Traffic()
			start := time.Now()
			if err := w.run(); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			took[w.name] = append(took[w.name], time.Since(start).Seconds())
			cpu[w.name] = append(cpu[w.name], r.cpu.Seconds())
			conns[w.name] = max(conns[w.name], r.origin.Traffic().Connections)
		}
	}
	for _, w := range ways {
		v, c := took[w.name], cpu[w.name]
		slices.Sort(v)
		slices.Sort(c)
		fmt.Printf("%-30s median %6.2f  least %6.2f  most %6.2f  processor %5.2f  connections %3d\n",
			w.name, v[len(v)/2], v[0], v[len(v)-1], c[len(c)/2], conns[w.name])
	}
	return nil
}

func (r *replay) prefetch(ctx context.Context, dir string) error {
	_, err := prefetch.Fetch(ctx, r.entries, dir)
	if err != nil {
		return err
	}
	return r.readAll(dir)
}

// lazy reads all files through a mount.
func (r *replay) lazy(ctx context.Context, binary, store string) error {
	r.builds++
	dir := filepath.Join(r.dir, fmt.Sprint(r.builds))
	spec := wire.Spec{
		BuildID: fmt.Sprintf("replay-%d-%d", os.Getpid(), r.builds), Dir: dir, Output: filepath.Join(dir, "output"), ReadOnly: true,
		Store: store, AllowUnverified: "weak", ReadAhead: "trace", TraceKey: "replay",
	}
	if err := os.MkdirAll(store, 0o700); err != nil {
		return err
	}
	p, err := bare.Start(ctx, binary, spec, r.plan.Tree)
	if err != nil {
		return err
	}
	err = errors.Join(r.readAll(spec.Output), p.End())
	r.cpu = p.CPU()
	return err
}

// readAll opens and reads all files below dir, so many at a time. To unpack, all
// are opened before the first is read.
func (r *replay) readAll(dir string) error {
	if !r.c.unpack {
		return r.each(func(path string) error { return r.readFile(filepath.Join(dir, path)) })
	}
	var mu sync.Mutex
	open := map[string]*os.File{}
	defer func() {
		for _, f := range open {
			f.Close()
		}
	}()
	err := r.each(func(path string) error {
		f, err := os.Open(filepath.Join(dir, path))
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			open[path] = f
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.each(func(path string) error { return unpack(open[path]) })
}

// each calls read for each file, so many at a time.
func (r *replay) each(read func(path string) error) error {
	var g errgroup.Group
	g.SetLimit(r.c.readers)
	for _, e := range r.read {
		g.Go(func() error { return read(e.Path) })
	}
	return g.Wait()
}

// readFile reads a file from its beginning and works on it.
func (r *replay) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.Copy(io.Discard, f)
	time.Sleep(time.Duration(float64(r.c.think) * float64(n) / 1e6))
	return err
}

// unpack reads a file as uv does: a zip archive's end, and then each file in it,
// its header and at most 16 kB at a time. All else is read from its beginning.
func unpack(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	z, err := zip.NewReader(f, fi.Size())
	if errors.Is(err, zip.ErrFormat) {
		_, err := io.Copy(io.Discard, f)
		return err
	}
	if err != nil {
		return err
	}
	for _, e := range z.File {
		at, err := e.DataOffset()
		if err != nil {
			return err
		}
		data := io.NewSectionReader(f, at, int64(e.CompressedSize64))
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{data}, make([]byte, 16<<10)); err != nil {
			return err
		}
	}
	return nil
}
