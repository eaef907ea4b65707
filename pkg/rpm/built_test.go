package rpm

import (
	"bytes"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/rpmpack"
)

// buildSpecs runs rpmbuild on the spec files in testdata and moves the packages to dir.
func buildSpecs(t *testing.T, dir string) int {
	t.Helper()
	top := t.TempDir()
	for _, source := range []string{"data.txt", "more data.txt"} {
		if err := os.MkdirAll(filepath.Join(top, "SOURCES"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, "SOURCES", source), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, spec := range []string{"rich.spec", "latin1.spec"} {
		path, err := filepath.Abs(filepath.Join("testdata", spec))
		if err != nil {
			t.Fatal(err)
		}
		run(t, top, "rpmbuild", "-ba", "--quiet", "--nodeps", "--define", "_topdir "+top, "--define", "dist .el9", path)
	}
	n := 0
	err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".rpm") {
			return err
		}
		n++
		to := filepath.Join(dir, filepath.Base(path))
		defer setTime(t, to)
		return os.Rename(path, to)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Shows S27.
func TestCreaterepoEqualsForPackagesOfRpmbuild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if n := buildSpecs(t, dir); n < 30 {
		t.Fatalf("rpmbuild made only %d packages", n)
	}
	compareWithCreaterepo(t, dir, nil, Options{})
}

func TestCreaterepoEqualsForPackagesOfRpmpack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, compressor := range []string{"gzip", "xz", "zstd", "lzma"} {
		for signature := range 5 {
			writeRPM(t, dir, compressor+"-"+string(rune('a'+signature))+".rpm", packRPM(t, compressor, uint32(i), signature*3))
		}
	}
	compareWithCreaterepo(t, dir, nil, Options{})
}

// packRPM makes an RPM with a payload that can be unpacked. The signature is
// only as long as a real one is.
func packRPM(t testing.TB, compressor string, epoch uint32, signature int) []byte {
	t.Helper()
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: "packed-" + compressor, Version: "1", Release: "2", Arch: "noarch", Summary: "Packed", Description: "With\nlines",
		Licence: "MIT", Compressor: compressor, Epoch: epoch, BuildTime: time.Unix(1700000000, 0), BuildHost: "host.example.org",
		Group: "x", Vendor: "v", Packager: "p", URL: "https://example.org/",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, relation := range []string{"bash>=4.0", "glibc"} {
		if err := r.Requires.Set(relation); err != nil {
			t.Fatal(err)
		}
	}
	r.AddFile(rpmpack.RPMFile{Name: "/usr/bin/packed", Body: []byte("#!/bin/sh\n"), Mode: 0o755, Owner: "root", Group: "root"})
	r.AddFile(rpmpack.RPMFile{Name: "/etc/packed.conf", Body: []byte("x"), Mode: 0o644, Type: rpmpack.ConfigFile})
	r.AddFile(rpmpack.RPMFile{Name: "/var/lib/packed", Type: rpmpack.GhostFile})
	if signature > 0 {
		r.SetPGPSigner(func([]byte) ([]byte, error) { return bytes.Repeat([]byte{1}, 300+signature), nil })
	}
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestCreaterepoAndLazybuildLookTheSameToDnf asks dnf about both repositories.
func TestCreaterepoAndLazybuildLookTheSameToDnf(t *testing.T) {
	t.Parallel()
	needTool(t, "dnf")
	theirs, ours := t.TempDir(), t.TempDir()
	writeCorpus(t, theirs)
	buildSpecs(t, theirs)
	writeRPM(t, theirs, "modules.yaml", []byte(modulesYAML)) // where Hermeto puts module_metadata, and createrepo_c looks
	copyTree(t, theirs, ours)
	run(t, theirs, "createrepo_c", "--quiet", "--no-database", ".")
	repodata, err := Write(entriesOf(t, ours), []byte(modulesYAML), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range repodata.Files {
		writeRPM(t, ours, filepath.Join("repodata", f.Name), f.Data)
	}
	for _, query := range [][]string{
		{"repoquery", "--qf", "%{name} %{epoch} %{version} %{release} %{arch} %{summary} %{license} %{size} %{installsize} %{buildtime} %{sourcerpm} %{url} %{vendor} %{packager}\n%{description}"},
		{"repoquery", "--qf", "%{name}\n%{provides}\n%{requires}\n%{conflicts}\n%{obsoletes}\n%{recommends}\n%{suggests}\n%{supplements}\n%{enhances}"},
		{"repoquery", "--whatprovides", "/usr/share/rich/hard1"},
		{"repoquery", "-l", "rich-many"},
		{"module", "list"},
	} {
		want, got := askDnf(t, theirs, query), askDnf(t, ours, query)
		if want != got || len(strings.TrimSpace(got)) == 0 {
			t.Errorf("dnf %q answers differently:\n%s", query, firstDifference([]byte(want), []byte(got)))
		}
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		setTime(t, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func askDnf(t *testing.T, repo string, query []string) string {
	t.Helper()
	args := append([]string{"--quiet", "--repofrompath", "x,file://" + repo, "--repo", "x", "--setopt", "cachedir=" + t.TempDir(),
		"--setopt", "module_platform_id=platform:el9", "--setopt", "x.module_hotfixes=0", "--forcearch", "x86_64"}, query...)
	lines := strings.Split(run(t, repo, "dnf", args...), "\n")
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

const modulesYAML = `---
document: modulemd
version: 2
data:
  name: lazymodule
  stream: "1"
  version: 1
  context: abcdef12
  arch: x86_64
  summary: A module
  description: A module for a test
  license:
    module: [MIT]
  profiles:
    default:
      rpms: [plain]
  artifacts:
    rpms:
    - plain-0:1.0-1.el9.x86_64
...
`
