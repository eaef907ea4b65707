//go:build !linux

package materialize

import (
	"errors"
	"io"
	"os"
)

// copyRange gives out the size bytes of in that begin at offset.
func copyRange(out, in *os.File, offset, size int64) error {
	n, err := io.Copy(out, io.NewSectionReader(in, offset, size))
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// link needs a way to name an open file, which only Linux has.
func (w *writer) link(*os.File, string) error { return errors.ErrUnsupported }
