package content

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/rpm"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// newManyRPMs is a world with so many packages that their repository is asked
// what it says of them.
func newManyRPMs(t testing.TB) *rpmWorld {
	w := newRPMWorld(t)
	for i := range manyHeaders + 6 {
		name := fmt.Sprintf("p%03d", i)
		w.add(name, packed(t, name, 3))
	}
	return w
}

// publish gives the origin the metadata of its packages, as createrepo_c makes
// it. alter may change a file before repomd.xml is made of it.
func (w *rpmWorld) publish(alter func(kind, text string) string) {
	w.t.Helper()
	var entries []rpm.Entry
	for _, f := range w.packages {
		name := strings.TrimSuffix(f.Path[len(rpmDir)+1:], ".rpm")
		p, err := rpm.ReadHeader(bytes.NewReader(w.contents[name]))
		if err != nil {
			w.t.Fatal(err)
		}
		entries = append(entries, rpm.Entry{Package: p, Href: "Packages/" + name + ".rpm", Digest: f.Digest, Size: f.Size, Mtime: 7})
	}
	made, err := rpm.Write(entries, nil, rpm.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	var repomd strings.Builder
	repomd.WriteString("<repomd>\n")
	for _, f := range made.Files[:3] {
		_, kind, _ := strings.Cut(strings.TrimSuffix(f.Name, ".xml.gz"), "-")
		text := unzipped(w.t, f.Data)
		if alter != nil {
			text = alter(kind, text)
		}
		w.put("repodata/"+kind, []byte(text))
		fmt.Fprintf(&repomd, `<data type=%q><checksum type="sha256">%s</checksum><location href="repodata/%s"/><size>%d</size><open-size>%d</open-size></data>`+"\n",
			kind, digest.FromBytes([]byte(text)).Hex(), kind, len(text), len(text))
	}
	repomd.WriteString("</repomd>\n")
	w.put("repodata/repomd.xml", []byte(repomd.String()))
}

func unzipped(t testing.TB, data []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// lying alters what the metadata says of the packages: it makes them need
// something.
func lying(names ...string) func(kind, text string) string {
	return func(kind, text string) string {
		if kind != "primary" {
			return text
		}
		for _, name := range names {
			_, after, _ := strings.Cut(text, "<name>"+name+"</name>")
			at := len(text) - len(after)
			after = strings.Replace(after, "  </format>", `    <rpm:suggests><rpm:entry name="lie"/></rpm:suggests>`+"\n  </format>", 1)
			text = text[:at] + after
		}
		return text
	}
}

// asking says how the origin was asked since the last call: the requests for
// metadata, and the number of those for packages.
func (w *rpmWorld) asking() (metadata string, packages int) {
	var list []string
	for _, one := range strings.Split(w.asked(), ", ") {
		if _, name, ok := strings.Cut(one, "repodata/"); ok {
			list = append(list, name)
		} else if one != "" {
			packages++
		}
	}
	return strings.Join(list, ", "), packages
}

const allMetadata = "filelists, other, primary, repomd.xml"

// addLarge adds a package that no probe looks at.
func (w *rpmWorld) addLarge(name string) { w.add(name, packed(w.t, name, 9)) }

func (w *rpmWorld) inAnotherStore() *rpmWorld {
	w.store = openStore(w.t)
	return w
}

func sameAs(t *testing.T, want, got []tree.File) {
	t.Helper()
	for _, kind := range []string{"primary.xml", "filelists.xml", "other.xml"} {
		if content(t, want, kind) != content(t, got, kind) {
			t.Errorf("%s differs from the one that is made of headers", kind)
		}
	}
}

func TestRepositoryIsAskedInsteadOfItsHeaders(t *testing.T) {
	w := newManyRPMs(t)
	headers := w.build().expand()
	if metadata, n := w.asking(); metadata != "repomd.xml" || n != len(w.packages) {
		t.Errorf("without metadata the origin was asked for %q and %d headers", metadata, n)
	}
	w.inAnotherStore().publish(nil)
	sameAs(t, headers, w.build().expand())
	if metadata, n := w.asking(); metadata != allMetadata || n != probes {
		t.Errorf("the origin was asked for %q and %d headers, want %d", metadata, n, probes)
	}
	next := w.build()
	sameAs(t, headers, next.expand())
	if err := next.read("p001"); err != nil {
		t.Errorf("reading a package of which the metadata is right: %v", err)
	}
	if metadata, n := w.asking(); metadata != "" || n != 1 {
		t.Errorf("for the next build of the host the origin was asked for %q and %d packages", metadata, n)
	}
}

// TestRepodataOfARepositoryOutlivesItsBlob: a store that had to make room need
// not ask again, and what was said is still held against the packages.
func TestRepodataOfARepositoryOutlivesItsBlob(t *testing.T) {
	w := newManyRPMs(t)
	w.addLarge("lied-about")
	w.publish(lying("lied-about"))
	want := w.build().expand()
	w.asking()
	dir := w.store.Dir()
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	blobs, _ := filepath.Glob(filepath.Join(dir, "v1", "blobs", "*", "*", "*"))
	if len(blobs) == 0 {
		t.Fatal("the test does not find the store's blobs")
	}
	for _, file := range blobs {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if w.store, err = store.Open(dir, store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	next := w.build()
	sameAs(t, want, next.expand())
	if metadata, n := w.asking(); metadata != "" || n != 0 {
		t.Errorf("the origin was asked for %q and %d headers", metadata, n)
	}
	if err := next.read("lied-about"); err == nil || !strings.Contains(err.Error(), "build again") {
		t.Errorf("reading the package that was lied about: %v", err)
	}
}

func TestFewHeadersAreFetchedThemselves(t *testing.T) {
	w := newManyRPMs(t)
	w.publish(nil)
	all := w.packages
	w.packages = all[:manyHeaders-1]
	w.build().expand()
	if metadata, n := w.asking(); metadata != "" || n != manyHeaders-1 {
		t.Errorf("the origin was asked for %q and %d headers", metadata, n)
	}
	w.packages = all
	w.build().expand()
	if metadata, n := w.asking(); metadata != "" || n != len(all)-manyHeaders+1 {
		t.Errorf("for the rest the origin was asked for %q and %d headers", metadata, n)
	}
}

func TestPackagesThatTheMetadataDoesNotKnowAreAskedFor(t *testing.T) {
	w := newManyRPMs(t)
	w.publish(nil)
	w.addLarge("news")
	files := w.build().expand()
	if metadata, n := w.asking(); metadata != allMetadata || n != probes+1 {
		t.Errorf("the origin was asked for %q and %d headers, want %d", metadata, n, probes+1)
	}
	if text := content(t, files, "primary.xml"); !strings.Contains(text, "<name>news</name>") {
		t.Error("the new package is not in the repodata")
	}
}

// TestMetadataOfNoUseCostsNothingButARequest: whatever is wrong with it, the
// headers are fetched.
func TestMetadataOfNoUseCostsNothingButARequest(t *testing.T) {
	refuse := func(status int) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) }
	}
	for name, tt := range map[string]struct {
		spoil    func(w *rpmWorld)
		metadata string
	}{
		"refused":       {func(w *rpmWorld) { w.fail("repodata/repomd.xml", refuse(http.StatusUnauthorized)) }, "repomd.xml"},
		"forbidden":     {func(w *rpmWorld) { w.fail("repodata/repomd.xml", refuse(http.StatusForbidden)) }, "repomd.xml"},
		"an error page": {func(w *rpmWorld) { w.put("repodata/repomd.xml", []byte("<html>none</html>")) }, "repomd.xml"},
		"too much":      {func(w *rpmWorld) { w.publish(func(_, text string) string { return text + strings.Repeat(" ", 1<<20) }) }, "repomd.xml"},
		"not the file": {func(w *rpmWorld) {
			w.put("repodata/primary", bytes.Repeat([]byte("x"), len(w.contents["repodata/primary"])))
		}, allMetadata},
		"no filelists": {func(w *rpmWorld) { w.fail("repodata/filelists", refuse(http.StatusNotFound)) }, allMetadata},
	} {
		t.Run(name, func(t *testing.T) {
			w := newManyRPMs(t)
			headers := w.build().expand()
			w.asking()
			w.inAnotherStore().publish(nil)
			tt.spoil(w)
			b := w.build()
			sameAs(t, headers, b.expand())
			metadata, n := w.asking()
			// The other files may not have been asked for when the first one fails.
			if n != len(w.packages) || !strings.HasSuffix(metadata, "repomd.xml") || len(metadata) > len(tt.metadata) {
				t.Errorf("the origin was asked for %q and %d headers", metadata, n)
			}
		})
	}
}

func TestMetadataIsAskedForOncePerBuild(t *testing.T) {
	w := newManyRPMs(t)
	for name := range w.contents {
		w.fail(name, http.NotFound)
	}
	b := w.build()
	for i, want := range []string{"repomd.xml", ""} {
		if _, err := b.tryExpand(); err == nil {
			t.Fatal("no error")
		}
		if metadata, _ := w.asking(); metadata != want {
			t.Errorf("time %d: the origin was asked for %q, want %q", i+1, metadata, want)
		}
	}
}

// A lie about an installed package ends the build, in whichever build it is
// found, and the next one does without that metadata. Shows S5.
func TestLieInTheMetadataSpoilsTheBuildAndIsForgotten(t *testing.T) {
	for name, before := range map[string]func(w *rpmWorld) *rpmBuild{
		"same build": func(w *rpmWorld) *rpmBuild { b := w.build(); b.expand(); return b },
		"later build": func(w *rpmWorld) *rpmBuild {
			w.build().expand()
			b := w.build()
			b.expand()
			return b
		},
		"package stored by another build": func(w *rpmWorld) *rpmBuild {
			w.build().expand()
			other := w.build() // it does not look at the repodata
			if err := other.read("lied-about"); err != nil {
				w.t.Fatal(err)
			}
			<-other.src.Settled()
			b := w.build()
			b.expand()
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newManyRPMs(t)
			w.addLarge("lied-about")
			headers := w.build().expand()
			w.inAnotherStore().publish(lying("lied-about"))
			b := before(w)
			files, _ := b.tryExpand()
			if text := content(t, files, "primary.xml"); !strings.Contains(text, `name="lie"`) {
				t.Fatal("the test's lie does not work")
			}
			for range 2 { // not even the second reader gets it
				err := b.read("lied-about")
				if err == nil || !strings.Contains(err.Error(), w.server.URL+"/ does not say of lied-about-1-2.noarch what its header says") ||
					!strings.Contains(err.Error(), "build again") {
					t.Errorf("reading the package: %v; want an error that names it and its repository, and says what to do", err)
				}
			}
			if err := b.read("p001"); err != nil {
				t.Errorf("reading another package: %v", err)
			}
			w.asking()
			next := w.build()
			sameAs(t, headers, next.expand())
			if err := next.read("lied-about"); err != nil {
				t.Errorf("the next build: %v", err)
			}
			if metadata, _ := w.asking(); metadata != "" {
				t.Errorf("the next build asked for %q", metadata)
			}
		})
	}
}

// TestMetadataOfAnotherKindIsFoundOutBeforehand: a program that makes metadata
// otherwise than createrepo_c does so for all packages.
func TestMetadataOfAnotherKindIsFoundOutBeforehand(t *testing.T) {
	w := newManyRPMs(t)
	headers := w.build().expand()
	w.asking()
	var names []string
	for i := range w.packages {
		names = append(names, fmt.Sprintf("p%03d", i))
	}
	w.inAnotherStore().publish(lying(names...))
	b := w.build()
	sameAs(t, headers, b.expand())
	if metadata, n := w.asking(); metadata != allMetadata || n != len(w.packages) {
		t.Errorf("the origin was asked for %q and %d headers", metadata, n)
	}
	if err := b.read("p001"); err != nil {
		t.Error(err)
	}
	w.addLarge("news")
	w.build().expand()
	if metadata, _ := w.asking(); metadata != "" {
		t.Errorf("the next build asked for %q", metadata)
	}
}

// TestMetadataIsAskedForWithTheCredentialsOfThePackages: and nobody reads them
// in a message.
func TestMetadataIsAskedForWithTheCredentialsOfThePackages(t *testing.T) {
	w := newManyRPMs(t)
	w.addLarge("lied-about")
	w.publish(lying("lied-about"))
	for i := range w.packages {
		f := &w.packages[i]
		f.URLs = []string{strings.Replace(f.URLs[0], "http://", "http://user:secret@", 1)}
	}
	for name := range w.contents {
		data := w.contents[name]
		w.fail(name, func(rw http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "user" || password != "secret" {
				rw.WriteHeader(http.StatusUnauthorized)
				return
			}
			ranged(data, "")(rw, r)
		})
	}
	b := w.build()
	b.expand()
	if metadata, n := w.asking(); metadata != allMetadata || n != probes {
		t.Errorf("the origin was asked for %q and %d headers, want %d", metadata, n, probes)
	}
	if err := b.read("lied-about"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

func TestRepositoryIsFoundFromItsPackages(t *testing.T) {
	lack := func(urls ...string) lacking {
		return lacking{file: &tree.File{URLs: urls, Size: 1, Digest: digest.FromBytes(nil)}}
	}
	for name, tt := range map[string]struct {
		urls []string
		want string
	}{
		"letters":        {[]string{"http://a.example.org/os/Packages/b/b.rpm", "http://a.example.org/os/Packages/c/c.rpm"}, "http://a.example.org/os/ 2"},
		"Packages":       {[]string{"http://a.example.org/os/Packages/b.rpm"}, "http://a.example.org/os/ 1"},
		"flat":           {[]string{"http://a.example.org/x/b.rpm", "http://a.example.org/x/c.rpm"}, "http://a.example.org/x/ 2"},
		"one each":       {[]string{"http://a.example.org/x/1-b/b.rpm", "http://a.example.org/x/1-c/c.rpm"}, "http://a.example.org/x/ 2"},
		"top":            {[]string{"http://a.example.org/b.rpm", "http://a.example.org/x/c.rpm"}, "http://a.example.org/ 2"},
		"two hosts":      {[]string{"http://a.example.org/b.rpm", "http://b.example.org/c.rpm"}, "http://a.example.org/ 1, http://b.example.org/ 1"},
		"two on a host":  {[]string{"http://a.example.org/1/Packages/b.rpm", "http://a.example.org/2/Packages/c.rpm"}, "http://a.example.org/1/ 1, http://a.example.org/2/ 1"},
		"with user":      {[]string{"http://u:p@a.example.org/x/b.rpm"}, "http://u:p@a.example.org/x/ 1"},
		"signed":         {[]string{"http://a.example.org/x/b.rpm?token=1"}, ""},
		"not a URL":      {[]string{"b.rpm"}, ""},
		"host only":      {[]string{"http://a.example.org"}, ""},
		"alike but not":  {[]string{"http://a.example.org/x/b.rpm", "http://a.example.org/xy/c.rpm"}, "http://a.example.org/ 2"},
		"letter only":    {[]string{"http://a.example.org/x/b/b.rpm"}, "http://a.example.org/x/b/ 1"},
		"first URL only": {[]string{"http://a.example.org/x/b.rpm"}, "http://a.example.org/x/ 1"},
	} {
		t.Run(name, func(t *testing.T) {
			var missing []lacking
			for _, u := range tt.urls {
				missing = append(missing, lack(u, "http://mirror.example.org/else/b.rpm"))
			}
			var got []string
			for _, r := range byRepository(missing) {
				got = append(got, fmt.Sprintf("%s %d", r.base, len(r.lacks)))
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("repositories %v, want %s", got, tt.want)
			}
		})
	}
}
