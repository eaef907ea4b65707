package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkBuildWithoutLocks compares `podman build` with lazybuild where there
// is no lock file, in turns, so that a busy machine is busy for both. It needs
// `make build` and podman. "x-podman" is the ratio of the medians.
func BenchmarkBuildWithoutLocks(b *testing.B) {
	lazybuild, err := filepath.Abs("../../bin/lazybuild")
	if err == nil {
		_, err = os.Stat(lazybuild)
	}
	if err != nil {
		b.Skip(err)
	}
	if _, err := exec.LookPath("podman"); err != nil {
		b.Skip(err)
	}
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Containerfile"), []byte("FROM scratch\nLABEL io.lazybuild.bench=1\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	run := func(words ...string) time.Duration {
		cmd := exec.Command(words[0], append(words[1:], "--quiet", dir)...)
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		return time.Since(start)
	}
	run("podman", "build") // makes the layers
	var plain, lazy []time.Duration
	for b.Loop() {
		plain = append(plain, run("podman", "build"))
		lazy = append(lazy, run(lazybuild))
	}
	p, l := median(plain), median(lazy)
	b.ReportMetric(float64(l)/float64(p), "x-podman")
	b.ReportMetric(float64(l-p)/float64(time.Millisecond), "ms-over-podman")
	b.ReportMetric(0, "ns/op") // both together: nobody's
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
