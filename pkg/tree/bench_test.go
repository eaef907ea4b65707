package tree

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// wheels are n files as a lock names them, in no order.
func wheels(n int) []File {
	rnd := rand.New(rand.NewPCG(1, 2))
	files := make([]File, n)
	for i := range files {
		name := fmt.Sprintf("package_%d-%d.0-cp312-cp312-manylinux_2_28_x86_64.whl", i, i%7)
		files[i] = File{
			Path: fmt.Sprintf("deps/pip/%d/%s", i%100, name), Size: int64(i), Digest: digest.FromBytes([]byte(name)),
			URLs:  []string{fmt.Sprintf("https://example.org/packages/%02x/%s", i%256, name)},
			Group: "pip:pylock.toml", Fits: true, Rank: i,
		}
	}
	rnd.Shuffle(n, func(i, j int) { files[i], files[j] = files[j], files[i] })
	return files
}

func forSizes(b *testing.B, run func(*testing.B, *Tree)) {
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			t, err := Build(inputs, wheels(n), nil)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			run(b, t)
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			files := wheels(n)
			for b.Loop() {
				b.StopTimer()
				mine := slices.Clone(files)
				b.StartTimer()
				if _, err := Build(inputs, mine, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWire(b *testing.B) {
	forSizes(b, func(b *testing.B, t *Tree) {
		for b.Loop() {
			var buf bytes.Buffer
			if err := Encode(&buf, t); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(buf.Len())/float64(len(t.Files)), "wirebytes/file")
			if _, err := Decode(&buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkFingerprint(b *testing.B) {
	forSizes(b, func(b *testing.B, t *Tree) {
		for b.Loop() {
			t.Fingerprint()
		}
	})
}

func BenchmarkWalk(b *testing.B) {
	forSizes(b, func(b *testing.B, t *Tree) {
		for b.Loop() {
			for range t.Index().Walk("") {
			}
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	forSizes(b, func(b *testing.B, t *Tree) {
		ix := t.Index()
		for i := 0; b.Loop(); i++ {
			if _, ok := ix.Lookup(t.Files[i%len(t.Files)].Path); !ok {
				b.Fatal("not found")
			}
			ix.Lookup("deps/pip/50/absent")
		}
	})
}
