package index

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/locks"
)

const jsonType = "application/vnd.pypi.simple.v1+json"

func sum(s string) digest.Digest { return digest.FromBytes([]byte(s)) }

// world is an index on a server of this machine.
type world struct {
	*httptest.Server
	mu    sync.Mutex
	pages map[string][2]string // path to type and body
	asked []string
	auth  []string
}

func newWorld(t *testing.T, pages map[string][2]string) *world {
	w := &world{pages: pages}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, r.Method+" "+r.URL.Path)
	w.auth = append(w.auth, r.Header.Get("Authorization"))
	p, ok := w.pages[r.URL.Path]
	switch {
	case r.Method == http.MethodHead:
		rw.Header().Set("Content-Length", "77")
	case !ok:
		http.NotFound(rw, r)
	default:
		rw.Header().Set("Content-Type", p[0])
		fmt.Fprint(rw, p[1])
	}
}

func (w *world) index(path string) locks.Index { return locks.Index{Kind: "index", URL: w.URL + path} }

// client asks over the real fetch.Client.
func client(t *testing.T, dir string) *Client { return clientOf(t, dir, "") }

// clientOf is client for who holds credentials of that name.
func clientOf(t *testing.T, dir, holder string) *Client {
	return New(func() (Fetcher, error) {
		c, err := fetch.New(fetch.Options{MaxTries: 1})
		if err == nil {
			t.Cleanup(c.Close)
		}
		return c, err
	}, Options{Dir: dir, Holder: func() string { return holder }})
}

func jsonPage(files ...string) [2]string {
	return [2]string{jsonType, `{"meta":{"api-version":"1.1"},"name":"p","files":[` + strings.Join(files, ",") + `]}`}
}

func jsonFile(name, more string) string {
	return fmt.Sprintf(`{"filename":%q,"url":"../../files/%s","hashes":{"sha256":%q}%s}`, name, name, sum(name).Hex(), more)
}

func htmlPage(links ...string) [2]string {
	return [2]string{"text/html; charset=utf-8", "<!DOCTYPE html><html><body>" + strings.Join(links, "<br>\n") + "</body></html>"}
}

func htmlLink(name, attrs string) string {
	return fmt.Sprintf(`<a href="/files/%s#sha256=%s" %s>%s</a>`, name, sum(name).Hex(), attrs, name)
}

// show writes what was found on one line each.
func show(files []locks.Artifact, base string) []string {
	var out []string
	for _, a := range files {
		s := fmt.Sprintf("%s %d %s", a.Path, a.Size, strings.TrimPrefix(a.URLs[0], base))
		if a.Unverified {
			s += " unverified"
		}
		if a.Only.Source {
			s += " source"
		}
		out = append(out, s)
	}
	return out
}

const (
	wheel  = "p_q-1.0-py3-none-any.whl"
	wheel2 = "p_q-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"
	sdist  = "p-q-1.0.tar.gz"
	other  = "p_q-1.1-py3-none-any.whl"
)

func pinned(names ...string) locks.Unresolved {
	u := locks.Unresolved{Name: "P.q", Version: "1.0", Dir: "deps/pip", Line: 3}
	for _, n := range names {
		u.Digests = append(u.Digests, sum(n))
	}
	return u
}

func TestFilesOfThePinnedDigestsAreFound(t *testing.T) {
	all := []string{wheel, wheel2, sdist, other}
	for name, page := range map[string][2]string{
		"JSON": jsonPage(jsonFile(all[0], `,"size":5`), jsonFile(all[1], `,"size":5`), jsonFile(all[2], `,"size":5`), jsonFile(all[3], `,"size":5`)),
		"HTML": htmlPage(htmlLink(all[0], ""), htmlLink(all[1], `data-requires-python="&gt;=3"`), htmlLink(all[2], ""), htmlLink(all[3], "")),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, map[string][2]string{"/simple/p-q/": page})
			files, warnings, err := client(t, "").Find(t.Context(), []locks.Unresolved{pinned(wheel, sdist)}, []locks.Index{w.index("/simple")})
			if err != nil || len(warnings) > 0 {
				t.Fatal(err, warnings)
			}
			size := map[string]int{"JSON": 5, "HTML": 77}[name]
			want := []string{
				fmt.Sprintf("deps/pip/%s %d /files/%s", wheel, size, wheel),
				fmt.Sprintf("deps/pip/%s %d /files/%s source", sdist, size, sdist),
			}
			if diff := cmp.Diff(want, show(files, w.URL)); diff != "" {
				t.Error(diff)
			}
			if files[0].Digest != sum(wheel) || files[0].Line != 3 || files[0].PURL != "pkg:pypi/p.q@1.0" {
				t.Errorf("%+v", files[0])
			}
		})
	}
}

func TestAFileWithAnotherProjectsNameIsNotTaken(t *testing.T) {
	other := "requests-99-py3-none-any.whl"
	w := newWorld(t, map[string][2]string{"/simple/p-q/": jsonPage(jsonFile(other, `,"size":5`), jsonFile(wheel, `,"size":5`))})
	files, _, err := client(t, "").Find(t.Context(), []locks.Unresolved{pinned(wheel, other)}, []locks.Index{w.index("/simple")})
	if err != nil || len(files) != 1 || files[0].Digest != sum(wheel) {
		t.Error(show(files, w.URL), err)
	}
}

func TestWithoutDigestsAllFilesOfTheVersionAreUnverified(t *testing.T) {
	w := newWorld(t, map[string][2]string{"/simple/p-q/": jsonPage(jsonFile(wheel, `,"size":5`), jsonFile(other, ""), jsonFile(sdist, `,"size":6`),
		jsonFile("p_q-1.0.exe", ""), jsonFile("p_q-1.0-2-py3-none-any.whl", `,"size":7`), jsonFile("unrelated-1.0.tar.gz", ""))})
	u := pinned()
	u.Version = "1"
	files, _, err := client(t, "").Find(t.Context(), []locks.Unresolved{u}, []locks.Index{w.index("/simple/")})
	want := []string{
		"deps/pip/" + wheel + " 5 /files/" + wheel + " unverified", "deps/pip/" + sdist + " 6 /files/" + sdist + " unverified source",
		"deps/pip/p_q-1.0-2-py3-none-any.whl 7 /files/p_q-1.0-2-py3-none-any.whl unverified",
	}
	if diff := cmp.Diff(want, show(files, w.URL)); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if files[0].Digest != sum(wheel) {
		t.Errorf("the page's digest is lost: %+v", files[0])
	}
}

func TestPagesWithoutComparableHashesGiveUnverifiedFiles(t *testing.T) {
	w := newWorld(t, map[string][2]string{"/simple/p-q/": htmlPage(`<a href="/files/`+wheel+`">x</a>`, `<a href="/files/`+sdist+`#md5=d41d8cd98f00b204e9800998ecf8427e">x</a>`)})
	files, warnings, err := client(t, "").Find(t.Context(), []locks.Unresolved{pinned(wheel, sdist)}, []locks.Index{w.index("/simple/")})
	if err != nil || len(files) != 2 || !files[0].Unverified || !files[1].Unverified || len(warnings) != 1 || !strings.Contains(warnings[0], "no hash that the lock's can be compared with for 2") {
		t.Error(files, warnings, err)
	}
	// One file and one digest belong together.
	w.pages["/simple/p-q/"] = htmlPage(`<a href="/files/` + wheel + `">x</a>`)
	files, _, err = client(t, "").Find(t.Context(), []locks.Unresolved{pinned(wheel)}, []locks.Index{w.index("/simple/")})
	if err != nil || len(files) != 1 || files[0].Unverified || files[0].Digest != sum(wheel) {
		t.Error(files, err)
	}
}

func TestSecondQuestionNeedsNoNetwork(t *testing.T) {
	w := newWorld(t, map[string][2]string{"/simple/p-q/": htmlPage(htmlLink(wheel, `data-yanked="broken"`))})
	dir := filepath.Join(t.TempDir(), "index")
	at := strings.Replace(w.URL, "http://", "http://user:secret@", 1) + "/simple"
	ask := func(u locks.Unresolved) []locks.Artifact {
		t.Helper()
		files, warnings, err := clientOf(t, dir, "user").Find(t.Context(), []locks.Unresolved{u}, []locks.Index{{Kind: "index", URL: at}})
		if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "has been yanked from the index: broken") {
			t.Fatal(warnings, err)
		}
		return files
	}
	first := ask(pinned(wheel))
	asked := len(w.asked)
	if second := ask(pinned(wheel)); len(w.asked) != asked || cmp.Diff(first, second) != "" {
		t.Errorf("asked %q; %s", w.asked, cmp.Diff(first, second))
	}
	if first[0].URLs[0] != strings.Replace(w.URL, "http://", "http://user:secret@", 1)+"/files/"+wheel || slices.Contains(w.auth, "") {
		t.Errorf("the index's credentials are not used for its files: %s, %q", first[0].URLs[0], w.auth)
	}
	ask(pinned(wheel, sdist)) // another lock
	if len(w.asked) == asked {
		t.Error("other digests are another question")
	}
	kept, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	for _, name := range kept {
		data, _ := os.ReadFile(name)
		if strings.Contains(string(data), "secret") {
			t.Errorf("a password is kept: %s", data)
		}
		os.WriteFile(name, data[:len(data)/2], 0o600)
	}
	asked = len(w.asked)
	ask(pinned(wheel))
	if len(kept) != 2 || len(w.asked) == asked {
		t.Errorf("%d files; a damaged one is believed: %v", len(kept), len(w.asked) == asked)
	}
}

func TestALargeLockIsAnsweredFromOneFile(t *testing.T) {
	w := newWorld(t, map[string][2]string{"/simple/p-q/": htmlPage(htmlLink(wheel, ""))})
	dir := t.TempDir()
	packages := make([]locks.Unresolved, manyPackages)
	for i := range packages {
		packages[i] = pinned(wheel)
	}
	ask := func() []locks.Artifact {
		files, _, err := client(t, dir).Find(t.Context(), packages, []locks.Index{w.index("/simple")})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	first := ask()
	kept, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	slices.SortFunc(kept, func(a, b string) int { return size(t, a) - size(t, b) })
	if len(kept) != 2 || os.Remove(kept[0]) != nil {
		t.Fatalf("kept %q", kept)
	}
	asked := len(w.asked)
	if diff := cmp.Diff(first, ask()); diff != "" || len(w.asked) != asked {
		t.Errorf("asked %q; %s", w.asked[asked:], diff)
	}
}

func size(t *testing.T, name string) int {
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Size())
}

func TestSignedURLsAreNotKept(t *testing.T) {
	w := newWorld(t, map[string][2]string{"/simple/p-q/": htmlPage(`<a href="/files/` + wheel + `?token=t#sha256=` + sum(wheel).Hex() + `">x</a>`)})
	dir := t.TempDir()
	for range 2 {
		files, _, err := client(t, dir).Find(t.Context(), []locks.Unresolved{pinned(wheel)}, []locks.Index{w.index("/simple")})
		if err != nil || !strings.HasSuffix(files[0].URLs[0], "?token=t") {
			t.Fatal(files, err)
		}
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "*", "*")); len(kept) != 0 || len(w.asked) != 4 {
		t.Errorf("kept %q, asked %q", kept, w.asked)
	}
}

func TestFurtherIndexesAreAskedForWhatIsMissing(t *testing.T) {
	w := newWorld(t, map[string][2]string{
		"/one/p-q/": htmlPage(htmlLink(wheel, "")), "/two/p-q/": htmlPage(htmlLink(sdist, ""), htmlLink(wheel, "")), "/three/p-q/": htmlPage(htmlLink(wheel2, "")),
		"/links.html": htmlPage(htmlLink(wheel2, ""), htmlLink("zz-1.tar.gz", "")),
	})
	indexes := []locks.Index{w.index("/none"), w.index("/one"), {Kind: "extra-index", URL: w.URL + "/two"}, w.index("/three")}
	find := func(u locks.Unresolved, indexes []locks.Index) []string {
		t.Helper()
		w.asked = nil
		files, _, err := client(t, "").Find(t.Context(), []locks.Unresolved{u}, indexes)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range files {
			names = append(names, f.Path[len("deps/pip/"):])
		}
		return names
	}
	if got := find(pinned(wheel, sdist), indexes); !slices.Equal(got, []string{wheel, sdist}) || slices.Contains(w.asked, "GET /three/p-q/") {
		t.Errorf("%q, asked %q", got, w.asked)
	}
	// Without digests the first index that has the version is the only one.
	if got := find(pinned(), indexes); !slices.Equal(got, []string{wheel}) {
		t.Errorf("%q", got)
	}
	if got := find(pinned(wheel2), []locks.Index{{Kind: "find-links", URL: w.URL + "/links.html"}}); !slices.Equal(got, []string{wheel2}) {
		t.Errorf("%q", got)
	}
}

func TestWhatNoIndexHasIsNamed(t *testing.T) {
	w := newWorld(t, map[string][2]string{"/simple/p-q/": htmlPage(htmlLink(other, ""))})
	at := strings.Replace(w.URL, "http://", "http://user:secret@", 1) + "/simple"
	gone := pinned()
	gone.Name, gone.File = "gone", "more.txt"
	packages := []locks.Unresolved{pinned(wheel), gone, pinned()}
	for range 5 {
		packages = append(packages, gone)
	}
	_, _, err := client(t, t.TempDir()).Find(t.Context(), packages, []locks.Index{{URL: at}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"line 3: looking up P.q 1.0: " + w.URL + "/simple has no file with one of the lock's hashes",
		"more.txt:3: looking up gone 1.0: " + w.URL + "/simple has no such project", "has no file of that version", "and 3 more packages",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is printed: %v", err)
	}
}

// brokenNet fails every request.
type brokenNet struct {
	mu    sync.Mutex
	asked int
}

var errDown = errors.New("down")

func (b *brokenNet) Page(ctx context.Context, _, _ string, _ int64) (fetch.Page, error) {
	b.mu.Lock()
	b.asked++
	first := b.asked == 1
	b.mu.Unlock()
	if !first {
		<-ctx.Done()
		return fetch.Page{}, context.Cause(ctx)
	}
	return fetch.Page{}, errDown
}

func (*brokenNet) Head(context.Context, []string) (int64, error) { return 0, errDown }

func TestAnIndexThatIsDownEndsTheSearch(t *testing.T) {
	b := &brokenNet{}
	c := New(func() (Fetcher, error) { return b, nil }, Options{})
	var packages []locks.Unresolved
	for i := range 100 {
		u := pinned()
		u.Name = fmt.Sprint("p", i)
		packages = append(packages, u)
	}
	_, _, err := c.Find(t.Context(), packages, []locks.Index{{URL: "https://example.org/simple"}})
	if !errors.Is(err, errDown) || strings.Contains(err.Error(), "\n") || b.asked > 16 {
		t.Errorf("%v after %d requests", err, b.asked)
	}
}

func TestWithoutAnIndexTheErrorSaysWhatToDo(t *testing.T) {
	_, _, err := New(nil2, Options{}).Find(t.Context(), []locks.Unresolved{pinned()}, nil)
	if err == nil || !strings.Contains(err.Error(), "PIP_INDEX_URL") {
		t.Error(err)
	}
	_, _, err = New(nil2, Options{}).Find(t.Context(), nil, []locks.Index{{URL: "ftp://u:secret@h/"}})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func nil2() (Fetcher, error) { panic("the network is not needed") }

func TestProgressIsTold(t *testing.T) {
	w := newWorld(t, map[string][2]string{"/simple/p-q/": htmlPage(htmlLink(wheel, ""))})
	var last [2]int
	c := New(func() (Fetcher, error) { return fetch.New(fetch.Options{MaxTries: 1}) }, Options{Progress: func(done, total int) { last = [2]int{done, total} }})
	if _, _, err := c.Find(t.Context(), []locks.Unresolved{pinned(wheel)}, []locks.Index{w.index("/simple")}); err != nil || last != [2]int{1, 1} {
		t.Error(last, err)
	}
}

// BenchmarkRemembered is a second plan of 10,000 packages.
func BenchmarkRemembered(b *testing.B) {
	c := New(nil2, Options{Dir: b.TempDir()})
	indexes := []locks.Index{{URL: "https://example.org/simple"}}
	sites, _ := readSites(indexes)
	var packages []locks.Unresolved
	for i := range 10_000 {
		u := pinned(fmt.Sprint(i))
		u.Name = fmt.Sprint("p", i)
		packages = append(packages, u)
		name := fmt.Sprintf("p%d-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", i)
		q := &query{c: c, sites: sites}
		q.remember(&u, []found{{file: file{Name: name, URL: "https://example.org/" + name, Digests: u.Digests}, Digest: u.Digests[0]}}, false)
	}
	if _, _, err := c.Find(b.Context(), packages, indexes); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if files, _, err := c.Find(b.Context(), packages, indexes); err != nil || len(files) != 10_000 {
			b.Fatal(len(files), err)
		}
	}
}
