package content

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/rpm"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// content returns an uncompressed file of repodata.
func content(t *testing.T, files []tree.File, kind string) string {
	t.Helper()
	for _, f := range files {
		if strings.HasSuffix(f.Path, kind+".gz") {
			return unzipped(t, f.Content)
		}
	}
	t.Fatalf("there is no %s in the repodata", kind)
	return ""
}

func TestRepodataTakesOneRangeOfEachPackage(t *testing.T) {
	w := newRPMWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.add(name, packed(t, name, 0))
	}
	files := w.build().expand()
	if text := content(t, files, "primary.xml"); !strings.Contains(text, `packages="3"`) || !strings.Contains(text, "<name>b</name>") {
		t.Errorf("primary.xml is %s", text)
	}
	if got := w.asked(); got != "range a, range b, range c" {
		t.Errorf("the origin was asked for %s", got)
	}
}

func TestNextBuildOfTheHostAsksNothing(t *testing.T) {
	w := newRPMWorld(t)
	w.add("a", packed(t, "a", 0))
	first := w.build().expand()
	w.asked()
	second := w.build().expand()
	if got := w.asked(); got != "" {
		t.Errorf("the origin was asked for %s", got)
	}
	if content(t, first, "primary.xml") != content(t, second, "primary.xml") {
		t.Error("the repodata of the second build differs")
	}
	w.add("b", packed(t, "b", 0))
	w.build().expand()
	if got := w.asked(); got != "range b" {
		t.Errorf("for one new package the origin was asked for %s", got)
	}
}

func TestHeaderOfAStoredPackageIsReadFromTheStore(t *testing.T) {
	w := newRPMWorld(t)
	w.add("a", packed(t, "a", 0))
	b := w.build()
	if err := b.read("a"); err != nil {
		t.Fatal(err)
	}
	<-b.src.Settled() // a reader does not wait for the store
	w.asked()
	b.expand()
	if got := w.asked(); got != "" {
		t.Errorf("the origin was asked for %s", got)
	}
}

func TestLongHeaderTakesASecondRange(t *testing.T) {
	w := newRPMWorld(t)
	w.add("long", packed(t, "long", 3000))
	if text := content(t, w.build().expand(), "filelists.xml"); strings.Count(text, "<file>") != 3000 {
		t.Errorf("filelists.xml has %d files, want 3000", strings.Count(text, "<file>"))
	}
	if got := w.asked(); got != "range long, range long" {
		t.Errorf("the origin was asked for %s", got)
	}
}

func TestServerWithoutRangesSendsLongPackagesWhole(t *testing.T) {
	w := newRPMWorld(t)
	w.add("short", packed(t, "short", 0))
	w.add("long", packed(t, "long", 3000))
	w.noRanges()
	b := w.build()
	if text := content(t, b.expand(), "primary.xml"); !strings.Contains(text, `packages="2"`) {
		t.Errorf("primary.xml is %s", text)
	}
	w.asked()
	if err := b.read("long"); err != nil {
		t.Fatal(err)
	}
	if got := w.asked(); got != "" {
		t.Errorf("the package that came whole was not kept: the origin was asked for %s", got)
	}
}

// Shows S26.
func TestConcurrentLookupsShareOneRepodata(t *testing.T) {
	w := newRPMWorld(t)
	w.add("a", packed(t, "a", 0))
	b := w.build()
	// A caller that goes away leaves the work to the others.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	b.src.Expand(gone, b.dir())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { b.expand() })
	}
	wg.Wait()
	if got := w.asked(); got != "range a" {
		t.Errorf("the origin was asked for %s", got)
	}
}

func TestModuleMetadataIsInTheRepodata(t *testing.T) {
	w := newRPMWorld(t)
	w.add("a", packed(t, "a", 0))
	w.modules = "---\ndocument: modulemd\n"
	if text := content(t, w.build().expand(), "modules.yaml"); text != w.modules {
		t.Errorf("modules.yaml is %q", text)
	}
	if got := w.asked(); got != "range a, whole modules.yaml" {
		t.Errorf("the origin was asked for %s", got)
	}
}

// TestPackageWithoutChecksum: the repodata needs the digest, so the package is
// fetched whole; another content of the same name makes other repodata.
func TestPackageWithoutChecksum(t *testing.T) {
	w := newRPMWorld(t)
	w.allow = "all"
	w.addUnlocked("a", "v1", packed(t, "a", 0))
	first := content(t, w.build().expand(), "primary.xml")
	if got := w.asked(); got != "whole v1/a" {
		t.Errorf("the origin was asked for %s", got)
	}
	w.packages = nil
	w.addUnlocked("a", "v2", packed(t, "a", 3))
	if second := content(t, w.build().expand(), "primary.xml"); first == second {
		t.Error("another content without a checksum got the first one's repodata")
	}
}

func TestBadHeaderIsAnErrorThatNamesThePackage(t *testing.T) {
	good := packed(t, "bad", 0)
	tests := map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"not found":           {http.NotFound, "the lock is probably too old"},
		"gone":                {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }, "the lock is probably too old"},
		"no RPM":              {ranged(bytes.Repeat([]byte("<html>"), len(good))[:len(good)], ""), rpm.ErrNotRPM.Error()},
		"another size":        {ranged(append(good, 0), ""), "but the lock states"},
		"wrong Content-Range": {ranged(good, "bytes 7-100/200"), "another range"},
		"truncated range":     {truncated(good), "unexpected EOF"},
		"damaged header":      {ranged(damaged(good), ""), rpm.ErrHeader.Error()},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newRPMWorld(t)
			w.add("good", packed(t, "good", 0))
			w.add("bad", good)
			w.fail("bad", tt.answer)
			_, err := w.build().tryExpand()
			if err == nil {
				t.Fatal("no error")
			}
			host := strings.TrimPrefix(w.server.URL, "http://")
			for _, part := range []string{"deps/rpm/noarch/repo/bad.rpm", host, tt.want} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error %q does not say %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %q", err)
			}
			w.fail("bad", nil)
			w.asked()
			w.build().expand()
			if got := w.asked(); !strings.Contains(got, "range bad") {
				t.Errorf("something of the bad answer was kept: the origin was asked for %q", got)
			}
		})
	}
}

// Shows S5.
func TestOtherHeaderInTheFileSpoilsTheBuildAndIsForgotten(t *testing.T) {
	w := newRPMWorld(t)
	real := packed(t, "real", 0)
	other := packed(t, "else", 0)
	if len(real) != len(other) {
		t.Fatalf("the test's packages have %d and %d bytes", len(real), len(other))
	}
	w.add("real", real)
	w.fail("real", func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			ranged(other, "")(rw, r)
			return
		}
		ranged(real, "")(rw, r)
	})
	b := w.build()
	if text := content(t, b.expand(), "primary.xml"); !strings.Contains(text, "<name>else</name>") {
		t.Fatalf("the test's fault does not work: %s", text)
	}
	// Not even the second reader gets what the repodata does not describe.
	for range 2 {
		err := b.read("real")
		if err == nil || !strings.Contains(err.Error(), "the header of else-1-2.noarch is not the one") {
			t.Errorf("reading the package: %v; want an error that names it", err)
		}
	}
	w.fail("real", nil)
	w.asked()
	next := w.build()
	if text := content(t, next.expand(), "primary.xml"); !strings.Contains(text, "<name>real</name>") {
		t.Errorf("the next build's primary.xml is %s", text)
	}
	if err := next.read("real"); err != nil {
		t.Errorf("the next build: %v", err)
	}
	if got := w.asked(); got != "" {
		t.Errorf("the next build asked for %s although the package is there", got)
	}
}

// TestCreaterepoDownloadsAllAndAgrees holds the old way against the new one.
// The module metadata comes with it.
func TestCreaterepoDownloadsAllAndAgrees(t *testing.T) {
	w := newRPMWorld(t)
	for _, name := range []string{"a", "b"} {
		w.add(name, packed(t, name, 5))
	}
	w.modules = "---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: m\n  stream: \"1\"\n...\n"
	headers := w.build().expand()
	w.asked()
	w.metadata = wire.Createrepo
	theirs := w.build().expand()
	if got := w.asked(); got != "whole a, whole b" {
		t.Errorf("the origin was asked for %s", got)
	}
	times := regexp.MustCompile(`<time file="\d+"`) // of the downloads
	for _, kind := range []string{"primary.xml", "filelists.xml", "other.xml"} {
		want, got := content(t, theirs, kind), content(t, headers, kind)
		if times.ReplaceAllString(want, "") != times.ReplaceAllString(got, "") {
			t.Errorf("createrepo_c's %s is\n%s\nthat from headers\n%s", kind, want, got)
		}
	}
	if text := content(t, theirs, "modules.yaml"); !strings.Contains(text, "modulemd-defaults") {
		t.Errorf("modules.yaml is %q", text)
	}
	again := w.build().expand()
	if content(t, again, "primary.xml") != content(t, theirs, "primary.xml") {
		t.Error("the second build ran createrepo_c anew")
	}
}

func TestCreaterepoThatIsMissingIsSaid(t *testing.T) {
	w := newRPMWorld(t)
	w.add("a", packed(t, "a", 0))
	w.metadata, w.hostRoot = wire.Createrepo, t.TempDir()
	_, err := w.build().tryExpand()
	if err == nil || !strings.Contains(err.Error(), "createrepo_c is not installed") {
		t.Errorf("error %v", err)
	}
	if got := w.asked(); got != "" {
		t.Errorf("before that, the origin was asked for %s", got)
	}
}
