package git

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestABareRepositoryCanBeCloned(t *testing.T) {
	w := newWorld(t)
	w.repo("gem", map[string]string{"old": "x"})
	commit := w.commit("gem", sample)
	write := func() []byte {
		var b bytes.Buffer
		err := w.fetch("gem", commit).WriteBare(context.Background(), &b, Bare{Branches: []string{"feature/x"}, Tags: []string{"v1.0"}})
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	archive := write()
	w.git("gem", "-c", "pack.window=0", "repack", "-adfq")
	if !bytes.Equal(archive, write()) {
		t.Error("another packing gives another repository")
	}
	dir := filepath.Join(t.TempDir(), "gem-"+commit[:12])
	extract(t, archive, dir)

	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Env = t.TempDir(), append(gitEnv(w.dir), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=protocol.file.allow", "GIT_CONFIG_VALUE_0=always")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("-C", dir, "fsck", "--strict")
	// What Bundler does, in its older and newer versions.
	clone := filepath.Join(t.TempDir(), "cache")
	git("clone", "--bare", "--no-hardlinks", "--quiet", "--", "file://"+dir+"/", clone)
	work := filepath.Join(t.TempDir(), "work")
	git("clone", "--no-checkout", "--quiet", clone, work)
	git("-C", work, "reset", "--hard", commit)
	if got, err := os.ReadFile(filepath.Join(work, "src/a.txt")); err != nil || string(got) != sample["src/a.txt"] {
		t.Errorf("the checkout has other content (%v)", err)
	}
	shallow := filepath.Join(t.TempDir(), "cache")
	git("clone", "--bare", "--no-hardlinks", "--quiet", "--no-tags", "--depth", "1", "--single-branch", "--branch", "feature/x", "--", "file://"+dir+"/", shallow)
	git("-C", shallow, "fetch", "--force", "--quiet", "--no-tags", "--depth", "1", "--", "file://"+dir+"/", commit+":refs/"+commit+"-sha")
	tagged := filepath.Join(t.TempDir(), "cache")
	git("clone", "--bare", "--quiet", "--depth", "1", "--branch", "v1.0", "--", "file://"+dir+"/", tagged)
}

func TestNamesThatAreNoRefsAreRefused(t *testing.T) {
	for _, name := range []string{"", "../x", "a/../b", "/a", "a/", ".a", "a/.b", "a b", "a~1", "x.lock", "a\nb", "a@{1}", "a\\b"} {
		if checkRef(name) == nil {
			t.Errorf("%q is accepted", name)
		}
	}
	for _, name := range []string{"main", "feature/x", "v1.0", "release-1.x"} {
		if err := checkRef(name); err != nil {
			t.Error(err)
		}
	}
}
