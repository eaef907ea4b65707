package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// copyFile is for file:// URLs: the same promises without the network.
func (d *download) copyFile(ctx context.Context) error {
	f, size, err := openRegular(d.tg.url.Path)
	if err != nil {
		return permanent(err)
	}
	defer f.Close()
	if err := d.checkLength(size); err != nil {
		return err
	}
	if d.sink.Offset() > size {
		if err := d.reset(); err != nil {
			return err
		}
	}
	if err := d.state(size); err != nil {
		return err
	}
	d.result.URL = d.tg.redacted
	// A file that grows meanwhile must not exceed the length just checked.
	return d.copyFrom(ctx, io.NewSectionReader(f, d.sink.Offset(), size-d.sink.Offset()))
}

func (d *download) copyFrom(ctx context.Context, r io.Reader) error {
	buf := d.c.buffers.Get().(*[]byte)
	defer d.c.buffers.Put(buf)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, rerr := io.ReadFull(r, *buf)
		if n > 0 {
			if _, err := d.sink.Write((*buf)[:n]); err != nil {
				return local("storing the file", err)
			}
		}
		switch rerr {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return rerr
		}
	}
}

// openRegular opens a file whose reading can't block for ever, as a pipe's can.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(path)
	}
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err // the path is in the URL
		}
		return nil, 0, fmt.Errorf("opening the file: %w", err)
	}
	return f, info.Size(), nil
}
