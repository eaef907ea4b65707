//go:build linux

package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// bigTree has files as an npm lock names them.
func bigTree(b *testing.B, n int) *tree.Tree {
	files := make([]tree.File, n)
	for i := range files {
		name := fmt.Sprintf("package-%06d", i)
		files[i] = tree.File{
			Path: "deps/npm/" + name + "-1.0.0.tgz", Size: tree.SizeUnknown, Digest: digest.FromBytes([]byte(name)),
			URLs: []string{"https://registry.example.org/" + name + "/-/" + name + "-1.0.0.tgz"}, Group: "0", Fits: true, Rank: i,
		}
	}
	t, err := tree.Build([]tree.Input{{Type: "npm", Lock: "package-lock.json"}}, files, nil)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// heap is the number of bytes in use.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkStart is the time from the spec's first byte to Ready, in a process
// that is running already.
func BenchmarkStart(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			t := bigTree(b, n)
			store := b.TempDir()
			b.ReportAllocs()
			held := 0.0
			for b.Loop() {
				b.StopTimer()
				before := heap()
				spec := specFor(b, store)
				var sent bytes.Buffer
				if err := wire.WriteSpec(&sent, spec, t); err != nil {
					b.Fatal(err)
				}
				inR, inW := io.Pipe()
				ready := make(chan wire.Event)
				outR, outW := io.Pipe()
				done := make(chan error)
				b.StartTimer()
				go func() { done <- Run(context.Background(), Options{In: io.MultiReader(&sent, inR), Out: outW}) }()
				go func() {
					_ = wire.ReadEvents(outR, func(ev wire.Event) {
						if ev.Kind == wire.Ready || ev.Kind == wire.Fatal {
							ready <- ev
						}
					})
				}()
				ev := <-ready
				b.StopTimer()
				if ev.Kind != wire.Ready {
					b.Fatal(ev.Text)
				}
				if held == 0 { // later ones find what the first has left
					held = (heap() - before) / float64(n)
				}
				if _, err := io.WriteString(inW, wire.Bye+"\n"); err != nil {
					b.Fatal(err)
				}
				if err := <-done; err != nil {
					b.Fatal(err)
				}
				inW.Close()
				outW.Close()
				b.StartTimer()
			}
			b.ReportMetric(held, "heapbytes/file")
		})
	}
}
