package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// clock is the time in tests of what is old.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

// aged makes a store with blobs a, b, c, … of 1000 bytes, each used a day after
// the one before, the last one today.
func aged(t *testing.T, limits Limits, letters string) (*Store, *clock) {
	t.Helper()
	c := &clock{time.Now()}
	s := openTest(t, Options{Now: c.now, Limits: limits})
	for i, l := range letters {
		d := mustPut(t, s, letter(l))
		used := c.t.Add(-time.Duration(len(letters)-1-i) * 24 * time.Hour)
		if err := os.Chtimes(s.path(blobPath(d)), used, used); err != nil {
			t.Fatal(err)
		}
	}
	return s, c
}

func letter(l rune) string { return strings.Repeat(string(l), 1000) }

// kept names the letters that the store has.
func kept(t *testing.T, s *Store, letters string) string {
	t.Helper()
	out := ""
	for _, l := range letters {
		if _, err := s.Stat(sha256Of(letter(l))); err == nil {
			out += string(l)
		}
	}
	return out
}

func noLimit() Limits { return Limits{MaxBytes: -1, MinFree: -1} }

// Shows S67.
func TestGCRemovesTheLeastRecentlyUsed(t *testing.T) {
	const all = "abcdefghij"
	limit := func(n int64) *Limits { return &Limits{MaxBytes: n, MinFree: -1} }
	tests := map[string]struct {
		policy Policy
		pinned string
		want   string
		reason Reason
	}{
		"nothing":                      {Policy{}, "", all, ""},
		"at the limit":                 {Policy{Limits: limit(10_000)}, "", all, ""},
		"over it, to the low mark":     {Policy{Limits: limit(9_999)}, "", "defghij", ReasonQuota},
		"pinned ones are passed over":  {Policy{Limits: limit(9_999)}, "ac", "acfghij", ReasonQuota},
		"all are pinned":               {Policy{Limits: limit(1)}, all, all, ""},
		"too old":                      {Policy{MaxAge: 60 * time.Hour}, "", "hij", ReasonUnused},
		"too old but pinned":           {Policy{MaxAge: 60 * time.Hour}, "b", "bhij", ReasonUnused},
		"too old, that is enough":      {Policy{MaxAge: 60 * time.Hour, Limits: limit(9_999)}, "", "hij", ReasonUnused},
		"the disk is full":             {Policy{Limits: &Limits{MaxBytes: -1, MinFree: 1 << 60}}, "j", "j", ReasonDisk},
		"a dry run":                    {Policy{Limits: limit(1), DryRun: true}, "", all, ReasonQuota},
		"no limit is not a limit of 0": {Policy{Limits: limit(-1)}, "", all, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, _ := aged(t, noLimit(), all)
			var pins []string
			for _, l := range tt.pinned {
				pins = append(pins, letter(l))
			}
			release, err := s.Pin(t.Context(), "build", digestsOf(pins...))
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.GC(t.Context(), tt.policy)
			if err != nil {
				t.Fatal(err)
			}
			if got := kept(t, s, all); got != tt.want {
				t.Errorf("kept %q, want %q", got, tt.want)
			}
			if r.Before != 10_000 || r.Freed != int64(1000*len(r.Removed)) {
				t.Errorf("before %d, freed %d, removed %d", r.Before, r.Freed, len(r.Removed))
			}
			if !tt.policy.DryRun && len(r.Removed) != len(all)-len(tt.want) {
				t.Errorf("%d are said to be removed", len(r.Removed))
			}
			for _, one := range r.Removed {
				if one.Reason != tt.reason {
					t.Errorf("removed %s because %q, want %q", one.Name, one.Reason, tt.reason)
				}
			}
			if err := release(); err != nil {
				t.Error(err)
			}
			wantNothingUnderWay(t, s)
		})
	}
}

func TestReadingABlobKeepsIt(t *testing.T) {
	s, clock := aged(t, noLimit(), "abc")
	clock.advance(time.Minute)
	f, _, err := s.Get(sha256Of(letter('a')))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := s.GC(t.Context(), Policy{Limits: &Limits{MaxBytes: 2999, MinFree: -1}}); err != nil {
		t.Fatal(err)
	}
	if got := kept(t, s, "abc"); got != "ac" {
		t.Errorf("kept %q, want ac", got)
	}
}

func TestABlobUsedSinceItWasListedStays(t *testing.T) {
	s, clock := aged(t, noLimit(), "a")
	list, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	clock.advance(2 * touchEvery)
	f, _, err := s.Get(list[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	c := collector{s: s, now: clock.t}
	if ok, err := c.removeBlob(victim{list[0], ReasonQuota}); ok || err != nil {
		t.Errorf("removed: %v, %v", ok, err)
	}
	if got := kept(t, s, "a"); got != "a" {
		t.Error("it is gone")
	}
}

func TestTheLastUseIsNotedAtMostHourly(t *testing.T) {
	s, clock := aged(t, noLimit(), "a")
	d := sha256Of(letter('a'))
	use := func() time.Time {
		f, _, err := s.Get(d)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fi, err := os.Stat(s.path(blobPath(d)))
		if err != nil {
			t.Fatal(err)
		}
		return fi.ModTime()
	}
	first := use()
	clock.advance(59 * time.Minute)
	if got := use(); !got.Equal(first) {
		t.Errorf("noted within the hour")
	}
	clock.advance(2 * time.Minute)
	if got := use(); !got.Equal(clock.t) {
		t.Errorf("last use is %v, want %v", got, clock.t)
	}
	clock.advance(-48 * time.Hour)
	if got := use(); !got.Equal(clock.t) {
		t.Errorf("a last use in the future stays")
	}
}

func TestGCRemovesLeftovers(t *testing.T) {
	s, clock := aged(t, noLimit(), "a")
	plant := func(name string, age time.Duration) {
		t.Helper()
		if err := os.MkdirAll(s.path(name+"/.."), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.path(name), []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
		when := clock.t.Add(-age)
		if err := os.Chtimes(s.path(name), when, when); err != nil {
			t.Fatal(err)
		}
	}
	day := 24 * time.Hour
	gone, there := sha256Of("gone"), sha256Of(letter('a'))
	old := map[string]time.Duration{
		"partial/sha256-" + gone.Hex():               8 * day,
		"partial/tmp-X":                              2 * time.Hour,
		"quarantine/sha256-" + gone.Hex():            31 * day,
		"locks/sha256-" + sha256Of("dead").Hex():     0,
		"pins/dead":                                  0,
		factsPath(gone):                              181 * day,
		"facts/stray":                                0,
		"alias/sha512/" + shard(sha512Of("x").Hex()): day,
		"alias/stray":                                0,
	}
	young := map[string]time.Duration{
		"partial/sha256-" + sha256Of("y").Hex():    6 * day,
		"partial/sha256-" + sha256Of("held").Hex(): 8 * day,
		"partial/tmp-Y": 0,
		"quarantine/sha256-" + sha256Of("y").Hex():   29 * day,
		factsPath(sha256Of("y")):                     179 * day,
		factsPath(there):                             999 * day,
		"alias/sha512/" + shard(sha512Of("y").Hex()): time.Minute,
	}
	for name, age := range old {
		plant(name, age)
	}
	for name, age := range young {
		plant(name, age)
	}
	unlock, err := again(t, s, Options{}).lock(t.Context(), "sha256-"+sha256Of("held").Hex())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if r, err := s.GC(t.Context(), Policy{DryRun: true}); err != nil || len(r.Removed) == 0 {
		t.Errorf("dry run: %+v, %v", r, err)
	}
	for name := range old {
		if !s.has(name) {
			t.Errorf("the dry run removed %s", name)
		}
	}
	if _, err := s.GC(t.Context(), Policy{}); err != nil {
		t.Fatal(err)
	}
	for name := range old {
		if s.has(name) {
			t.Errorf("%s is left", name)
		}
	}
	for name := range young {
		if !s.has(name) {
			t.Errorf("%s is gone", name)
		}
	}
}

func TestAutoGCRunsDaily(t *testing.T) {
	s, clock := aged(t, noLimit(), "a")
	for _, step := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {time.Hour, false}, {22 * time.Hour, false}, {2 * time.Hour, true}, {0, false}} {
		clock.advance(step.after)
		_, ran, err := s.AutoGC(t.Context())
		if err != nil || ran != step.want {
			t.Errorf("after %v: ran %v, %v, want %v", step.after, ran, err, step.want)
		}
	}
	if _, ran, err := again(t, s, Options{ReadOnly: true}).AutoGC(t.Context()); ran || err != nil {
		t.Errorf("read-only: %v, %v", ran, err)
	}
}

func TestAPutMakesRoomForItself(t *testing.T) {
	s, _ := aged(t, Limits{MaxBytes: 10_000, MinFree: -1}, "abcdefghij")
	mustPut(t, s, letter('k'))
	// Four fifths of 10,000 bytes, the new one counted.
	if got := kept(t, s, "abcdefghijk"); got != "defghijk" {
		t.Errorf("kept %q, want defghijk", got)
	}
	mustPut(t, s, letter('l'))
	if got := kept(t, s, "abcdefghijkl"); got != "defghijkl" {
		t.Errorf("kept %q, want defghijkl", got)
	}
}

// Shows S70.
func TestWhatCanNeverFitRemovesNothing(t *testing.T) {
	s, _ := aged(t, Limits{MaxBytes: 10_000, MinFree: -1}, "abcde")
	_, _, err := s.Put(t.Context(), sha256Of("huge"), 10_001, fillNever(t))
	var full *NoSpaceError
	if !errors.As(err, &full) || !full.Quota || full.Needed != 10_001 || full.Available != 5000 {
		t.Errorf("Put: %v", err)
	}
	if got := kept(t, s, "abcde"); got != "abcde" {
		t.Errorf("kept %q", got)
	}
}

func TestAPutFailsWhenAllIsPinned(t *testing.T) {
	s, clock := aged(t, Limits{MaxBytes: 5500, MinFree: -1}, "abcde")
	release, err := s.Pin(t.Context(), "build", digestsOf(letter('a'), letter('b'), letter('c'), letter('d'), letter('e')))
	if err != nil {
		t.Fatal(err)
	}
	var full *NoSpaceError
	if _, _, err = s.Put(t.Context(), sha256Of(letter('f')), 1000, fillNever(t)); !errors.As(err, &full) {
		t.Errorf("Put: %v, want a *NoSpaceError", err)
	}
	// A content of unknown size is stopped on its way.
	_, _, err = s.Put(t.Context(), sha256Of(letter('f')), SizeUnknown, fillWith(letter('f')))
	if !errors.As(err, &full) {
		t.Errorf("Put: %v, want a *NoSpaceError", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	clock.advance(reevict)
	mustPut(t, s, letter('f'))
	wantNothingUnderWay(t, s)
}

func TestAFileStaysReadableWhenItsBlobIsRemoved(t *testing.T) {
	s, clock := aged(t, noLimit(), "a")
	f, _, err := s.Get(sha256Of(letter('a')))
	if err != nil {
		t.Fatal(err)
	}
	clock.advance(time.Hour)
	if _, err := s.GC(t.Context(), Policy{MaxAge: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(sha256Of(letter('a'))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat: %v", err)
	}
	wantContent(t, f, letter('a'))
}

// Shows S46.
func TestGCLeavesADownloadUnderWay(t *testing.T) {
	s, clock := aged(t, noLimit(), "")
	f, _, err := s.Put(t.Context(), sha256Of("content"), 7, func(ctx context.Context, p *Partial) error {
		io.WriteString(p, "con")
		clock.advance(30 * 24 * time.Hour)
		if r, err := again(t, s, Options{Now: clock.now}).GC(ctx, Policy{}); err != nil || len(r.Removed) > 0 {
			t.Errorf("GC: %+v, %v", r, err)
		}
		return fillWith("content")(ctx, p)
	})
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, f, "content")
}

func TestCleanIsForAStoreThatNobodyUses(t *testing.T) {
	s, err := Open(tempDir(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, "content")
	if err := Clean(s.Dir()); !errors.Is(err, ErrInUse) {
		t.Errorf("Clean: %v, want ErrInUse", err)
	}
	if _, err := s.Stat(sha256Of("content")); err != nil {
		t.Error(err)
	}
	s.Close()
	if err := Clean(s.Dir()); err != nil {
		t.Fatal(err)
	}
	fresh := again(t, s, Options{})
	if blobs, err := fresh.List(t.Context()); len(blobs) > 0 || err != nil {
		t.Errorf("left: %v, %v", blobs, err)
	}
	mustPut(t, fresh, "content")
	if err := Clean(s.Dir() + "/none"); err != nil {
		t.Errorf("Clean of nothing: %v", err)
	}
}

func TestDefaultLimits(t *testing.T) {
	const gib = 1 << 30
	tests := map[string]struct {
		set  Limits
		disk int64
		want Limits
	}{
		"a small disk":           {Limits{}, 100 * gib, Limits{20 * gib, 5 * gib}},
		"a large disk":           {Limits{}, 1000 * gib, Limits{50 * gib, 50 * gib}},
		"set":                    {Limits{gib, 2 * gib}, 100 * gib, Limits{gib, 2 * gib}},
		"none":                   {Limits{-1, -1}, 100 * gib, Limits{-1, -1}},
		"only one of them":       {Limits{MaxBytes: gib}, 100 * gib, Limits{gib, 5 * gib}},
		"a disk of unknown size": {Limits{}, math.MaxInt64, Limits{50 * gib, math.MaxInt64 / 20}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.set.on(disk{total: tt.disk}); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}
