package content

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/lazybuild/lazybuild/pkg/fetch"
)

// kindYarnZip is the recipe of an archive of yarn 4: Args["prefix"] is the
// package's directory in it, Args["sha512"] what the lock says of the archive in
// hex, empty where it says nothing.
const kindYarnZip = "yarn-zip"

// fromYarn makes an archive. Nobody vouches for the tarball; the lock's checksum
// is the archive's, and what does not match it is not kept.
func (d *download) fromYarn(ctx context.Context, w io.Writer) error {
	r := d.file.Make
	if r.From == nil || len(r.From.URLs) == 0 {
		return fmt.Errorf("the recipe %q names no tarball", r.Kind)
	}
	dir, remove, err := d.src.scratchDir()
	if err != nil {
		return err
	}
	defer remove()
	f, err := os.Create(filepath.Join(dir, "package.tgz"))
	if err != nil {
		return fmt.Errorf("making a scratch file: %w", err)
	}
	defer f.Close()
	to := &scratchFile{File: f, d: d}
	c, err := d.src.client()
	if err != nil {
		return err
	}
	if _, err := c.Get(ctx, fetch.Request{URLs: r.From.URLs, Size: -1, MaxBytes: maxYarnPackage, Ticket: d.ticket}, to); err != nil {
		return err
	}
	sum := sha512.New()
	if err := writeYarnZip(ctx, f, io.MultiWriter(w, sum), r.Args["prefix"]); err != nil {
		return err
	}
	want, got := r.Args["sha512"], hex.EncodeToString(sum.Sum(nil))
	if want != "" && want != got {
		return fmt.Errorf("the archive of %s has the sha512 %s, and not the lock's %s: either the registry has another package, or yarn makes it in another way",
			fetch.Redact(r.From.URLs[0]), got, want)
	}
	return nil
}

// scratchFile is a download that nobody keeps.
type scratchFile struct {
	*os.File
	d *download
	n int64
}

var _ fetch.Sink = (*scratchFile)(nil)

// Write implements fetch.Sink.
func (s *scratchFile) Write(b []byte) (int, error) {
	n, err := s.File.Write(b)
	s.n += int64(n)
	s.d.bytes.Add(int64(n))
	s.d.src.stats.arrived(n)
	return n, err
}

// Offset implements fetch.Sink.
func (s *scratchFile) Offset() int64 { return s.n }

// Reset implements fetch.Sink.
func (s *scratchFile) Reset() error {
	s.n = 0
	if _, err := s.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return s.Truncate(0)
}

// SetSize implements fetch.Sink.
func (s *scratchFile) SetSize(int64) error { return nil }
