package content

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// guarded is an origin that gives what is below /private to two users only, and
// the same below /public to everybody. /away leads from elsewhere to /private.
type guarded struct {
	*httptest.Server
	bodies map[string][]byte
	asked  atomic.Int32
}

func newGuarded(t *testing.T, bodies map[string][]byte) *guarded {
	g := &guarded{bodies: bodies}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.asked.Add(1)
		user, password, _ := r.BasicAuth()
		known := user == "u" && password == "s3cret" || user == "v" && password == "0ther"
		where, name, _ := strings.Cut(r.URL.Path[1:], "/")
		body, ok := g.bodies[name]
		switch {
		case where == "away":
			http.Redirect(w, r, "/private/"+name, http.StatusFound)
		case where == "private" && !known:
			w.WriteHeader(http.StatusUnauthorized)
		case !ok:
			http.NotFound(w, r)
		default:
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
		}
	}))
	t.Cleanup(g.Close)
	return g
}

// at is the URL of a file below a directory of the origin.
func (g *guarded) at(dir, name string) []string { return []string{g.URL + "/" + dir + "/" + name} }

// as is the URL with a user in it.
func (g *guarded) as(user, dir, name string) []string {
	return []string{strings.Replace(g.at(dir, name)[0], "//", "//"+user+"@", 1)}
}

// user is a credential for the origin.
func user(name, password string) []wire.Credential {
	return []wire.Credential{{Host: "127.0.0.1", User: name, Password: password}}
}

// visitor is one build that reads one tree from a store with some credentials.
func visitor(t *testing.T, s *store.Store, tr *tree.Tree, creds []wire.Credential) *Source {
	t.Helper()
	src, err := New(context.Background(), tr, Options{
		Store: s, Events: deaf{}, AllowUnverified: "all", Network: Network{Credentials: creds}, Scratch: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(src.Close)
	return src
}

// read is what a build gets of a file: its content, or what is wrong.
func read(t *testing.T, s *Source, f *tree.File) string {
	t.Helper()
	b := s.Open(f)
	defer b.Close()
	file, err := b.Wait(t.Context())
	if err != nil {
		return err.Error()
	}
	data, _ := io.ReadAll(io.NewSectionReader(file, 0, math.MaxInt64))
	return string(data)
}

// TestPrivateContentIsForHoldersOfItsCredential goes through builds of one
// store. Each reads the same content; what differs is the URL that its lock
// states and the credentials that it has.
//
// Shows S57.
func TestPrivateContentIsForHoldersOfItsCredential(t *testing.T) {
	text := "the private file"
	for name, locked := range map[string]tree.File{
		"with a digest":    {Path: "f", Size: int64(len(text)), Digest: digest.FromBytes([]byte(text))},
		"without a digest": {Path: "f", Size: tree.SizeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuarded(t, map[string][]byte{"f": []byte(text)})
			s := openStore(t)
			private, public, away := g.at("private", "f"), g.at("public", "f"), g.at("away", "f")
			for _, step := range []struct {
				who   string
				urls  []string
				creds []wire.Credential
				gets  string // content, or part of the error
				asks  bool   // the origin
			}{
				{"the first holder", private, user("u", "s3cret"), text, true},
				{"the same again", private, user("u", "s3cret"), text, false},
				{"nobody", private, nil, "401", true},
				{"nobody, who knows the digest and a dead URL", g.at("dead", "x"), nil, "404", true},
				{"a wrong password", private, user("u", "wr0ng"), "401", true},
				{"another holder", private, user("v", "0ther"), text, true},
				{"another holder again", private, user("v", "0ther"), text, false},
				{"the first holder again", private, user("u", "s3cret"), text, false},
				{"the first holder, by a redirect", away, user("u", "s3cret"), text, locked.Digest == ""},
				{"the credential in the URL", g.as("u:s3cret", "private", "f"), nil, text, locked.Digest == ""},
				{"a mirror for everybody", public, nil, text, true},
				{"the mirror again", public, nil, text, false},
			} {
				f := locked
				f.URLs = step.urls
				tr := treeOf(t, f)
				before := g.asked.Load()
				src := visitor(t, s, tr, step.creds)
				got := read(t, src, &tr.Files[0])
				if got != step.gets && (step.gets == text || !strings.Contains(got, step.gets)) {
					t.Errorf("%s gets %q, want %q", step.who, got, step.gets)
				}
				if asked := g.asked.Load() > before; asked != step.asks {
					t.Errorf("%s has asked the origin: %v", step.who, asked)
				}
				if strings.Contains(got, "s3cret") || strings.Contains(got, "0ther") {
					t.Errorf("%s sees a password: %s", step.who, got)
				}
				src.Close()
			}
			if locked.Digest == "" {
				return
			}
			// It is public now.
			locked.URLs = g.at("dead", "x")
			tr := treeOf(t, locked)
			if got := read(t, visitor(t, s, tr, nil), &tr.Files[0]); got != text {
				t.Errorf("after the mirror: %q", got)
			}
		})
	}
}

// Shows S57.
func TestARedirectToACredentialedHostMakesContentPrivate(t *testing.T) {
	g := newGuarded(t, map[string][]byte{"f": []byte("x")})
	s := openStore(t)
	tr := treeOf(t, tree.File{Path: "f", Size: 1, Digest: digest.FromBytes([]byte("x")), URLs: g.at("away", "f")})
	creds := []wire.Credential{{Host: "127.0.0.1", Prefix: "/private", User: "u", Password: "s3cret"}}
	if got := read(t, visitor(t, s, tr, creds), &tr.Files[0]); got != "x" {
		t.Fatal(got)
	}
	if got := read(t, visitor(t, s, tr, nil), &tr.Files[0]); !strings.Contains(got, "401") {
		t.Errorf("nobody gets %q", got)
	}
}

// Shows S57.
func TestWhatIsMadeOfPrivateContentIsForItsHoldersToo(t *testing.T) {
	g := newGuarded(t, map[string][]byte{"f": []byte("left right")})
	s := openStore(t)
	tr := madeTree(t, tree.File{Path: "a", Size: 10, Digest: digest.FromBytes([]byte("left right")), URLs: g.at("private", "f")})
	expand := func(creds []wire.Credential) error {
		src := visitor(t, s, tr, creds)
		src.makers["halves"] = halves(new(atomic.Int32))
		_, err := src.Expand(t.Context(), &tr.Dirs[0])
		return err
	}
	if err := expand(user("u", "s3cret")); err != nil {
		t.Fatal(err)
	}
	if err := expand(nil); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("nobody gets the directory: %v", err)
	}
	before := g.asked.Load()
	if err := expand(user("u", "s3cret")); err != nil || g.asked.Load() != before {
		t.Errorf("its holder has to ask again: %v", err)
	}
}

// The headers of private packages and the repodata made of them say what is in
// a private repository.
//
// Shows S57.
func TestHeadersOfPrivatePackagesAreForHoldersOfTheirCredential(t *testing.T) {
	data := packed(t, "a", 0)
	g := newGuarded(t, map[string][]byte{"a.rpm": data})
	s := openStore(t)
	tr, err := tree.Build([]tree.Input{{Type: "rpm", Lock: "rpms.lock.yaml"}},
		[]tree.File{{Path: rpmDir + "/a.rpm", Size: int64(len(data)), Digest: digest.FromBytes(data), URLs: g.at("private", "a.rpm")}},
		[]tree.Dir{{Path: rpmDir + "/repodata", Make: tree.Recipe{Kind: "repodata", Args: map[string]string{"dir": rpmDir, "modules": ""}}}})
	if err != nil {
		t.Fatal(err)
	}
	expand := func(creds []wire.Credential) error {
		src := visitor(t, s, tr, creds)
		defer src.Close() // the facts are kept until then
		_, err := src.Expand(t.Context(), &tr.Dirs[0])
		return err
	}
	if err := expand(user("u", "s3cret")); err != nil {
		t.Fatal(err)
	}
	if err := expand(nil); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("nobody gets the repodata: %v", err)
	}
	before := g.asked.Load()
	if err := expand(user("u", "s3cret")); err != nil || g.asked.Load() != before {
		t.Errorf("its holder has to ask again: %v", err)
	}
	// Other credentials beside it are another set: its repodata is made again,
	// but not without asking for the header.
	if err := expand(append(user("v", "0ther"), user("u", "s3cret")...)); err != nil || g.asked.Load() == before {
		t.Errorf("another set: %v", err)
	}
}

// Shows S58.
func TestNoCredentialIsInTheStoreAfterABuild(t *testing.T) {
	g := newGuarded(t, map[string][]byte{"f": []byte("x"), "g": []byte("y")})
	s := openStore(t)
	tr := treeOf(t,
		tree.File{Path: "f", Size: 1, Digest: digest.FromBytes([]byte("x")), URLs: g.at("private", "f")},
		tree.File{Path: "g", Size: tree.SizeUnknown, URLs: g.as("v:0ther", "private", "g")})
	src := visitor(t, s, tr, user("u", "s3cret"))
	if got := read(t, src, &tr.Files[0]) + read(t, src, &tr.Files[1]); got != "xy" {
		t.Fatal(got)
	}
	src.Close()
	root := os.DirFS(s.Dir())
	for _, secret := range []string{"s3cret", "0ther"} {
		grep(t, root, secret)
	}
}

// grep fails when a file below root, or its name, holds the text.
func grep(t *testing.T, root fs.FS, text string) {
	t.Helper()
	files := 0
	err := fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		files++
		data, err := fs.ReadFile(root, name)
		if bytes.Contains(data, []byte(text)) || strings.Contains(name, text) {
			t.Errorf("%s holds %q", name, text)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files, %v", files, err)
	}
}
