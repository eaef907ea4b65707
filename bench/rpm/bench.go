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
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lazybuild/lazybuild/bench/bare"
	"github.com/lazybuild/lazybuild/bench/synth"
	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// bench runs the ways one after the other.
type bench struct {
	c        config
	dir      string
	o        *origins
	packages []*synth.Package
	builds   int
}

// changed is how many packages the changed lock has got.
const changed = 10

func (b *bench) all(ctx context.Context) ([]result, error) {
	var list []result
	store := filepath.Join(b.dir, "store")
	for _, way := range []struct {
		what string
		run  func() (time.Duration, error)
	}{
		{"lazybuild, cold, repositories with metadata", func() (time.Duration, error) {
			if err := b.o.publish(b.packages, true); err != nil {
				return 0, err
			}
			took, err := b.lazy(ctx, filepath.Join(b.dir, "asking"), b.packages)
			return took, errors.Join(err, b.o.publish(nil, false))
		}},
		// The changed lock is the whole one; what came before lacked some packages.
		{"", func() (time.Duration, error) { return b.lazy(ctx, filepath.Join(b.dir, "other"), b.packages[changed:]) }},
		{"lazybuild, lock with 10 new packages", func() (time.Duration, error) { return b.lazy(ctx, filepath.Join(b.dir, "other"), b.packages) }},
		{"lazybuild, cold", func() (time.Duration, error) { return b.lazy(ctx, store, b.packages) }},
		{"lazybuild, warm", func() (time.Duration, error) { return b.lazy(ctx, store, b.packages) }},
		{"download all, createrepo_c", func() (time.Duration, error) { return b.prefetch(ctx) }},
	} {
		b.o.taken()
		took, err := way.run()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", way.what, err)
		}
		requests, bytes := b.o.taken()
		if way.what != "" {
			list = append(list, result{way.what, took, requests, bytes})
		}
	}
	return list, nil
}

// lazy starts a proxy, as a build does, and reads what dnf reads: of each
// repository, one after the other, repomd.xml, primary and filelists.
func (b *bench) lazy(ctx context.Context, store string, packages []*synth.Package) (time.Duration, error) {
	t, err := b.plan(packages)
	if err != nil {
		return 0, err
	}
	b.builds++
	id := fmt.Sprintf("bench-%d-%d", os.Getpid(), b.builds)
	spec := wire.Spec{
		BuildID: id, Dir: filepath.Join(b.dir, id), Output: filepath.Join(b.dir, id, "output"), ReadOnly: true,
		Store: store, AllowUnverified: "weak", ReadAhead: "group",
	}
	if err := os.MkdirAll(store, 0o700); err != nil {
		return 0, err
	}
	p, err := bare.Start(ctx, b.c.binary, spec, t)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	for _, d := range t.Dirs {
		if err := readRepodata(filepath.Join(spec.Output, d.Path)); err != nil {
			return 0, errors.Join(err, p.End())
		}
	}
	took := time.Since(start)
	return took, p.End()
}

func readRepodata(dir string) error {
	if _, err := os.ReadFile(filepath.Join(dir, "repomd.xml")); err != nil {
		return err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if strings.Contains(n.Name(), "-primary.") || strings.Contains(n.Name(), "-filelists.") {
			if _, err := os.ReadFile(filepath.Join(dir, n.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// plan writes a lock of the synthetic packages and makes the tree of it.
func (b *bench) plan(packages []*synth.Package) (*tree.Tree, error) {
	var lock strings.Builder
	fmt.Fprintf(&lock, "lockfileVersion: 1\nlockfileVendor: redhat\narches:\n- arch: %s\n  packages:\n", b.c.arch)
	for _, p := range packages {
		fmt.Fprintf(&lock, "  - {url: %q, repoid: %q, size: %d, checksum: %q}\n", b.o.url(p), p.Repoid, p.Length, p.Digest)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "rpms.lock.yaml"), []byte(lock.String()), 0o644); err != nil {
		return nil, err
	}
	platforms := map[string]string{"x86_64": "linux/amd64", "aarch64": "linux/arm64", "ppc64le": "linux/ppc64le", "s390x": "linux/s390x"}
	made, err := plan.Make(plan.Options{ContextDir: b.dir, OutputDir: "/cachi2/output", Platform: platforms[b.c.arch]})
	if err != nil {
		return nil, err
	}
	return made.Tree, nil
}

// prefetch downloads all, eight files at once from each host, checks them and
// runs createrepo_c.
func (b *bench) prefetch(ctx context.Context) (time.Duration, error) {
	dir := filepath.Join(b.dir, "prefetch")
	start := time.Now()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	g, gctx := errgroup.WithContext(ctx)
	byHost := map[string][]*synth.Package{}
	for _, p := range b.packages {
		byHost[p.Host] = append(byHost[p.Host], p)
	}
	for _, list := range byHost {
		g.Go(func() error {
			inner, ctx := errgroup.WithContext(gctx)
			inner.SetLimit(8)
			for _, p := range list {
				inner.Go(func() error { return download(ctx, client, b.o.url(p), filepath.Join(dir, p.Repoid, p.File), p) })
			}
			return inner.Wait()
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	var repos []string
	for _, p := range b.packages {
		if !slices.Contains(repos, p.Repoid) {
			repos = append(repos, p.Repoid)
		}
	}
	for _, repo := range repos {
		if out, err := exec.CommandContext(ctx, "createrepo_c", "--quiet", filepath.Join(dir, repo)).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("createrepo_c: %w\n%s", err, out)
		}
	}
	took := time.Since(start)
	return took, os.RemoveAll(dir)
}

func download(ctx context.Context, client *http.Client, url, file string, p *synth.Package) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	h := p.Digest.Hash()
	if _, err := io.Copy(io.MultiWriter(f, h), resp.Body); err != nil {
		return errors.Join(err, f.Close())
	}
	if fmt.Sprintf("%x", h.Sum(nil)) != p.Digest.Hex() {
		return fmt.Errorf("%s has another digest", url)
	}
	return f.Close()
}
