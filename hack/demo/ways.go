package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/lazybuild/lazybuild/e2e/prefetch"
	"github.com/lazybuild/lazybuild/e2e/realapp"
	"github.com/lazybuild/lazybuild/e2e/report"
)

// result is one build.
type result struct {
	image  string
	opened int   // files that the build opened; -1: not known
	files  int   // files downloaded
	bytes  int64 // bytes downloaded
	took   time.Duration
	waited time.Duration // of took: downloads that the build stood still for
	tree   report.Count
}

// way is one way to build the application.
type way interface {
	name() string
	// build makes the image from context; fresh means without podman's layers.
	build(ctx context.Context, context, image string, fresh bool) (*result, error)
}

type lazy struct{ binary, work string }

func newLazy(binary, work string) *lazy { return &lazy{binary, work} }

func (l *lazy) name() string { return "lazybuild" }

// build ignores fresh: to know what is stale is lazybuild's job.
func (l *lazy) build(ctx context.Context, dir, image string, _ bool) (*result, error) {
	file := filepath.Join(l.work, "report.json")
	cmd := exec.CommandContext(ctx, l.binary, "-f", "Containerfile", "--network=none",
		"-t", image, "--lazy-report", file, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LAZYBUILD_STORE="+filepath.Join(l.work, "store"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("lazybuild: %w\n%s", err, tail(out.String()))
	}
	took := time.Since(start)
	r, err := report.Read(file)
	if err != nil {
		return nil, err
	}
	return &result{
		image: image, opened: len(r.Opened), files: r.Fetched.Files, bytes: r.Fetched.Bytes, took: took,
		waited: time.Duration(r.WaitedMS * float64(time.Millisecond)), tree: r.Tree,
	}, nil
}

// prefetched downloads first and builds then, as the scripts do that
// lazybuild replaces.
type prefetched struct {
	label, binary, work, output string
	fitting                     bool // only what the target platform can use
}

func newPrefetch(label, binary, work string, fitting bool) *prefetched {
	return &prefetched{label, binary, work, filepath.Join(work, strings.ReplaceAll(label, " ", "-")), fitting}
}

func (p *prefetched) name() string { return p.label }

// build downloads what is missing. With fresh it builds without podman's
// layers: podman's cache key knows nothing of a mounted directory, so those who
// prefetch have to do that whenever a lock has changed.
func (p *prefetched) build(ctx context.Context, dir, image string, fresh bool) (*result, error) {
	start := time.Now()
	stats, err := p.download(ctx, dir)
	if err != nil {
		return nil, err
	}
	args := []string{
		"build", "-f", filepath.Join(dir, "Containerfile"), "--network=none", "--security-opt=label=disable", "-t", image,
		"-v", filepath.Join(p.output, "output") + ":/cachi2/output", "-v", filepath.Join(p.output, "cachi2.env") + ":/cachi2/cachi2.env:ro",
	}
	if fresh {
		args = append(args, "--no-cache")
	}
	if _, err := podman(ctx, append(args, dir)...); err != nil {
		return nil, err
	}
	return &result{image: image, opened: -1, files: stats.Files, bytes: stats.Bytes, took: time.Since(start), waited: stats.Took}, nil
}

// download fetches what the locks in dir name and is not there yet, and makes
// dir's package-lock.json point to it.
func (p *prefetched) download(ctx context.Context, dir string) (stats prefetch.Stats, err error) {
	cmd := exec.CommandContext(ctx, p.binary, "tree", "--json", "-f", "Containerfile", ".")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return stats, fmt.Errorf("lazybuild tree: %w", err)
	}
	entries, err := prefetch.ReadTree(bytes.NewReader(out))
	if err != nil {
		return stats, err
	}
	lockPath := filepath.Join(dir, "package-lock.json")
	lock, err := os.ReadFile(lockPath)
	if err != nil {
		return stats, err
	}
	if p.fitting {
		if entries, err = prefetch.OnlyFitting(entries, lock, machine()); err != nil {
			return stats, err
		}
	}
	if stats, err = prefetch.Fetch(ctx, entries, filepath.Join(p.output, "output")); err != nil {
		return stats, err
	}
	if lock, err = prefetch.RewritePackageLock(lock, "/cachi2/output"); err != nil {
		return stats, err
	}
	if err := os.WriteFile(lockPath, lock, 0o644); err != nil {
		return stats, err
	}
	return stats, os.WriteFile(filepath.Join(p.output, "cachi2.env"), []byte(prefetch.Env), 0o644)
}

// warmUp downloads everything once. Otherwise the first way would fill the caches
// between this machine and the indexes for the others. What it has downloaded
// stays until the end: for minutes after a great removal some file systems are
// slow to make files, and then the first way would pay for that.
func warmUp(ctx context.Context, binary, work string, a *realapp.App) error {
	say("downloading everything once, so that all ways find the network's caches equally warm")
	for _, version := range []string{a.Before, a.After} {
		dir := filepath.Join(work, "warm-up", filepath.Base(version))
		if err := os.CopyFS(dir, os.DirFS(version)); err != nil {
			return err
		}
		p := newPrefetch("warm-up of "+filepath.Base(version), binary, work, false)
		if _, err := p.download(ctx, dir); err != nil {
			return err
		}
	}
	return nil
}
