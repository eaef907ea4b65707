package mount

import (
	"context"
	"os"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Source gives the mount the content of its files. pkg/proxy implements it
// with the store and the downloader. All methods are safe for concurrent use.
type Source interface {
	// Size says how long the file is without waiting and without the network:
	// from the lock, or from what the store remembers. false when nobody knows.
	Size(f *tree.File) (int64, bool)
	// Open announces that a program has opened the file: content that is not
	// there starts to be downloaded. Open itself never blocks. The caller must
	// Close the Blob.
	Open(f *tree.File) Blob
	// Expand returns the files of a generated directory, with paths below the
	// directory. It may block (it fetches RPM headers, say); concurrent calls
	// for one directory share the work. The context is the caller's interest only.
	Expand(ctx context.Context, d *tree.Dir) ([]tree.File, error)
}

// Blob is one open of one file.
type Blob interface {
	// Ready returns the content's file if it is there now, else nil. The
	// *os.File belongs to the Blob and is valid until Close.
	Ready() *os.File
	// Wait blocks until the whole file is there and verified, or the download
	// has failed for good, or ctx is done (which never stops a shared
	// download). The error is an errno where the reader should see that one
	// (syscall.ENOSPC), otherwise EIO is what the reader gets.
	Wait(ctx context.Context) (*os.File, error)
	// Size blocks until the length is known, which may be long before the
	// content is there (the origin has stated it), or the download has failed.
	Size(ctx context.Context) (int64, error)
	// Close ends the interest. It does not stop the download.
	Close()
}
