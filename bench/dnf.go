//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/lazybuild/lazybuild/bench/synth"
)

const (
	dnfImage = "localhost/lazybuild-test/dnf:bookworm"
	// installed is how many of the lock's packages the build installs, chosen from
	// all sizes up to largest.
	installed = 30
	largest   = 4_000_000
)

const dnfCommand = "dnf install -y --nogpgcheck --setopt=install_weak_deps=False --setopt=keepcache=%s %s"

// dnf is the installation of 30 out of the 864 packages of a real lock. The
// packages are synthetic: those that are installed have content, the others
// only headers.
func (m *maker) dnf(ctx context.Context, w *workload) error {
	packages, err := synth.ReadLock("pkg/locks/testdata/real/odh.rpms.lock.yaml.gz", machine())
	if err != nil {
		return err
	}
	say("making %d RPMs", len(packages))
	if err := synth.Make(packages); err != nil {
		return err
	}
	top, err := choose(packages)
	if err != nil {
		return err
	}
	w.floor = filepath.Join(m.work, w.name, "floor")
	if err := m.lockRPMs(w, packages); err != nil {
		return err
	}
	local := fmt.Sprintf("FROM "+dnfImage+"\nRUN "+dnfCommand+"\n", "0", top)
	if err := write(map[string]string{"Containerfile": local}, w.lazy, w.local); err != nil {
		return err
	}
	if w.all, err = m.tree(ctx, w.lazy); err != nil {
		return err
	}
	w.fitting = w.all // a prefetch cannot know which packages a transaction takes
	if err := m.repositories(ctx, w, packages); err != nil {
		return err
	}
	w.allBytes = total(w.all, w.floor)
	w.bytes = w.allBytes
	w.what = fmt.Sprintf("dnf install of %d out of %d packages, %s", installed, len(packages), humanize.Bytes(uint64(w.allBytes)))
	direct := fmt.Sprintf("FROM "+dnfImage+"\nCOPY bench.repo /etc/yum.repos.d/\nRUN "+cacheMount+"/var/cache/dnf "+dnfCommand+"\n", "1", top)
	return write(map[string]string{"Containerfile": direct}, w.direct)
}

// choose makes the packages that the build installs, each of which needs the
// next, and returns the first one's name.
func choose(packages []*synth.Package) (string, error) {
	sorted := slices.SortedFunc(slices.Values(packages), func(a, b *synth.Package) int { return cmp.Compare(a.Length, b.Length) })
	sorted = slices.DeleteFunc(sorted, func(p *synth.Package) bool { return p.Length > largest })
	needs := ""
	for i := range installed {
		p := sorted[i*len(sorted)/installed]
		if err := p.MakeInstallable(needs); err != nil {
			return "", err
		}
		needs = p.Name
	}
	return needs, nil
}

// lockRPMs writes the packages, where a prefetch has them, and a lock that
// names the origin.
func (m *maker) lockRPMs(w *workload, packages []*synth.Package) error {
	var lock strings.Builder
	fmt.Fprintf(&lock, "lockfileVersion: 1\nlockfileVendor: redhat\narches:\n- arch: %s\n  packages:\n", machine())
	for _, p := range packages {
		dir := filepath.Join(w.floor, "deps", "rpm", machine(), p.Repoid)
		file := filepath.Join(dir, p.File)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := writeSparse(file, p); err != nil {
			return err
		}
		url := m.origin.AddFile("/rpm/"+p.Repoid+"/"+p.File, file)
		fmt.Fprintf(&lock, "  - {url: %q, repoid: %q, size: %d, checksum: %q}\n", url, p.Repoid, p.Length, p.Digest)
	}
	return write(map[string]string{"rpms.lock.yaml": lock.String()}, w.lazy, w.local)
}

func writeSparse(file string, p *synth.Package) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(p.Head); err != nil {
		return err
	}
	return f.Truncate(p.Length)
}

// repositories makes the repodata of the floor and the repository files of the
// builds without lazybuild.
func (m *maker) repositories(ctx context.Context, w *workload, packages []*synth.Package) error {
	var local, direct strings.Builder
	var ids []string
	for _, p := range packages {
		if !slices.Contains(ids, p.Repoid) {
			ids = append(ids, p.Repoid)
		}
	}
	const text = "[%[1]s]\nname=%[1]s\nbaseurl=%[2]s\nenabled=1\ngpgcheck=0\n"
	for _, id := range ids {
		fmt.Fprintf(&local, text, id, "file:///cachi2/output/deps/rpm/"+machine()+"/"+id)
		fmt.Fprintf(&direct, text, id, m.origin.URL+"/rpm/"+id)
		if m.origin.CA != nil {
			direct.WriteString("sslcacert=" + inside + "\n")
		}
	}
	repos := filepath.Join(m.work, w.name, "repos.d")
	if err := os.MkdirAll(repos, 0o755); err != nil {
		return err
	}
	w.volumes = []string{"-v", repos + ":/etc/yum.repos.d:ro"}
	if err := write(map[string]string{"bench.repo": local.String()}, repos); err != nil {
		return err
	}
	if err := write(map[string]string{"bench.repo": direct.String()}, w.direct); err != nil {
		return err
	}
	w.finish = func(ctx context.Context, dir string) error {
		for _, id := range ids {
			cmd := exec.CommandContext(ctx, "createrepo_c", "--quiet", filepath.Join(dir, "deps", "rpm", machine(), id))
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("createrepo_c: %w\n%s", err, out)
			}
		}
		return nil
	}
	if err := w.finish(ctx, w.floor); err != nil {
		return err
	}
	for _, id := range ids {
		repodata := filepath.Join(w.floor, "deps", "rpm", machine(), id, "repodata")
		names, err := os.ReadDir(repodata)
		if err != nil {
			return err
		}
		for _, n := range names {
			m.origin.AddFile("/rpm/"+id+"/repodata/"+n.Name(), filepath.Join(repodata, n.Name()))
		}
	}
	return nil
}
