//go:build linux

package main

import (
	"archive/zip"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/bench/show"
	"github.com/lazybuild/lazybuild/e2e/prefetch"
)

func TestProjectOfAFile(t *testing.T) {
	for file, want := range map[string]string{
		"ruamel_yaml-0.18-cp311-cp311-linux_x86_64.whl": "ruamel-yaml",
		"Flask-3.1.3.tar.gz":                            "flask",
		"jupyter-server-terminals-0.5.3.tar.gz":         "jupyter-server-terminals",
		"odd.zip":                                       "odd-zip",
	} {
		if got := project(file); got != want {
			t.Errorf("%s: %q, not %q", file, got, want)
		}
	}
}

func TestMetadataOfAWheel(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.whl")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, text := range map[string]string{"a/b.dist-info/METADATA": "wrong", "a-1.dist-info/METADATA": "Name: a"} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := wheelMetadata(file); err != nil || string(got) != "Name: a" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestInterruptedRunGoesOn(t *testing.T) {
	dir := t.TempDir()
	c := config{cache: dir, binary: filepath.Join(dir, "lazybuild")}
	if err := os.WriteFile(c.binary, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := openLog(c)
	if err != nil {
		t.Fatal(err)
	}
	s := sample("npm", 3)
	if err := l.add(s); err != nil {
		t.Fatal(err)
	}
	if _, err := l.file.WriteString(`{"half":`); err != nil {
		t.Fatal(err)
	}
	l.close()
	if l, err = openLog(c); err != nil {
		t.Fatal(err)
	}
	if err := l.add(sample("npm", 4)); err != nil {
		t.Fatal(err)
	}
	l.close()
	if l, err = openLog(c); err != nil {
		t.Fatal(err)
	}
	if !l.has("npm", "slow", "d", 4) || !l.has("npm", "slow", "d", 3) || l.has("npm", "slow", "d", 2) {
		t.Errorf("after an interruption: %+v", l.samples)
	}
	defer l.close()
	if got := l.longest("npm", "slow", "d"); got != s.Took {
		t.Errorf("longest: %v", got)
	}
	if err := os.WriteFile(c.binary, []byte("another program"), 0o755); err != nil {
		t.Fatal(err)
	}
	other, err := openLog(c)
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	if len(other.samples) > 0 {
		t.Error("measurements of another program were taken over")
	}
}

func TestShortPresetHasEveryWayAndLink(t *testing.T) {
	c := config{preset: "short", rounds: 3}
	if err := c.choose(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, cell := range c.cells {
		tool, _, _ := strings.Cut(cell.workload, "-")
		for _, arm := range cell.arms {
			seen[tool+" "+arm] = true
			seen[tool+" "+cell.link+" "+arm] = true
		}
	}
	for _, tool := range []string{"npm", "uv", "pip", "dnf"} {
		for _, arm := range everyArm {
			if !seen[tool+" "+arm] {
				t.Errorf("%s is nowhere measured with %s", arm, tool)
			}
		}
		for _, link := range []string{"1000", "100", "20"} {
			for _, arm := range linkArms {
				if !seen[tool+" "+link+" "+arm] {
					t.Errorf("%s is not measured with %s on %s", arm, tool, link)
				}
			}
		}
	}
	if c := (config{preset: "other"}); c.choose() == nil {
		t.Error("another preset was taken")
	}
	if c := (config{workloads: []string{"npm"}, links: []string{"20"}, arms: []string{"d"}, picked: true}); c.choose() != nil || len(c.cells) != 1 {
		t.Errorf("one cell: %+v", c.cells)
	}
}

func TestPartLeavesPackagesOut(t *testing.T) {
	out := map[string]bool{"big": true}
	lock := "lock-version = \"1.0\"\n\n[[packages]]\nname = \"big\"\nx = 1\n\n[[packages]]\nname = \"bigger\"\n"
	if got, want := string(withoutPackages([]byte(lock), out)), "lock-version = \"1.0\"\n\n[[packages]]\nname = \"bigger\"\n"; got != want {
		t.Errorf("lock: %q", got)
	}
	if got := string(withoutLines([]byte("big==1\nbigger==2\n"), out)); got != "bigger==2\n" {
		t.Errorf("requirements: %q", got)
	}
}

func sample(workload string, round int) show.Sample {
	return show.Sample{Workload: workload, Link: "slow", Arm: "d", Round: round, Took: time.Second}
}

// A round that goes backwards has everything that the others have.
func TestEverySecondRoundGoesBackwards(t *testing.T) {
	list := []int{1, 2, 3}
	for round, want := range [][]int{{1, 2, 3}, {3, 2, 1}, {1, 2, 3}} {
		if got := inOrder(round, list); !slices.Equal(got, want) {
			t.Errorf("round %d: %v, not %v", round, got, want)
		}
	}
}

func TestFloorOnAnotherFileSystem(t *testing.T) {
	const elsewhere = "/dev/shm"
	var here, there unix.Stat_t
	from := t.TempDir()
	if err := errors.Join(unix.Stat(from, &here), unix.Stat(elsewhere, &there)); err != nil {
		t.Fatal(err)
	}
	if here.Dev == there.Dev {
		t.Skip("temporary files are there too")
	}
	to, err := os.MkdirTemp(elsewhere, "bench-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(to) })
	if err := os.WriteFile(filepath.Join(from, "a"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // what is there already stays
		if err := link([]prefetch.Entry{{Path: "a"}}, from, to); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(to, "a")); err != nil || string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}
}
