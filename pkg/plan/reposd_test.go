package plan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const oneRPM = `lockfileVersion: 1
lockfileVendor: redhat
arches:
- arch: x86_64
  packages:
  - url: https://example.org/a-1-1.noarch.rpm
    repoid: base
    size: 1
    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
`

// write makes a project of files and returns its directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func planOf(t *testing.T, dir string) (*Plan, error) {
	t.Helper()
	c, err := FindConfig("", "", dir)
	if err != nil {
		t.Fatal(err)
	}
	return Make(Options{ContextDir: dir, Config: c, OutputDir: "/cachi2/output", Platform: "linux/amd64"})
}

func TestRepositoryFilesOfTheProjectJoinThoseOfTheLock(t *testing.T) {
	dir := write(t, map[string]string{
		"rpms.lock.yaml": oneRPM, ConfigName: `repos-d = ["one", "two"]`,
		"one/a.repo": "[a]", "one/b.repo": "[b]", "one/README": "no repository",
		"two/b.repo": "[b2]", "two/hermeto.repo": "[mine]",
	})
	p, err := planOf(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, data := range p.ReposD {
		got[name] = string(data)
	}
	want := map[string]string{"a.repo": "[a]", "b.repo": "[b2]", "hermeto.repo": "[mine]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestChangedRepositoryFileChangesTheFingerprint(t *testing.T) {
	files := map[string]string{"rpms.lock.yaml": oneRPM, ConfigName: `repos-d = ["one"]`, "one/a.repo": "[a]"}
	with, err := planOf(t, write(t, files))
	if err != nil {
		t.Fatal(err)
	}
	files["one/a.repo"] = "[a2]"
	changed, err := planOf(t, write(t, files))
	if err != nil {
		t.Fatal(err)
	}
	without, err := planOf(t, write(t, map[string]string{"rpms.lock.yaml": oneRPM}))
	if err != nil {
		t.Fatal(err)
	}
	if with.Fingerprint() == changed.Fingerprint() || with.Fingerprint() == without.Fingerprint() {
		t.Error("two repos.d have one fingerprint")
	}
	if without.Fingerprint() != without.Tree.Fingerprint() {
		t.Error("without repository files of its own, a plan is its tree")
	}
}

func TestMissingReposDIsAnErrorThatNamesTheConfiguration(t *testing.T) {
	_, err := planOf(t, write(t, map[string]string{"rpms.lock.yaml": oneRPM, ConfigName: `repos-d = ["nowhere"]`}))
	if err == nil || !strings.Contains(err.Error(), ConfigName) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
}
