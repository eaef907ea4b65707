//go:build linux

package mount

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// benchFile measures an agent's reads of one present file with a warm page cache:
// of the file itself, through the mount in both ways, and through the mount while
// a file that was opened too early keeps the inode direct.
func benchFile(b *testing.B, size, chunk, times int) {
	data := strings.Repeat("0123456789abcdef", size/16)
	run := func(b *testing.B, path string) {
		a := newAgent(b)
		a.must("readall", path, chunk, 1)
		b.SetBytes(int64(size * times))
		for b.Loop() {
			a.must("readall", path, chunk, times)
		}
	}
	b.Run("native", func(b *testing.B) {
		src := newFakeSource(b)
		src.deliver("a", data)
		run(b, src.content("a").path)
	})
	for name, mode := range modes() {
		b.Run(name, func(b *testing.B) {
			m := mountTree(b, Options{Passthrough: mode}, files(file("a", data)))
			m.src.deliver("a", data)
			run(b, m.path("a"))
		})
	}
	b.Run("overlay", func(b *testing.B) {
		m := mountTree(b, Options{UnderOverlay: true}, files(file("a", data)))
		m.src.deliver("a", data)
		run(b, filepath.Join(overlayOn(b, m, false), "a"))
	})
	b.Run("direct", func(b *testing.B) {
		m := mountTree(b, Options{}, files(file("a", data)))
		first := newAgent(b)
		first.must("open", m.path("a"))
		m.src.deliver("a", data)
		run(b, m.path("a"))
	})
}

func BenchmarkSequentialRead(b *testing.B) { benchFile(b, 256<<20, 1<<20, 1) }

func BenchmarkOpenReadClose(b *testing.B) { benchFile(b, 8<<10, 64<<10, 100) }

// BenchmarkFind lists 20,000 files in 20 directories that no program has looked at yet.
func BenchmarkFind(b *testing.B) {
	tr := large(20000)
	for _, overlay := range []bool{false, true} {
		for _, test := range []string{"-type f", "-size +1000"} {
			b.Run(fmt.Sprintf("overlay=%v/find %s", overlay, test), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					m := mountTree(b, Options{UnderOverlay: overlay}, tr)
					dir := m.dir
					if overlay {
						dir = overlayOn(b, m, false)
					}
					b.StartTimer()
					if out, err := exec.Command("sh", "-c", "find "+dir+" "+test).CombinedOutput(); err != nil {
						b.Fatalf("%v: %s", err, out)
					}
					b.StopTimer()
					if overlay {
						if err := UnmountOverlay(dir); err != nil {
							b.Fatal(err)
						}
					}
					if err := m.Unmount(); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
			})
		}
	}
}

// BenchmarkTable makes the nodes of 20,000 files, the part of Start that grows with the tree.
func BenchmarkTable(b *testing.B) {
	tr := large(20000)
	for b.Loop() {
		if _, err := newTable(tr); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadBesideWaiters reads a file that is there while no program waits for
// others, and while 99 do. The kernel's requests for those have places of their
// own (maxBackground): with 64, this file would be read page by page.
func BenchmarkReadBesideWaiters(b *testing.B) {
	const size = 16 << 20
	data := strings.Repeat("0123456789abcdef", size/16)
	for _, waiting := range []int{0, 99} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				b.StopTimer()
				m := mountTree(b, Options{Passthrough: PassthroughOff}, files(append(lateFiles(waiting), file("present", data))...))
				m.src.deliver("present", data)
				end := m.waiters(b, waiting)
				a := newAgent(b)
				b.StartTimer()
				a.must("readall", m.path("present"), 128<<10, 1)
				b.StopTimer()
				end()
				if err := m.Unmount(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
