package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
)

// version0 hides from the server that the client speaks version 2.
func version0(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Git-Protocol")
		next.ServeHTTP(w, r)
	})
}

// refuseFirst answers the first request for objects as JGit does where only
// the tips of branches may be asked for.
func refuseFirst() func(http.Handler) http.Handler {
	n := 0
	return spoil(func(w http.ResponseWriter, b []byte) {
		if n++; n == 1 {
			b = []byte("001aERR want 12 not valid\n")
		}
		w.Write(b)
	})
}

// Every way of asking brings the same commit, and so the same archive.
//
// Shows S59.
func TestFetchWithEachKindOfServer(t *testing.T) {
	w := newWorld(t)
	w.repo("app", map[string]string{"first": "1"})
	commit := w.commit("app", sample)
	w.commit("app", map[string]string{"later": "2"})
	w.git("app", "branch", "side", commit)
	w.git("app", "tag", "-a", "-m", "annotated", "v1", commit)
	first := w.git("app", "rev-parse", commit+"~1")
	for name, c := range map[string]struct {
		wrap   func(http.Handler) http.Handler
		config [2]string
		commit string
	}{
		"version 2":                     {commit: commit},
		"version 2, no tip":             {commit: first},
		"version 2, refusing":           {wrap: refuseFirst(), commit: first},
		"version 0, tip":                {wrap: version0, commit: commit},
		"version 0, no tip, allowed":    {wrap: version0, commit: first, config: [2]string{"uploadpack.allowReachableSHA1InWant", "true"}},
		"version 0, no tip, disallowed": {wrap: version0, commit: first},
	} {
		t.Run(name, func(t *testing.T) {
			w.fault(c.wrap)
			if c.config[0] != "" {
				w.git("app", "config", c.config[0], c.config[1])
				defer w.git("app", "config", "--unset", c.config[0])
			}
			got, err := Fetch(context.Background(), []string{w.url("app")}, c.commit, w.options())
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			names, _, err := got.reachable(context.Background())
			if err != nil || len(names) == 0 {
				t.Errorf("%d objects, %v", len(names), err)
			}
		})
	}
}

func TestSha256Repositories(t *testing.T) {
	w := newWorld(t)
	commit := w.repo("app", sample, "--object-format=sha256")
	a := w.archive(w.fetch("app", commit), Archive{Prefix: "app"})
	if len(commit) != 64 || len(a) == 0 {
		t.Errorf("the commit is %s, the archive has %d bytes", commit, len(a))
	}
}

func TestACommitThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	w.repo("app", sample)
	for name, wrap := range map[string]func(http.Handler) http.Handler{"version 2": nil, "version 0": version0} {
		t.Run(name, func(t *testing.T) {
			w.fault(wrap)
			w.requests = nil
			_, err := Fetch(context.Background(), []string{w.url("app")}, strings.Repeat("12", 20), w.options())
			if asked := len(w.asked()); wrap == nil && asked != 2 {
				t.Errorf("%d requests, want 2", asked)
			}
			if !errors.Is(err, errNotThere) || !strings.Contains(err.Error(), w.srv.URL) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestTheNextURLIsTried(t *testing.T) {
	w := newWorld(t)
	commit := w.repo("app", sample)
	c, err := Fetch(context.Background(), []string{w.url("missing"), w.url("app")}, commit, w.options())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// spoil replaces the answers to POSTs.
func spoil(change func(http.ResponseWriter, []byte)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				next.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
			change(w, rec.Body.Bytes())
		})
	}
}

func TestFaultsAreErrors(t *testing.T) {
	w := newWorld(t)
	commit := w.repo("app", sample)
	for name, c := range map[string]struct {
		wrap func(http.Handler) http.Handler
		want error  // in the chain
		text string // in the message
	}{
		"cut":         {spoil(func(w http.ResponseWriter, b []byte) { w.Write(b[:len(b)/2]) }), nil, "ends"},
		"cut, length": {spoil(func(w http.ResponseWriter, b []byte) { w.Header().Set("Content-Length", "100000"); w.Write(b[:100]) }), nil, "2 tries"},
		"one bit":     {spoil(func(w http.ResponseWriter, b []byte) { b[len(b)/2] ^= 1; w.Write(b) }), nil, ""},
		"nothing":     {spoil(func(w http.ResponseWriter, b []byte) {}), errProtocol, ""},
		"html": {spoil(func(w http.ResponseWriter, b []byte) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>Sign in")
		}), errProtocol, "text/html"},
		"error packet": {spoil(func(w http.ResponseWriter, b []byte) { fmt.Fprint(w, "0014ERR go \x1b[31maway") }), nil, "go ?[31maway"},
		"401": {func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) })
		}, nil, "credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			w.fault(c.wrap)
			opt := w.options()
			got, err := Fetch(context.Background(), []string{w.url("app")}, commit, opt)
			if err == nil {
				got.Close()
				t.Fatal("no error")
			}
			if c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("the error is %v, want %q in it and %v", err, c.text, c.want)
			}
			if left, _ := os.ReadDir(opt.Scratch); len(left) > 0 {
				t.Errorf("%s is left", left[0].Name())
			}
		})
	}
}

func TestABrokenConnectionIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	commit := w.repo("app", sample)
	posts := 0
	w.fault(spoil(func(rw http.ResponseWriter, b []byte) {
		if posts++; posts == 1 {
			rw.Header().Set("Content-Length", fmt.Sprint(len(b)))
			b = b[:len(b)/2]
		}
		rw.Write(b)
	}))
	w.fetch("app", commit)
	if posts != 2 {
		t.Errorf("asked %d times", posts)
	}
}

func TestCredentialsGoWithEveryRequest(t *testing.T) {
	w := newWorld(t)
	commit := w.repo("app", sample)
	w.fault(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if user, pass, _ := r.BasicAuth(); user != "me" || pass != "s3cret" {
				rw.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(rw, r)
		})
	})
	url := strings.Replace(w.url("app"), "http://", "http://me:s3cret@", 1)
	c, err := Fetch(context.Background(), []string{url}, commit, w.options())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	_, err = Fetch(context.Background(), []string{url}, strings.Repeat("12", 20), w.options())
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error is %v", err)
	}
}

func TestARedirectOfTheRepositoryIsFollowed(t *testing.T) {
	w := newWorld(t)
	commit := w.repo("app", sample)
	w.fault(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if rest, ok := strings.CutPrefix(r.URL.Path, "/old"); ok {
				http.Redirect(rw, r, "/app/.git"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
				return
			}
			next.ServeHTTP(rw, r)
		})
	})
	c, err := Fetch(context.Background(), []string{w.srv.URL + "/old"}, commit, w.options())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if asked := w.asked(); slices.Contains(asked, "POST /old/git-upload-pack") {
		t.Errorf("asked %v", asked)
	}
}

// Shows S60.
func TestLimits(t *testing.T) {
	w := newWorld(t)
	commit := w.repo("app", sample)
	for name, limits := range map[string]Limits{
		"packed":   {Packed: 100},
		"unpacked": {Unpacked: 1000},
		"objects":  {Objects: 3},
	} {
		t.Run(name, func(t *testing.T) {
			opt := w.options()
			opt.Limits = limits
			_, err := Fetch(context.Background(), []string{w.url("app")}, commit, opt)
			if !errors.As(err, new(*LimitError)) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	for name, limits := range map[string]Limits{"files": {Files: 3}, "bytes": {Made: 1000}} {
		t.Run(name, func(t *testing.T) {
			opt := w.options()
			opt.Limits = limits
			c, err := Fetch(context.Background(), []string{w.url("app")}, commit, opt)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.WriteArchive(context.Background(), io.Discard, Archive{}); !errors.As(err, new(*LimitError)) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestCancelEndsAFetch(t *testing.T) {
	w := newWorld(t)
	commit := w.repo("app", sample)
	ctx, cancel := context.WithCancel(context.Background())
	w.fault(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
	})
	if _, err := Fetch(ctx, []string{w.url("app")}, commit, w.options()); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestSubmodules(t *testing.T) {
	w := newWorld(t)
	w.repo("inner", map[string]string{"deep.txt": "deep"})
	w.repo("lib", map[string]string{"lib.c": "int x;"})
	w.git("lib", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", w.dir+"/inner", "vendor/inner")
	w.git("lib", "config", "-f", ".gitmodules", "submodule.vendor/inner.url", "../../inner/.git")
	w.commit("lib", nil)
	w.repo("app", map[string]string{"main.c": "int main;"})
	w.git("app", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", w.dir+"/lib", "ext/lib")
	w.git("app", "config", "-f", ".gitmodules", "submodule.ext/lib.url", w.url("lib"))
	commit := w.commit("app", nil)

	names := func(modules bool) []string {
		opt := w.options()
		opt.Submodules = modules
		c, err := Fetch(context.Background(), []string{w.url("app")}, commit, opt)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var got []string
		err = c.walk(context.Background(), func(f *file) error {
			if f.mode == modeFile {
				b, err := io.ReadAll(f.content())
				if err != nil || int64(len(b)) != f.size {
					t.Errorf("%s: %d bytes, %v", f.path, len(b), err)
				}
				got = append(got, f.path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got, want := names(false), []string{".gitmodules", "main.c"}; !slices.Equal(got, want) {
		t.Errorf("without submodules: %v, want %v", got, want)
	}
	want := []string{".gitmodules", "ext/lib/.gitmodules", "ext/lib/lib.c", "ext/lib/vendor/inner/deep.txt", "main.c"}
	if got := names(true); !slices.Equal(got, want) {
		t.Errorf("with submodules: %v, want %v", got, want)
	}
}

func TestPlaces(t *testing.T) {
	for raw, want := range map[string]string{
		"https://host.example/ns/repo.git":          "https://host.example/ns/repo.git",
		"git+https://host.example/ns/repo?x=1#frag": "https://host.example/ns/repo",
		"git+ssh://git@host.example/ns/repo.git":    "https://host.example/ns/repo.git",
		"ssh://git@host.example:2222/ns/repo/":      "https://host.example/ns/repo",
		"git@host.example:ns/repo.git":              "https://host.example/ns/repo.git",
		"git://host.example/ns/repo.git":            "https://host.example/ns/repo.git",
		"http://user:pw@host.example/ns/repo":       "http://user:pw@host.example/ns/repo",
		"file:///etc":                               "",
		"ext::sh -c id":                             "",
		"/etc":                                      "",
		"../x":                                      "",
		"https://host.example":                      "",
		"https:///x":                                "",
		"ftp://host.example/x":                      "",
		"-oProxyCommand=id:x":                       "",
		"git+file:///x":                             "",
		"http://[::1":                               "",
		"https://host.example/a%2fb/repo":           "https://host.example/a%2fb/repo",
	} {
		got, err := Places(raw)
		if want == "" {
			if err == nil {
				t.Errorf("Places(%q) = %q, want an error", raw, got)
			}
			continue
		}
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("Places(%q) = %q, %v, want %q", raw, got, err, want)
		}
	}
}
