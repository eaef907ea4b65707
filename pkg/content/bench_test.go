package content

import "testing"

// BenchmarkOpen is what an open of a file costs that the store has.
func BenchmarkOpen(b *testing.B) {
	o := newOrigin(b)
	s := newTestSource(b, treeOf(b, o.file("a", "content")))
	f := &s.tree.Files[0]
	first := s.Open(f)
	if _, err := first.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
	first.Close()
	<-s.Settled()
	for b.Loop() {
		blob := s.Open(f)
		if blob.Ready() == nil {
			b.Fatal("it is not there")
		}
		blob.Close()
	}
}
