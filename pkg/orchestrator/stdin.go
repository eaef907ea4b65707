package orchestrator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/lazybuild/lazybuild/pkg/orchestrator/containerfile"
)

// readStdin looks at a build context that comes from stdin. A Containerfile
// becomes one that can be rewritten; of an archive nothing is lost.
func (b *build) readStdin() error {
	o := &b.o
	text, rest, err := takeStdin(o.Stdio.In)
	if err != nil {
		return err
	}
	if o.Stdio.In = rest; rest == nil {
		o.Target.Opaque = ""
		o.Target.Files = []Containerfile{{Name: "standard input", Data: text}}
	}
	return nil
}

// takeStdin reads a context from in as far as it has to: podman takes an
// archive for one, and anything else for a Containerfile. It returns the
// Containerfile, or else a file that gives all that was in in.
func takeStdin(in *os.File) (text []byte, rest *os.File, err error) {
	head := make([]byte, 512) // a block of a tar archive
	n, err := io.ReadFull(in, head)
	if head = head[:n]; err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, fmt.Errorf("reading the build context: %w", err)
	}
	if !isArchive(head) {
		if text, err = io.ReadAll(in); err != nil {
			return nil, nil, fmt.Errorf("reading the build context: %w", err)
		}
		head = append(head, text...)
		if stages, err := containerfile.Parse("standard input", head); err == nil && len(stages) > 0 {
			return head, nil, nil
		}
		// Let podman say what is wrong with it.
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	go func() {
		// Ends with in, or when podman does not want more of it.
		_, _ = io.Copy(w, io.MultiReader(bytes.NewReader(head), in))
		_ = w.Close()
	}()
	return nil, r, nil
}

// isArchive says whether a stream that begins with head is one that podman
// unpacks. A tar header has zeros in every field, compressed files begin with
// their format's mark.
func isArchive(head []byte) bool {
	for _, mark := range []string{"\x1f\x8b", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(head, []byte(mark)) {
			return true
		}
	}
	return bytes.IndexByte(head, 0) >= 0
}
