//go:build linux

package proxy

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

func TestManyReadersShareOneDownload(t *testing.T) {
	o := newOrigin(t)
	// Two names of one content are one download too.
	twin := o.gated("a", "content")
	twin.Path = "b"
	b := run(t, specFor(t, t.TempDir()), treeOf(t, "npm", o.gated("a", "content"), twin))
	var readers []*program
	for i := range 10 {
		readers = append(readers, b.starts("cat "+[]string{"a", "b"}[i%2]))
	}
	o.until("the request", func() bool { return o.files["/a"].gets > 0 })
	o.release("/a")
	for _, p := range readers {
		if out, errs, err := p.ends(); err != nil || out != "content" {
			t.Errorf("%q %q %v", out, errs, err)
		}
	}
	sum := b.bye(wire.ByeOK)
	if n := o.gets("/a"); n != 1 || sum.Fetched.Files != 1 {
		t.Errorf("%d requests, %d files fetched", n, sum.Fetched.Files)
	}
}

// Shows S11.
func TestTwoBuildsShareOneDownload(t *testing.T) {
	o := newOrigin(t)
	dir := t.TempDir()
	tr := treeOf(t, "npm", o.gated("a", "content"))
	one, two := run(t, specFor(t, dir), tr), run(t, specFor(t, dir), tr)
	p, q := one.starts("cat a"), two.starts("cat a")
	o.until("the request", func() bool { return o.files["/a"].gets > 0 })
	o.release("/a")
	for _, p := range []*program{p, q} {
		if out, errs, err := p.ends(); err != nil || out != "content" {
			t.Errorf("%q %q %v", out, errs, err)
		}
	}
	one.bye(wire.ByeOK)
	two.bye(wire.ByeOK)
	if n := o.gets("/a"); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// A build that ends while it downloads what another one waits for as well must
// not take that away.
//
// Shows S13.
func TestOtherBuildGoesOnWithADownload(t *testing.T) {
	o := newOrigin(t)
	dir := t.TempDir()
	tr := treeOf(t, "npm", o.gated("a", "content"))
	one, two := run(t, specFor(t, dir), tr), run(t, specFor(t, dir), tr)
	p := one.starts("cat a")
	o.until("the request", func() bool { return o.files["/a"].gets > 0 })
	q := two.starts("cat a")
	one.bye(wire.ByeFailed)
	_, _, _ = p.ends()
	o.until("the other's request", func() bool { return o.files["/a"].gets > 1 })
	o.release("/a")
	if out, errs, err := q.ends(); err != nil || out != "content" {
		t.Errorf("%q %q %v", out, errs, err)
	}
	two.bye(wire.ByeOK)
}

// Shows S1.
func TestWrongBytesAreNeverServed(t *testing.T) {
	o := newOrigin(t)
	dir := t.TempDir()
	f := o.file("a", "good")
	f.URLs = []string{strings.Replace(o.serve("/a", behaviour{body: "evil"}), "http://", "http://user:secret@", 1) + "?token=hidden"}
	b := run(t, specFor(t, dir), treeOf(t, "npm", f))
	if errs := b.fails("cat a"); !strings.Contains(errs, "Input/output error") {
		t.Errorf("the program: %q", errs)
	}
	b.fails("cat a")
	ev := b.event("the failure", func(ev wire.Event) bool { return ev.Kind == wire.Failed })
	for _, want := range []string{o.URL[len("http://"):] + "/a", "digest"} {
		if !strings.Contains(ev.Text, want) {
			t.Errorf("%q does not say %q", ev.Text, want)
		}
	}
	if all := fmt.Sprintf("%+v", ev); strings.Contains(all, "secret") || strings.Contains(all, "hidden") {
		t.Errorf("a secret is told: %s", all)
	}
	if ev.Path != "a" || !strings.HasPrefix(ev.URL, o.URL+"/a") || ev.Hint == "" {
		t.Errorf("%+v", ev)
	}
	sum := b.bye(wire.ByeFailed)
	if n := len(b.of(wire.Failed)); n != 1 || sum.Failed != 1 {
		t.Errorf("told %d times, counted %d", n, sum.Failed)
	}
	if n := stored(t, dir); n != 0 || sum.Fetched.Files != 0 {
		t.Errorf("%d blobs stored, %d fetched", n, sum.Fetched.Files)
	}
}

// Shows S4.
func TestBadMirrorIsPassedOver(t *testing.T) {
	for name, first := range map[string]behaviour{
		"wrong bytes":      {body: "evil"},
		"longer":           {body: "good and more"},
		"shorter":          {body: "goo"},
		"no longer there":  {status: 410},
		"an error page":    {body: "<html>sorry</html>"},
		"forbidden":        {status: 403},
		"an empty success": {},
	} {
		for _, sized := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s size %v", name, sized), func(t *testing.T) {
				o := newOrigin(t)
				f := o.file("a", "good")
				if !sized {
					f.Size = tree.SizeUnknown
				}
				f.URLs = []string{o.serve("/first", first), o.serve("/second", first), f.URLs[0]}
				b := run(t, specFor(t, t.TempDir()), treeOf(t, "npm", f))
				if got := b.sh("cat a"); got != "good" {
					t.Errorf("%q", got)
				}
				if n := o.gets("/a"); n != 1 {
					t.Errorf("%d requests to the good one", n)
				}
				if sum := b.bye(wire.ByeOK); sum.Failed != 0 || sum.Opened[0].Size != 4 {
					t.Errorf("%+v", sum)
				}
			})
		}
	}
}

// Shows S14.
func TestRetryStormMakesFewRequests(t *testing.T) {
	for name, f := range map[string]behaviour{"gone": {status: 404}, "wrong": {body: "evil"}} {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t)
			file := o.file("a", "good")
			file.URLs = []string{o.serve("/a", f)}
			began := time.Now()
			b := launch(t, specFor(t, t.TempDir()), treeOf(t, "npm", file), func(op *Options) {
				op.Now = func() time.Time { return began } // so that no pause ever ends
			})
			b.ready()
			b.sh("i=0; while [ $i -lt 1000 ]; do read x < a && exit 1; i=$((i+1)); done 2>/dev/null")
			if n := o.gets("/a"); n != 1 {
				t.Errorf("%d requests for 1000 reads", n)
			}
			b.bye(wire.ByeFailed)
			if n := len(b.of(wire.Failed)); n != 1 {
				t.Errorf("told %d times", n)
			}
		})
	}
}

// Shows S14.
func TestFailureIsTriedAgainLater(t *testing.T) {
	o := newOrigin(t)
	file := o.file("a", "good")
	o.serve("/a", behaviour{status: 404})
	var mu sync.Mutex
	now := time.Now()
	pass := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	b := launch(t, specFor(t, t.TempDir()), treeOf(t, "npm", file), func(op *Options) {
		op.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	b.ready()
	// The pause doubles up to a minute (pkg/content).
	for wait, i := 2*time.Second, 1; i <= 8; i++ {
		b.fails("cat a")
		if n := o.gets("/a"); n != i {
			t.Fatalf("%d requests, want %d", n, i)
		}
		pass(wait - time.Millisecond)
		b.fails("cat a")
		if n := o.gets("/a"); n != i {
			t.Fatalf("asked again before %v had passed", wait)
		}
		pass(time.Millisecond)
		wait = min(2*wait, time.Minute)
	}
	o.serve("/a", behaviour{body: "good"})
	if got := b.sh("cat a"); got != "good" {
		t.Errorf("%q", got)
	}
	b.bye(wire.ByeOK)
}

func TestUnknownSizeIsKnownWithTheHeaders(t *testing.T) {
	o := newOrigin(t)
	f := o.file("a", "content")
	f.Size = tree.SizeUnknown
	o.serve("/a", behaviour{body: "content", gate: make(chan struct{}), headers: true})
	b := run(t, specFor(t, t.TempDir()), treeOf(t, "npm", f))
	if got := b.sh("stat -c %s a"); got != "0\n" || o.all() != 0 {
		t.Errorf("before anybody has opened it: size %q, %d requests", got, o.all())
	}
	// The body is still held back: what stat -L says of the open file is from the headers.
	if got := b.sh("exec 3<a; stat -L -c %s /proc/self/fd/3"); got != "7\n" {
		t.Errorf("fstat: %q", got)
	}
	o.release("/a")
	if got := b.sh("cat a; stat -c %s a"); got != "content7\n" {
		t.Errorf("%q", got)
	}
	b.bye(wire.ByeOK)
}

// TestUnverifiedContentOfTheStoreIsNotServedEither shows S3: another build may have been less strict.
func TestUnverifiedContentOfTheStoreIsNotServedEither(t *testing.T) {
	o := newOrigin(t)
	f := o.file("a", "content")
	f.Unverified = true
	dir := t.TempDir()
	for _, allow := range []string{"all", "weak"} {
		spec := specFor(t, dir)
		spec.AllowUnverified = allow
		b := run(t, spec, treeOf(t, "npm", f))
		if allow == "all" {
			if got := b.sh("cat a"); got != "content" {
				t.Errorf("%q", got)
			}
			b.bye(wire.ByeOK)
			continue
		}
		b.fails("cat a")
		b.bye(wire.ByeFailed)
	}
}

// Shows S3.
func TestUnverifiedFiles(t *testing.T) {
	const sha1 = "sha1:040f06fd774092478d450774f5ba30c5da78acc8" // of "content"
	strong := digest.FromBytes([]byte("content"))
	for _, c := range []struct {
		allow  string
		digest digest.Digest
		served bool
		index  bool // the digest is an index's word
	}{
		{"none", sha1, false, false}, {"weak", sha1, true, false}, {"all", sha1, true, false},
		{"none", "", false, false}, {"weak", "", false, false}, {"all", "", true, false},
		{"none", strong, true, false}, {"", "", false, false},
		{"none", strong, false, true}, {"weak", strong, false, true}, {"all", strong, true, true},
	} {
		t.Run(fmt.Sprintf("%s digest %.3s %v", c.allow, c.digest, c.index), func(t *testing.T) {
			o := newOrigin(t)
			f := o.file("a", "content")
			f.Digest, f.Unverified = c.digest, c.index
			spec := specFor(t, t.TempDir())
			spec.AllowUnverified = c.allow
			b := run(t, spec, treeOf(t, "npm", f))
			if c.served {
				if got := b.sh("cat a; cat a"); got != "contentcontent" || o.all() != 1 {
					t.Errorf("%q after %d requests", got, o.all())
				}
				want := 0
				if c.digest.Weak() || c.index {
					want = 1
				}
				if sum := b.bye(wire.ByeOK); sum.Unverified != want {
					t.Errorf("%d unverified files counted, want %d", sum.Unverified, want)
				}
				return
			}
			b.fails("cat a")
			ev := b.event("the failure", func(ev wire.Event) bool { return ev.Kind == wire.Failed })
			if !strings.Contains(ev.Hint, "--lazy-allow-unverified") || !strings.Contains(ev.Text, "checksum") {
				t.Errorf("%+v", ev)
			}
			if n := o.all(); n != 0 {
				t.Errorf("%d requests", n)
			}
			if sum := b.bye(wire.ByeFailed); sum.Unverified != 0 || sum.FromStore.Files != 0 || sum.Failed != 1 {
				t.Errorf("what was refused counts as served: %+v", sum)
			}
		})
	}
}

func TestFileWithoutURLSaysSo(t *testing.T) {
	b := run(t, specFor(t, t.TempDir()), treeOf(t, "npm", tree.File{Path: "a", Size: 1, Digest: digest.FromBytes([]byte("x"))}))
	b.fails("cat a")
	ev := b.event("the failure", func(ev wire.Event) bool { return ev.Kind == wire.Failed })
	if !strings.Contains(ev.Text, "no URL") || ev.URL != "" {
		t.Errorf("%+v", ev)
	}
	b.bye(wire.ByeFailed)
}

func TestProgressNamesWhatAProgramWaitsFor(t *testing.T) {
	o := newOrigin(t)
	b := run(t, specFor(t, t.TempDir()), treeOf(t, "npm", o.gated("a", "content")))
	p := b.starts("cat a")
	ev := b.event("progress", func(ev wire.Event) bool { return ev.Kind == wire.ProgressKind })
	if pr := ev.Progress; pr.Active != 1 || pr.Current != "a" || pr.Files != 0 {
		t.Errorf("%+v", pr)
	}
	o.release("/a")
	_, _, _ = p.ends()
	b.bye(wire.ByeOK)
}
