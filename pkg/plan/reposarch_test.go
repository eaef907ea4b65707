package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const twoArches = oneRPM + `- arch: aarch64
  packages:
  - url: https://example.org/a-1-1.aarch64.rpm
    repoid: base
    size: 1
    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  - url: https://example.org/b-1-1.aarch64.rpm
    repoid: arm-only
    size: 1
    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
- arch: s390x
  packages:
  - url: https://example.org/c-1-1.s390x.rpm
    repoid: base
    size: 1
    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
`

func TestTreeHoldsWhatAllPlatformsNeed(t *testing.T) {
	dir := write(t, map[string]string{"rpms.lock.yaml": twoArches})
	p, err := Make(Options{ContextDir: dir, OutputDir: "/cachi2/output", Platform: "linux/amd64,linux/arm64/v8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.Tree.Files {
		if strings.HasSuffix(f.Path, ".rpm") && !f.Fits {
			t.Errorf("%s fits no platform", f.Path)
		}
	}
	want := []string{
		"deps/rpm/aarch64/arm-only/b-1-1.aarch64.rpm", "deps/rpm/aarch64/base/a-1-1.aarch64.rpm", "deps/rpm/aarch64/repos.d/hermeto.repo",
		"deps/rpm/x86_64/base/a-1-1.noarch.rpm", "deps/rpm/x86_64/repos.d/hermeto.repo",
	}
	if d := cmp.Diff(want, filePaths(p)); d != "" {
		t.Error(d)
	}
	repo := `[arm-only]
name=arm-only
baseurl=file:///cachi2/output/deps/rpm/$basearch/arm-only
enabled=1
gpgcheck=1
skip_if_unavailable=1

[base]
name=base
baseurl=file:///cachi2/output/deps/rpm/$basearch/base
enabled=1
gpgcheck=1

`
	if d := cmp.Diff(repo, string(p.ReposD["hermeto.repo"])); d != "" {
		t.Error(d)
	}
}

func TestOnePlatformSeesItsRepositoriesAlone(t *testing.T) {
	dir := write(t, map[string]string{"rpms.lock.yaml": twoArches})
	p, err := Make(Options{ContextDir: dir, OutputDir: "/cachi2/output", Platform: "linux/amd64,linux/amd64"})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(p.ReposD["hermeto.repo"]); strings.Contains(got, "$basearch") || strings.Contains(got, "arm-only") {
		t.Errorf("hermeto.repo is\n%s", got)
	}
}

func TestPlatformWithoutALockedSectionIsWarnedOf(t *testing.T) {
	dir := write(t, map[string]string{"rpms.lock.yaml": oneRPM})
	p, err := Make(Options{ContextDir: dir, OutputDir: "/cachi2/output", Platform: "linux/amd64,linux/ppc64le"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Warnings, "\n"); !strings.Contains(got, "nothing is locked for the architecture ppc64le") {
		t.Errorf("warnings: %q", got)
	}
}
