package content

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// kindCrate is the recipe of an unpacked .crate file: Args["package"] is the
// directory in the archive, "<name>-<version>".
const kindCrate = "crate"

// Bounds of a crate. Cargo's own are 512 MiB, or twenty times the archive where
// that is more; no crate has nearly as many files.
const (
	maxCrate      = 512 << 20
	maxCrateRatio = 20
	maxCrateFiles = 100_000
)

// crateMaker unpacks a crate as `cargo vendor` leaves it: without what git and
// cargo themselves keep in a package's root, and with a list of checksums.
func crateMaker() maker {
	return maker{download: true, make: func(ctx context.Context, r *tree.Recipe, from *os.File, w io.Writer) error {
		info, err := from.Stat()
		if err != nil {
			return err
		}
		return makeCrate(ctx, r, from, w, max(maxCrate, maxCrateRatio*info.Size()))
	}}
}

// makeCrate unpacks at most limit bytes.
func makeCrate(ctx context.Context, r *tree.Recipe, from *os.File, w io.Writer, limit int64) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, section(from)); err != nil {
		return err
	}
	unzip, err := gzip.NewReader(section(from))
	if err != nil {
		return fmt.Errorf("the crate is no gzip archive: %w", err)
	}
	unzip.Multistream(false) // cargo too reads the first part alone
	c := crate{
		prefix: r.Args["package"] + "/", sums: map[string]string{}, dirs: map[string]bool{},
		in:  tar.NewReader(&boundedReader{r: unzip, left: limit}),
		out: tar.NewWriter(w),
	}
	if err := c.unpack(ctx); err != nil {
		return err
	}
	if len(c.sums) == 0 {
		return errors.New("the crate holds no files")
	}
	list := checksumList(c.sums, hex.EncodeToString(sum.Sum(nil)))
	if err := c.out.WriteHeader(crateHeader(checksumFile, 0o644, int64(len(list)))); err != nil {
		return err
	}
	if _, err := io.WriteString(c.out, list); err != nil {
		return err
	}
	return c.out.Close()
}

// section reads a file from its start; others may be reading it too.
func section(f *os.File) io.Reader { return io.NewSectionReader(f, 0, math.MaxInt64) }

// boundedReader fails where more comes than may.
type boundedReader struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errors.New("the archive unpacks to more than it may")
	}
	return n, err
}

// crate is one archive on its way from one form into the other.
type crate struct {
	prefix string
	in     *tar.Reader
	out    *tar.Writer
	sums   map[string]string // of the files, by name
	dirs   map[string]bool   // that files are in
}

func (c *crate) unpack(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := c.in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the crate: %w", err)
		}
		switch h.Typeflag {
		case tar.TypeReg:
			if err := c.file(h); err != nil {
				return fmt.Errorf("unpacking %q from the crate: %w", h.Name, err)
			}
		case tar.TypeDir, tar.TypeXGlobalHeader: // files bring their directories
		default:
			// Cargo packs files; a link could only lead somewhere else.
			return fmt.Errorf("the crate holds %q, which is neither file nor directory", h.Name)
		}
	}
}

func (c *crate) file(h *tar.Header) error {
	name, ok := strings.CutPrefix(h.Name, c.prefix)
	if !ok {
		return fmt.Errorf("it is not below %q", c.prefix)
	}
	if err := c.admit(name); err != nil {
		return err
	}
	switch name {
	case ".cargo-ok", ".gitattributes", ".gitignore", checksumFile:
		return nil
	}
	if err := c.out.WriteHeader(crateHeader(name, h.Mode, h.Size)); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(c.out, sum), c.in); err != nil {
		return err
	}
	c.sums[name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// admit refuses names that lead out of the directory, and a second content for
// one name.
func (c *crate) admit(name string) error {
	if err := tree.CheckPath(name); err != nil {
		return err
	}
	if len(c.sums) >= maxCrateFiles {
		return fmt.Errorf("the crate holds more than %d files", maxCrateFiles)
	}
	if _, twice := c.sums[name]; twice || c.dirs[name] {
		return errors.New("the name is there twice")
	}
	for dir := path.Dir(name); dir != "." && !c.dirs[dir]; dir = path.Dir(dir) {
		if _, file := c.sums[dir]; file {
			return fmt.Errorf("%q is a file, not a directory", dir)
		}
		c.dirs[dir] = true
	}
	return nil
}

// crateHeader has nothing that could differ from one making to the next.
func crateHeader(name string, mode, size int64) *tar.Header {
	perm := int64(0o644)
	if mode&0o111 != 0 {
		perm = 0o755
	}
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: perm, Size: size}
}

// checksumFile is what cargo holds the files of a directory source against.
const checksumFile = ".cargo-checksum.json"

// checksumList is the content of checksumFile, byte for byte as cargo writes it:
// no white space, keys in the order of their bytes.
func checksumList(sums map[string]string, archive string) string {
	var b strings.Builder
	b.WriteString(`{"files":{`)
	for i, name := range slices.Sorted(maps.Keys(sums)) {
		if i > 0 {
			b.WriteByte(',')
		}
		// Of what JSON escapes, CheckPath lets only the quotation mark through.
		b.WriteString(`"` + strings.ReplaceAll(name, `"`, `\"`) + `":"` + sums[name] + `"`)
	}
	b.WriteString(`},"package":"` + archive + `"}`)
	return b.String()
}
