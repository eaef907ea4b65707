package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// contents are what the model test plays with: of different sizes, one empty.
var contents = func() []string {
	var out []string
	for i := range 6 {
		out = append(out, strings.Repeat(string(rune('a'+i)), i*500))
	}
	return append(out, testZip())
}()

// model is what the store must hold after any sequence of operations.
type model struct {
	s     *Store
	clock *clock
	have  map[string]bool         // content -> surely there
	keys  map[string]string       // key -> content
	pins  map[string][]string     // build -> contents
	free  map[string]func() error // build -> release
}

// Whatever happens, and in whatever order: what is served is right, what is
// pinned stays, what was put is there until somebody took it away.
//
// Shows S6.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{clock: &clock{time.Now()}, have: map[string]bool{}, keys: map[string]string{},
			pins: map[string][]string{}, free: map[string]func() error{}}
		dir, err := os.MkdirTemp(scratch(), "model-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if m.s, err = Open(dir, Options{Now: m.clock.now, Limits: noLimit()}); err != nil {
			rt.Fatal(err)
		}
		defer func() { m.s.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"put": m.put, "put wrong": m.putWrong, "put broken": m.putBroken, "put key": m.putKey,
			"leave a partial": m.leavePartial, "truncate": m.truncate, "flip and verify": m.flip,
			"lose facts": m.loseFacts, "pin": m.pin, "unpin": m.unpin, "gc": m.gc,
			"wait": m.wait, "reopen": m.reopen, "": m.invariants,
		})
	})
}

var anyContent = rapid.SampledFrom(contents)

func anyName(rt *rapid.T, content string) digest.Digest {
	return rapid.SampledFrom(namesOf(content)).Draw(rt, "name")
}

// namesOf are the digests of a content in algorithms of every kind.
func namesOf(content string) []digest.Digest {
	out := []digest.Digest{sha256Of(content), sha512Of(content), sha1Of(content), goModOf(content)}
	if d := goZipOf(content); d != "" {
		out = append(out, d)
	}
	return out
}

func (m *model) put(rt *rapid.T) {
	c := anyContent.Draw(rt, "content")
	size := rapid.SampledFrom([]int64{SizeUnknown, int64(len(c))}).Draw(rt, "size")
	f, info, err := m.s.Put(rt.Context(), anyName(rt, c), size, fillWithSafely(c))
	if err != nil {
		rt.Fatalf("Put: %v", err)
	}
	m.same(rt, f, c)
	if info != (Info{sha256Of(c), int64(len(c))}) {
		rt.Fatalf("info %+v", info)
	}
	m.have[c] = true
}

// fillWithSafely is fillWith for one who can't know what is there.
func fillWithSafely(content string) Fill {
	return func(_ context.Context, p *Partial) error {
		if p.Offset() > int64(len(content)) {
			if err := p.Reset(); err != nil {
				return err
			}
		}
		_, err := io.WriteString(p, content[p.Offset():])
		return err
	}
}

func (m *model) same(rt *rapid.T, f *os.File, want string) {
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || string(got) != want {
		rt.Fatalf("served %d bytes %.8q…, %v, want %d bytes %.8q…", len(got), got, err, len(want), want)
	}
}

func (m *model) putWrong(rt *rapid.T) {
	want, other := anyContent.Draw(rt, "want"), anyContent.Draw(rt, "got")
	if want == other || m.have[want] {
		return
	}
	d := sha256Of(want)
	_, err := m.s.Stat(d)
	if err == nil {
		return
	}
	_, _, err = m.s.Put(rt.Context(), d, SizeUnknown, func(_ context.Context, p *Partial) error {
		if err := p.Reset(); err != nil {
			return err
		}
		_, err := io.WriteString(p, other)
		return err
	})
	if err != nil && !errors.As(err, new(*MismatchError)) {
		rt.Fatalf("Put of something else: %v", err)
	}
	if err == nil { // what an earlier try had left was complete
		m.have[want] = true
	}
}

func (m *model) putBroken(rt *rapid.T) {
	c := anyContent.Draw(rt, "content")
	broken := errors.New("broken")
	f, _, err := m.s.Put(rt.Context(), sha256Of(c), int64(len(c)), func(_ context.Context, p *Partial) error {
		if n := int64(len(c)) / 2; n > p.Offset() {
			if _, err := io.WriteString(p, c[p.Offset():n]); err != nil {
				return err
			}
		}
		return broken
	})
	switch {
	case err == nil:
		m.same(rt, f, c)
		m.have[c] = true
	case !errors.Is(err, broken):
		rt.Fatalf("Put: %v", err)
	case m.have[c]:
		rt.Fatalf("a blob has vanished")
	}
}

func (m *model) putKey(rt *rapid.T) {
	key := rapid.SampledFrom([]string{"k1", "k2"}).Draw(rt, "key")
	c := anyContent.Draw(rt, "content")
	filled := false
	f, _, err := m.s.PutKey(rt.Context(), key, SizeUnknown, func(ctx context.Context, p *Partial) error {
		filled = true
		return fillWithSafely(c)(ctx, p)
	})
	if err != nil {
		rt.Fatalf("PutKey: %v", err)
	}
	if filled {
		m.keys[key] = c
	}
	m.same(rt, f, m.keys[key])
	m.have[m.keys[key]] = true
}

// leavePartial is what a killed writer or a power cut leaves.
func (m *model) leavePartial(rt *rapid.T) {
	c := anyContent.Draw(rt, "content")
	r, _ := digestRef(anyName(rt, c))
	left := []byte(c[:rapid.IntRange(0, len(c)).Draw(rt, "bytes")])
	if rapid.Bool().Draw(rt, "garbage") {
		left = append(left, "garbage"...)
	}
	name := m.s.path(partialPath(r.name()))
	os.Remove(name)
	if err := os.WriteFile(name, left, rapid.SampledFrom([]fs.FileMode{0o600, 0o444}).Draw(rt, "mode")); err != nil {
		rt.Fatal(err)
	}
}

// damage rewrites a blob that is there, and says whether there was one.
func (m *model) damage(rt *rapid.T, how func([]byte) []byte) (string, bool) {
	c := anyContent.Draw(rt, "content")
	name := m.s.path(blobPath(sha256Of(c)))
	data, err := os.ReadFile(name)
	if err != nil || len(data) == 0 {
		return c, false
	}
	os.Remove(name)
	if err := os.WriteFile(name, how(data), 0o444); err != nil {
		rt.Fatal(err)
	}
	m.have[c] = false
	return c, true
}

func (m *model) truncate(rt *rapid.T) {
	c, ok := m.damage(rt, func(b []byte) []byte { return b[:len(b)/2] })
	if !ok {
		return
	}
	if f, err := m.s.Facts(sha256Of(c)); err != nil || !f.Verified {
		m.verify(rt) // with its facts lost as well, only its hash can tell
		return
	}
	if _, _, err := m.s.Get(sha256Of(c)); !errors.Is(err, fs.ErrNotExist) {
		rt.Fatalf("a short blob was served: %v", err)
	}
}

func (m *model) flip(rt *rapid.T) {
	if _, ok := m.damage(rt, func(b []byte) []byte { b[0]++; return b }); ok {
		m.verify(rt)
	}
}

func (m *model) verify(rt *rapid.T) {
	r, err := m.s.Verify(rt.Context(), true)
	if err != nil || len(r.Problems) == 0 {
		rt.Fatalf("Verify: %+v, %v", r, err)
	}
}

func (m *model) loseFacts(rt *rapid.T) {
	os.Remove(m.s.path(factsPath(sha256Of(anyContent.Draw(rt, "content")))))
	m.reopen(rt)
}

func (m *model) pin(rt *rapid.T) {
	build := rapid.SampledFrom([]string{"b1", "b2"}).Draw(rt, "build")
	if m.free[build] != nil {
		return
	}
	cs := rapid.SliceOfDistinct(anyContent, rapid.ID).Draw(rt, "contents")
	release, err := m.s.Pin(rt.Context(), build, digestsOf(cs...))
	if err != nil {
		rt.Fatalf("Pin: %v", err)
	}
	m.pins[build], m.free[build] = cs, release
}

func (m *model) unpin(rt *rapid.T) {
	for build, release := range m.free {
		if err := release(); err != nil {
			rt.Fatalf("release: %v", err)
		}
		delete(m.pins, build)
		delete(m.free, build)
		return
	}
}

func (m *model) pinned(c string) bool {
	for _, cs := range m.pins {
		if slices.Contains(cs, c) {
			return true
		}
	}
	return false
}

func (m *model) gc(rt *rapid.T) {
	p := Policy{Limits: &Limits{MaxBytes: rapid.Int64Range(-1, 8000).Draw(rt, "max"), MinFree: -1}}
	if p.Limits.MaxBytes == 0 {
		p.Limits.MaxBytes = 1 // 0 is the default
	}
	p.MaxAge = time.Duration(rapid.IntRange(0, 48).Draw(rt, "hours")) * time.Hour
	before := m.blobs(rt)
	r, err := m.s.GC(rt.Context(), p)
	if err != nil {
		rt.Fatalf("GC: %v", err)
	}
	after := m.blobs(rt)
	var left int64
	for c, was := range before {
		if was && m.pinned(c) && !after[c] {
			rt.Fatalf("a pinned blob was removed: %+v", r)
		}
		m.have[c] = m.have[c] && after[c]
		if after[c] && !m.pinned(c) {
			left += int64(len(c))
		}
	}
	if limit := p.Limits.MaxBytes; limit >= 0 && left > limit {
		rt.Fatalf("%d bytes are left that nobody has pinned, more than %d: %+v", left, limit, r)
	}
}

// blobs are the contents whose blobs are there.
func (m *model) blobs(rt *rapid.T) map[string]bool {
	list, err := m.s.List(rt.Context())
	if err != nil {
		rt.Fatal(err)
	}
	out := make(map[string]bool)
	for _, c := range contents {
		out[c] = slices.ContainsFunc(list, func(e Entry) bool { return e.Digest == sha256Of(c) })
	}
	return out
}

func (m *model) wait(rt *rapid.T) {
	m.clock.advance(time.Duration(rapid.IntRange(1, 10*24).Draw(rt, "hours")) * time.Hour)
}

// reopen is another process with the same store. Pins stay with the old one.
func (m *model) reopen(rt *rapid.T) {
	other, err := Open(m.s.Dir(), Options{Now: m.clock.now, Limits: noLimit()})
	if err != nil {
		rt.Fatal(err)
	}
	for len(m.free) > 0 {
		m.unpin(rt)
	}
	m.s.Close()
	m.s = other
}

func (m *model) invariants(rt *rapid.T) {
	for _, c := range contents {
		for _, d := range namesOf(c) {
			f, info, err := m.s.Get(d)
			switch {
			case err == nil:
				m.same(rt, f, c)
				if info.Size != int64(len(c)) || info.Digest != sha256Of(c) {
					rt.Fatalf("info %+v", info)
				}
			case !errors.Is(err, fs.ErrNotExist):
				rt.Fatalf("Get: %v", err)
			case m.have[c] && d == sha256Of(c):
				rt.Fatalf("a blob of %d bytes has vanished", len(c))
			}
			if n, ok := m.s.Size(d); ok && n != int64(len(c)) {
				rt.Fatalf("Size %d, want %d", n, len(c))
			}
		}
	}
	if locks, _ := filepath.Glob(m.s.path(lockDir) + "/*"); len(locks) > 0 {
		rt.Fatalf("locks are left: %q", locks)
	}
}
