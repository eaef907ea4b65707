package store_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/store"
)

// A content is made by the first who asks for it, and found by all others.
func Example() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(dir, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	content := "hello, world"
	want := digest.FromBytes([]byte(content))
	for range 2 {
		f, info, err := s.Put(context.Background(), want, int64(len(content)), func(_ context.Context, p *store.Partial) error {
			fmt.Println("downloading from byte", p.Offset())
			_, err := io.Copy(p, strings.NewReader(content[p.Offset():]))
			return err
		})
		if err != nil {
			log.Fatal(err)
		}
		data, err := io.ReadAll(f)
		if err != nil {
			log.Fatal(err)
		}
		f.Close()
		fmt.Printf("%s (%d bytes)\n", data, info.Size)
	}
	// Output:
	// downloading from byte 0
	// hello, world (12 bytes)
	// hello, world (12 bytes)
}
