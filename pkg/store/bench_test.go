package store

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

func openBench(b *testing.B) *Store {
	b.Helper()
	s, err := Open(b.TempDir(), Options{Limits: Limits{MinFree: -1}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

func BenchmarkGet(b *testing.B) {
	s := openBench(b)
	f, _, err := s.Put(b.Context(), sha512Of("content"), SizeUnknown, fillWith("content"))
	if err != nil {
		b.Fatal(err)
	}
	f.Close()
	for name, d := range map[string]digest.Digest{"sha256": sha256Of("content"), "sha512": sha512Of("content")} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f, _, err := s.Get(d)
				if err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		})
	}
	b.Run("absent", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := s.Get(sha256Of("absent")); err == nil {
				b.Fatal("found")
			}
		}
	})
	b.Run("Size", func(b *testing.B) {
		for b.Loop() {
			s.Size(sha512Of("content"))
		}
	})
}

// BenchmarkPutSmall is the cost of one more file: locks, fsyncs, facts.
func BenchmarkPutSmall(b *testing.B) {
	s := openBench(b)
	for i := 0; b.Loop(); i++ {
		content := fmt.Sprint(i)
		f, _, err := s.Put(b.Context(), sha256Of(content), int64(len(content)), fillWith(content))
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

// BenchmarkPutLarge is the throughput of one writer: hashing and the disk.
func BenchmarkPutLarge(b *testing.B) {
	const size = 256 << 20
	block := make([]byte, 128<<10)
	for _, kind := range []string{"sha256", "sha512"} {
		b.Run(kind, func(b *testing.B) {
			b.SetBytes(size)
			for i := 0; b.Loop(); i++ {
				s := openBench(b)
				copy(block, fmt.Sprint(kind, i))
				h := digest.Digest(kind + ":").Hash()
				b.StopTimer()
				for range size / len(block) {
					h.Write(block)
				}
				want := digest.FromHash(kind, h)
				b.StartTimer()
				f, _, err := s.Put(b.Context(), want, size, func(_ context.Context, p *Partial) error {
					for range size / len(block) {
						if _, err := p.Write(block); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, io.LimitReader(f, 1))
				f.Close()
				b.StopTimer()
				os.RemoveAll(s.Dir()) // or many rounds would fill the disk
				b.StartTimer()
			}
		})
	}
}
