package git

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sample has what a checkout can have.
var sample = map[string]string{
	"README":            "hello\n",
	"bin/run*":          "#!/bin/sh\necho run\n",
	"src/a.txt":         strings.Repeat("a line that repeats\n", 5000),
	"src/b.txt":         strings.Repeat("a line that repeats\n", 5000) + "and one more\n",
	"src/deep/er/c.bin": "\x00\x01\x02",
	"src.txt":           "sorts between src and src/\n",
	"link":              "-> src/a.txt",
	"src/up":            "-> ../README",
	"out":               "-> ../../etc/passwd",
	"abs":               "-> /etc/passwd",
	".gitattributes":    "secret.txt export-ignore\n",
	"secret.txt":        "not left out\n",
	"ünïcode name":      "x\n",
	"empty":             "",
}

// unpack unpacks an archive with the real tar.
func unpack(t *testing.T, archive []byte) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("tar", "-x", "-C", dir, "-f", "-")
	if bytes.HasPrefix(archive, []byte{0x1f, 0x8b}) {
		cmd.Args = append(cmd.Args, "-z")
	}
	cmd.Stdin = bytes.NewReader(archive)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	return dir
}

func TestArchiveHoldsTheCheckout(t *testing.T) {
	w := newWorld(t)
	commit := w.repo("app", sample)
	dir := unpack(t, w.archive(w.fetch("app", commit), Archive{Prefix: "app"}))
	for name, content := range sample {
		name, exec := strings.CutSuffix(name, "*")
		path := filepath.Join(dir, "app", name)
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			got, err := os.Readlink(path)
			outside := name == "out" || name == "abs"
			if outside && err == nil || !outside && got != target {
				t.Errorf("%s points to %q (%v), want %q", name, got, err, target)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != content {
			t.Errorf("%s holds %.40q (%v), want %.40q", name, got, err, content)
			continue
		}
		if info, _ := os.Stat(path); info.Mode().Perm()&0o111 != 0 != exec {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
	}
}

func TestGitWorksInTheArchivesRepository(t *testing.T) {
	w := newWorld(t)
	w.repo("app", map[string]string{"old": "x"})
	w.git("app", "tag", "v1")
	files := map[string]string{"README": "hello\n", "src/run*": "#!/bin/sh\n", "link": "-> README", "src/x": "y"}
	commit := w.commit("app", files)
	dir := unpack(t, w.archive(w.fetch("app", commit), Archive{Prefix: "app"}))
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", filepath.Join(dir, "app")}, args...)...)
		cmd.Env = gitEnv(w.dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"rev-parse", "HEAD"}, commit},
		{[]string{"status", "--porcelain"}, ""},
		{[]string{"describe", "--always", "--dirty", "--long"}, commit[:7]},
		{[]string{"ls-files"}, "README\nlink\nold\nsrc/run\nsrc/x"},
		{[]string{"fsck", "--strict", "--no-dangling"}, ""},
		{[]string{"log", "--format=%cd", "--date=raw"}, "1700000000 +0100"},
		{[]string{"diff", "HEAD"}, ""},
		{[]string{"tag"}, ""},
	} {
		if got := git(c.args...); got != c.want {
			t.Errorf("git %v says %q, want %q", c.args, got, c.want)
		}
	}
	git("archive", "--output="+filepath.Join(dir, "a.tar"), "HEAD")
}

// The archive is a function of the commit: however the server has packed it,
// whatever else it has, whichever protocol it speaks.
//
// Shows S59.
func TestArchiveIsAFunctionOfTheCommit(t *testing.T) {
	w := newWorld(t)
	w.repo("app", map[string]string{"old": "x"})
	commit := w.commit("app", sample)
	first := w.archive(w.fetch("app", commit), Archive{Prefix: "app"})
	for name, change := range map[string]func(){
		"again":          func() {},
		"repacked":       func() { w.git("app", "repack", "-adfq", "--depth=50", "--window=50") },
		"without deltas": func() { w.git("app", "-c", "pack.window=0", "repack", "-adfq") },
		"more history":   func() { w.commit("app", map[string]string{"new": "y"}); w.git("app", "tag", "v2", commit) },
	} {
		change()
		if !bytes.Equal(first, w.archive(w.fetch("app", commit), Archive{Prefix: "app"})) {
			t.Errorf("%s: the archive is another", name)
		}
	}
}

// What the same commit gives must not change with lazybuild's version: builds
// elsewhere have it in their stores. A change here needs a new kind of recipe.
//
// Shows S59.
func TestArchiveOfAKnownCommit(t *testing.T) {
	w := newWorld(t)
	commit := w.repo("app", map[string]string{"README": "hello\n", "bin/run*": "#!/bin/sh\n", "link": "-> README"})
	if want := "aa5530eab4dfaaebe6dc0c50ca9eed08ead14579"; commit != want {
		t.Fatalf("the commit is %s, not %s: the test is broken", commit, want)
	}
	c := w.fetch("app", commit)
	for _, k := range []struct {
		a    Archive
		want string
	}{
		{Archive{Prefix: "app"}, "5689ea2a3212d95fc0c746093fc93ebe26b5d4dff06622c5b783aa1f8427117b"},
		{Archive{Plain: true, NoRepository: true}, "43d9ff44646b503a9dcfa27e8448ecdf85a2082c6997a8e2f5a2ebeddf9db641"},
	} {
		if got := fmt.Sprintf("%x", sha256.Sum256(w.archive(c, k.a))); got != k.want {
			t.Errorf("%+v: the archive has the digest %s, want %s", k.a, got, k.want)
		}
	}
}
