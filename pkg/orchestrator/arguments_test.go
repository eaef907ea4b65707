package orchestrator

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containers/podman/v5/libpod/define"
	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

const repoFile = "deps/rpm/x86_64/repos.d/cachi2.repo"

func testTree(t *testing.T) *tree.Tree {
	t.Helper()
	d, err := digest.Parse("sha256:" + strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := tree.Build([]tree.Input{{Type: "generic", Lock: "artifacts.lock.yaml"}}, []tree.File{
		{Path: "deps/generic/a.bin", Size: 1000, Digest: d, URLs: []string{"https://example.org/a.bin"}},
		{Path: "deps/generic/b.bin", Size: tree.SizeUnknown, Digest: d, URLs: []string{"https://user:hunter2@example.org/b.bin"}},
		{Path: repoFile, Size: 6, Content: []byte("[repo]")},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// testBuild is a build before anything was started, with the directories
// /base, /store and /tmp replaced by real ones where it writes.
func testBuild(t *testing.T, words string, files ...Containerfile) *build {
	t.Helper()
	b := &build{id: testID, p: &podman{path: "podman"}, o: Options{
		Line: line(t, words), Target: &Target{Context: "/src", Files: files},
		Plan: &plan.Plan{Tree: testTree(t), Env: []tree.Env{{Name: "PIP_NO_INDEX", Value: "true"}},
			ReposD: map[string][]byte{"cachi2.repo": []byte("[repo]")}},
		Base: "/base", Store: "/store", Tmp: "/tmp", OutputDir: "/cachi2/output", YumRepos: true,
		AllowUnverified: "weak", ReadAhead: "trace", UI: NewUI(&strings.Builder{}, false, false),
	}}
	b.dirs = dirs{base: b.o.Base, store: b.o.Store}
	b.place = testPlace(b)
	b.state = State{ID: testID, Dir: "/base/" + string(testID), Scratch: "/store/scratch/" + string(testID), Tmp: t.TempDir()}
	return b
}

const (
	outputVolume = "--volume /base/ID/output:/cachi2/output:nosuid,nodev"
	envVolume    = "--volume /base/ID/cachi2.env:/cachi2/cachi2.env:ro,nosuid,nodev"
	repoVolume   = "--volume /base/ID/repos.d:/etc/yum.repos.d:ro,nosuid,nodev"
	ourVolumes   = outputVolume + " " + envVolume + " " + repoVolume
)

func TestTheCommandLineForPodman(t *testing.T) {
	rewrites := map[string][]byte{"/src/package-lock.json": []byte("{}")}
	for _, tt := range []struct {
		name, words, want string
		files             int
		change            func(*Options)
	}{
		{"plain", ".", "build " + ourVolumes + " --file TMP/Containerfile.0 .", 1, nil},
		{"user's flags keep their place and spelling", "-t=a:b --no-cache . --pull",
			"build -t=a:b --no-cache --pull " + ourVolumes + " --file TMP/Containerfile.0 .", 1, nil},
		{"user's files are replaced", "-f x -t a --file=y .",
			"build -t a " + ourVolumes + " --file TMP/Containerfile.0 --file TMP/Containerfile.1 .", 2, nil},
		{"user's ourVolumes come first", "-v /a:/b .", "build -v /a:/b " + ourVolumes + " --file TMP/Containerfile.0 .", 1, nil},
		{"read-only", ".", "build --volume /base/ID/output:/cachi2/output:ro,nosuid,nodev " + envVolume + " " + repoVolume +
			" --file TMP/Containerfile.0 .", 1, func(o *Options) { o.ReadOnly = true }},
		{"no repos.d", ".", "build " + outputVolume + " " + envVolume + " --file TMP/Containerfile.0 .", 1,
			func(o *Options) { o.YumRepos = false }},
		{"hermetic", ".", "build " + ourVolumes + " --network=none --file TMP/Containerfile.0 .", 1,
			func(o *Options) { o.Hermetic = true }},
		{"hermetic already", "--net none .", "build --net none " + ourVolumes + " --file TMP/Containerfile.0 .", 1,
			func(o *Options) { o.Hermetic = true }},
		{"context view", "-t a sub", "build -t a " + ourVolumes + " --file TMP/Containerfile.0 /base/ID/context", 1,
			func(o *Options) { o.Plan.Rewrites = rewrites }},
		{"context view without a context", "-f sub/x", "build " + ourVolumes + " --file TMP/Containerfile.0 /base/ID/context", 1,
			func(o *Options) { o.Plan.Rewrites = rewrites }},
		{"global flags are not the build's", "--log-level debug .", "build " + ourVolumes + " --file TMP/Containerfile.0 .", 1, nil},
		{"an odd context", "-- -x", "build " + ourVolumes + " --file TMP/Containerfile.0 -- -x", 1, nil},
		{"another output directory", ".", "build --volume /base/ID/output:/deps/out:nosuid,nodev " +
			"--volume /base/ID/cachi2.env:/deps/cachi2.env:ro,nosuid,nodev " + repoVolume + " --file TMP/Containerfile.0 .", 1,
			func(o *Options) { o.OutputDir = "/deps/out" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := testBuild(t, tt.words, make([]Containerfile, tt.files)...)
			for i := range b.o.Target.Files {
				b.o.Target.Files[i] = Containerfile{Name: "C", Data: []byte("FROM base\n")}
			}
			if tt.change != nil {
				tt.change(&b.o)
			}
			args, err := b.arguments(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := strings.NewReplacer(b.state.Tmp, "TMP", string(testID), "ID").Replace(strings.Join(args, " "))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestARewrittenContainerfileKeepsItsIgnoreFile(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, filepath.Join(dir, "app.cf"), "FROM base\n")
	ignore := writeFile(t, path+".dockerignore", "*.o\n")
	for words, want := range map[string]string{
		".":                 ignore,
		"--ignorefile mine": "mine",
	} {
		b := testBuild(t, words, Containerfile{Name: "app.cf", Path: path, Data: []byte("FROM base\n")})
		args, err := b.arguments(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l, err := cmdline.Parse(args[1:], cmdline.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{want}, l.Values("ignorefile")); d != "" {
			t.Errorf("%s:\n%s", words, d)
		}
	}
}

func TestTheRewrittenContainerfileDeclaresTheDependencies(t *testing.T) {
	src := "FROM base\nRUN make\n"
	path := writeFile(t, filepath.Join(t.TempDir(), "Containerfile"), src)
	b := testBuild(t, ".", Containerfile{Name: "Containerfile", Path: path, Data: []byte(src)})
	if _, err := b.arguments(t.Context()); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(b.state.Tmp, "Containerfile.0")
	got, err := os.ReadFile(copied)
	want := "FROM base\nARG LAZYBUILD_DEPS='" + b.o.Plan.Tree.Fingerprint() + "' PIP_NO_INDEX='true'\nRUN make\n"
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v", got, err)
	}
	if user, _ := os.ReadFile(path); string(user) != src {
		t.Errorf("the user's own file is now %q", user)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestAMalformedContainerfileIsAUsageError(t *testing.T) {
	c := Containerfile{Name: "Containerfile", Data: []byte("FROM base\nRUN <<EOF\n")}
	_, err := testBuild(t, ".", c).arguments(t.Context())
	var usage *UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.Name) {
		t.Errorf("%v", err)
	}
}

func TestTheSpecForTheProxy(t *testing.T) {
	b := testBuild(t, "--target app .", Containerfile{Path: "/src/Containerfile"})
	b.o.Plan.Rewrites = map[string][]byte{"/src/web/package-lock.json": []byte("{}"), "/elsewhere/x": []byte("no")}
	b.o.CA, b.o.HTTPSProxy, b.o.NoProxy = []byte("PEM"), "http://proxy.example.org:3128", "localhost"
	b.o.Credentials = []wire.Credential{{Host: "example.org", Bearer: "t0ken"}}
	b.view = b.state.Dir + "/context"
	got := b.spec()
	if len(got.TraceKey) != 64 {
		t.Errorf("the trace key is %q", got.TraceKey)
	}
	got.TraceKey = ""
	want := wire.Spec{
		BuildID: string(testID), Dir: b.state.Dir, Output: b.state.Dir + "/output", Scratch: b.state.Scratch, Store: "/store",
		Files: map[string][]byte{
			"cachi2.env": plan.Cachi2Env(b.o.Plan.Env), "repos.d/cachi2.repo": []byte("[repo]"),
		},
		View: &wire.View{Lower: "/src", Target: b.state.Dir + "/context",
			Files: map[string][]byte{"web/package-lock.json": []byte("{}")}},
		CA: b.o.CA, HTTPSProxy: b.o.HTTPSProxy, NoProxy: b.o.NoProxy, Credentials: b.o.Credentials,
		AllowUnverified: "weak", ReadAhead: "trace",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	b.o.YumRepos, b.view, b.o.ReadOnly = false, "", true
	if got := b.spec(); got.View != nil || len(got.Files) != 1 || !got.ReadOnly {
		t.Errorf("got %+v", got)
	}
}

// What the plan's cache has in files is told by their names, where the proxy can see them.
func TestTheSpecNamesWhatTheStoreHas(t *testing.T) {
	b := testBuild(t, ".", Containerfile{Path: "/src/Containerfile"})
	b.view, b.o.Kept = b.state.Dir+"/context", "plans"
	b.o.Plan.Rewrites = map[string][]byte{"/src/a": []byte("a"), "/src/b": []byte("b")}
	b.o.Plan.TreeFile, b.o.Plan.RewriteFiles = "tree", map[string]string{"/src/a": "file"}
	s := b.spec()
	if s.TreeFile != "plans/tree" {
		t.Errorf("the tree is in %q", s.TreeFile)
	}
	want := &wire.View{Lower: "/src", Target: b.view, Files: map[string][]byte{"b": []byte("b")}, Kept: map[string]string{"a": "plans/file"}}
	if d := cmp.Diff(want, s.View); d != "" {
		t.Error(d)
	}
	b.place = &remotePlace{info: &define.Info{Host: &define.HostInfo{}, Store: &define.StoreInfo{}}}
	if s := b.spec(); s.TreeFile != "" || len(s.View.Kept) > 0 || len(s.View.Files) != 2 {
		t.Errorf("a podman elsewhere has not these files: %+v", s)
	}
}

// Read-ahead learns from the builds that read the same files.
func TestBuildsOfOneStageAndPlatformShareATrace(t *testing.T) {
	key := func(words, context, file string) string {
		b := testBuild(t, words, Containerfile{Path: file})
		b.o.Target.Context = context
		return b.traceKey()
	}
	first := key("--target a -t x:1 .", "/src", "/src/C")
	if first != key("-t x:2 --no-cache --target a .", "/src", "/src/C") {
		t.Error("another tag is another trace")
	}
	seen := map[string]bool{first: true}
	for _, k := range []string{
		key("--target b .", "/src", "/src/C"), key(".", "/src", "/src/C"), key("--target a .", "/src2", "/src/C"),
		key("--target a .", "/src", "/src/D"), key("--target a --platform linux/arm64 .", "/src", "/src/C"),
		key("--target a --arch arm64 .", "/src", "/src/C"), key("--target a --os linux .", "/src", "/src/C"),
	} {
		if seen[k] {
			t.Error("two different builds share a trace")
		}
		seen[k] = true
	}
}
