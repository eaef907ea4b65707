package content

import (
	"fmt"
	"testing"
)

// BenchmarkRepodata makes the repodata of 400 packages with headers of 33 KB,
// whose origin costs nothing but processor time.
func BenchmarkRepodata(b *testing.B) {
	w := newRPMWorld(b)
	for i := range 400 {
		name := fmt.Sprintf("package%d", i)
		w.add(name, packed(b, name, 200))
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			w.store = openStore(b)
			w.build().expand()
		}
	})
	b.Run("warm", func(b *testing.B) {
		w.store = openStore(b)
		w.build().expand()
		for b.Loop() {
			w.build().expand()
		}
	})
}
