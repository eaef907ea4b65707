package rpm

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
)

// chunkSize is how much of a stream is read at once, in bytes.
const chunkSize = 256 << 10

// maxChunk bounds what one package may take in a metadata file, in bytes.
const maxChunk = 64 << 20

var (
	packageStart = []byte("<package ")
	packageEnd   = []byte("</package>")
)

// eachPackage calls use with each package element of a metadata file, from its
// start tag to its end tag, as it stands there. Most packages of a repository
// are of no interest, so that nothing within them is looked at here. The bytes
// are valid during the call only.
func eachPackage(r io.Reader, use func(element []byte) error) error {
	w := window{r: r}
	for {
		start := w.find(packageStart, 0)
		if start < 0 {
			return w.err()
		}
		w.drop(start)
		end := w.find(packageEnd, 0)
		if end < 0 {
			return cmp.Or(w.err(), fmt.Errorf("%w: it ends within a package", errMarkup))
		}
		end += len(packageEnd)
		if err := use(w.have[:end]); err != nil {
			return err
		}
		w.drop(end)
	}
}

// window is the part of a stream that is looked at.
type window struct {
	r      io.Reader
	room   []byte // what have is a part of
	have   []byte
	failed error
}

func (w *window) drop(n int) { w.have = w.have[n:] }

// find looks for a text and reads on until it is there; -1 when it never is.
func (w *window) find(text []byte, from int) int {
	for {
		if at := bytes.Index(w.have[from:], text); at >= 0 {
			return from + at
		}
		from = max(0, len(w.have)-len(text)+1)
		if !w.more() {
			return -1
		}
	}
}

// more reads on.
func (w *window) more() bool {
	switch {
	case w.failed != nil:
		return false
	case len(w.have) > maxChunk:
		w.failed = fmt.Errorf("%w: a package has more than %d bytes", errMarkup, maxChunk)
		return false
	case len(w.have) >= len(w.room)/2:
		w.room = make([]byte, 2*len(w.room)+chunkSize)
	}
	kept := copy(w.room, w.have)
	n, err := io.ReadAtLeast(w.r, w.room[kept:], 1)
	w.have, w.failed = w.room[:kept+n], err
	return n > 0
}

// err is why the stream has ended, if that is not its end.
func (w *window) err() error {
	if errors.Is(w.failed, io.EOF) {
		return nil
	}
	return w.failed
}
