package git

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// BenchmarkArchive is fetch and archive of a repository of 2,000 files, from a
// server on this machine.
func BenchmarkArchive(b *testing.B) {
	w := newWorld(b)
	files := map[string]string{}
	for i := range 2000 {
		files[fmt.Sprintf("dir%d/file%d.txt", i%40, i)] = strings.Repeat(fmt.Sprintf("line %d of many\n", i), 500)
	}
	commit := w.repo("app", files)
	b.ReportAllocs()
	for b.Loop() {
		c, err := Fetch(context.Background(), []string{w.url("app")}, commit, w.options())
		if err != nil {
			b.Fatal(err)
		}
		n := &countingWriter{}
		if err := c.WriteArchive(context.Background(), n, Archive{Prefix: "app"}); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(n.n)
		c.Close()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapSys)/1e6, "MB-heap")
}

type countingWriter struct{ n int64 }

func (c *countingWriter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}
