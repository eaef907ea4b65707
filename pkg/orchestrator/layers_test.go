package orchestrator

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// layerBuild is one of several builds whose Containerfiles stay as they are.
type layerBuild struct {
	fingerprint string
	at          int // seconds
	ends        bool
	since       int // -1: no layer may come from the cache
}

func TestLayersOfOtherDependenciesAreNotTaken(t *testing.T) {
	for name, builds := range map[string][]layerBuild{
		"the first": {{"a", 1, true, -1}},
		"the same again, from the first on": {
			{"a", 1, true, -1}, {"a", 5, true, 1}, {"a", 9, true, 1},
		},
		"another, and back": {
			{"a", 1, true, -1}, {"b", 2, true, -1}, {"b", 3, true, 2}, {"a", 4, true, -1}, {"a", 5, true, 4},
		},
		"the same at once": {
			{"a", 1, true, -1}, {"a", 2, false, 1}, {"a", 3, false, 1},
		},
		"different ones at once": {
			{"a", 1, false, -1}, {"b", 2, false, -1}, {"a", 3, false, -1}, {"b", 4, false, -1},
		},
		// While b builds, nobody knows whose a layer is; so nobody may note a time.
		"after different ones at once": {
			{"a", 1, true, -1}, {"b", 2, false, -1}, {"a", 3, true, -1}, {"a", 4, true, -1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "layers.json")
			for i, b := range builds {
				since, lock, err := claimLayers(t.Context(), path, b.fingerprint, time.Unix(int64(b.at), 0))
				if err != nil {
					t.Fatal(err)
				}
				got := -1
				if !since.IsZero() {
					got = int(since.Unix())
				}
				if got != b.since {
					t.Errorf("build %d: layers since %d, want %d", i, got, b.since)
				}
				if b.ends {
					_ = lock.Unlock()
				} else {
					defer lock.Unlock()
				}
			}
		})
	}
}

func TestADamagedRecordOfLayersIsNone(t *testing.T) {
	path := writeFile(t, filepath.Join(t.TempDir(), "layers.json"), `{"fingerprint":`)
	since, lock, err := claimLayers(t.Context(), path, "a", time.Unix(1, 0))
	if err != nil || !since.IsZero() {
		t.Fatal(since, err)
	}
	_ = lock.Unlock()
}

func TestTheCommandLineWithAContainerfileThatStays(t *testing.T) {
	store, clock := t.TempDir(), time.Unix(1, 0)
	for _, tt := range []struct{ words, want, says string }{
		{"https://example.org/x.git", "--no-cache", "not those of the last"},
		{"https://example.org/x.git", "--cache-ttl=10s", "only layers made since"},
		{"-f x --cache-ttl 1h https://example.org/x.git", "--cache-ttl=20s", "only layers made since"},
		{"--cache-ttl 1s https://example.org/x.git", "", ""},
		{"--no-cache https://example.org/x.git", "", ""},
		{"--layers=false https://example.org/x.git", "", ""},
		{"--cache-from example.org/y https://example.org/x.git", "--no-cache", "of another machine"},
	} {
		var said strings.Builder
		b := testBuild(t, tt.words)
		b.o.Target = &Target{Opaque: "the build context is no local directory"}
		b.o.Store, b.o.UI = store, NewUI(&said, false, false)
		b.o.Now = func() time.Time { return clock }
		args, err := b.arguments(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = b.layers.Unlock()
		clock = clock.Add(10 * time.Second)
		want := strings.TrimSuffix("build "+strings.TrimSuffix(tt.words, "https://example.org/x.git")+tt.want, " ") +
			" " + ourVolumes + " https://example.org/x.git"
		got := strings.ReplaceAll(strings.Join(args, " "), string(testID), "ID")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%s", tt.words, d)
		}
		if !strings.Contains(said.String(), tt.says) || !strings.Contains(said.String(), "cachi2.env alone") {
			t.Errorf("%s: said %q", tt.words, said.String())
		}
	}
}
