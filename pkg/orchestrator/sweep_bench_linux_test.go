package orchestrator

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkSweep cleans up after one dead build, with two mounts on top of each
// other, as a lost proxy leaves them. podman is a program that does nothing: how
// long the real one takes to start is not ours.
func BenchmarkSweep(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root to mount")
	}
	base := b.TempDir()
	storage := filepath.Join(base, "storage")
	s := State{
		ID: testID, Podman: "/bin/true", Storage: storage, Place: rootful,
		Dir: filepath.Join(base, string(testID)), Scratch: filepath.Join(base, "scratch", string(testID)), Tmp: filepath.Join(base, testID.container()),
	}
	for b.Loop() {
		b.StopTimer()
		f, err := createState(base, s)
		if err != nil {
			b.Fatal(err)
		}
		output := filepath.Join(s.Dir, "output")
		for _, dir := range []string{output, s.Scratch, s.Tmp} {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				b.Fatal(err)
			}
		}
		for range 2 {
			if err := unix.Mount("tmpfs", output, "tmpfs", 0, ""); err != nil {
				b.Fatal(err)
			}
		}
		_ = f.lock.Unlock()
		b.StartTimer()
		if err := Sweep(b.Context(), base); err != nil {
			b.Fatal(err)
		}
	}
}
