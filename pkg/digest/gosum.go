package digest

import (
	"archive/zip"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// The algorithms behind the "h1:" of a go.sum file: Hash1 of
// golang.org/x/mod/sumdb/dirhash.
const (
	// GoMod is that of a go.mod file.
	GoMod = "gomod"
	// GoZip is that of the files in a module's zip archive.
	GoZip = "gozip"
)

// Bounds of a module's archive. The go command refuses larger ones (MaxZipFile
// of golang.org/x/mod/zip), both packed and unpacked.
const (
	maxGoZip = 500 << 20
	// maxGoZipDirectory bounds what the archive's list of files may occupy: it is
	// held in memory, three times as large.
	maxGoZipDirectory = 64 << 20
)

// ParseH1 reads an "h1:<base64>" of a go.sum file; algo is GoMod or GoZip.
func ParseH1(algo, s string) (Digest, error) {
	value, ok := strings.CutPrefix(s, "h1:")
	if !ok {
		return "", fmt.Errorf("the hash %q is not h1:<base64>", s)
	}
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(raw) != sha256.Size {
		return "", fmt.Errorf("the hash %q is not the base64 of %d bytes", s, sha256.Size)
	}
	return fromRaw(algo, raw), nil
}

// H1 is the digest as a go.sum file spells it, "h1:<base64>"; empty when it is
// neither GoMod's nor GoZip's.
func (d Digest) H1() string {
	if a := d.Algorithm(); a != GoMod && a != GoZip || !d.Valid() {
		return ""
	}
	raw, err := hex.DecodeString(d.Hex())
	if err != nil {
		return ""
	}
	return "h1:" + base64.StdEncoding.EncodeToString(raw)
}

// NeedsFile says that Hash can't compute d's algorithm, because it is not one of
// the bytes in their order: FromFile can.
func (d Digest) NeedsFile() bool { return d.Algorithm() == GoZip }

// FromFile computes the digest of a whole file of the given size, in bytes, in an
// algorithm that NeedsFile. The error says why the file has none (it is no
// archive, it is too large), or is one of r. Hostile files cost bounded memory,
// and time for as many bytes as the go command would unpack.
func FromFile(algo string, r io.ReaderAt, size int64) (Digest, error) {
	if algo != GoZip {
		return "", fmt.Errorf("digest algorithm %q is not one of whole files", algo)
	}
	if size > maxGoZip {
		return "", fmt.Errorf("the module's archive has %d bytes, more than the %d that go accepts", size, maxGoZip)
	}
	limited := &directoryReader{ReaderAt: r, left: maxGoZipDirectory}
	z, err := zip.NewReader(limited, size)
	if err != nil {
		return "", fmt.Errorf("reading the module's archive: %w", err)
	}
	limited.left = -1
	return hashZip(z, maxGoZip)
}

// directoryReader bounds what is read while the archive's directory is.
type directoryReader struct {
	io.ReaderAt
	left int // negative: no bound any more
}

var errLongDirectory = errors.New("the archive's list of files is too long")

func (d *directoryReader) ReadAt(b []byte, off int64) (int, error) {
	if d.left >= 0 {
		if d.left -= len(b); d.left < 0 {
			d.left = 0
			return 0, errLongDirectory
		}
	}
	return d.ReaderAt.ReadAt(b, off)
}

// hashZip is sha256 over a list of the files, sorted by name, each with its own
// sha256. Directories in the archive count too, as files of no bytes. At most left
// bytes are unpacked.
func hashZip(z *zip.Reader, left int64) (Digest, error) {
	slices.SortFunc(z.File, func(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) })
	list, file := sha256.New(), sha256.New()
	for i, f := range z.File {
		if strings.Contains(f.Name, "\n") {
			return "", errors.New("a name in the module's archive holds a line end")
		}
		if i > 0 && f.Name == z.File[i-1].Name {
			// Two readers could see two different files under one name.
			return "", fmt.Errorf("%q is twice in the module's archive", f.Name)
		}
		file.Reset()
		n, err := hashZipped(file, f, left)
		if err != nil {
			return "", fmt.Errorf("reading %q in the module's archive: %w", f.Name, err)
		}
		left -= n
		fmt.Fprintf(list, "%x  %s\n", file.Sum(nil), f.Name)
	}
	return FromHash(GoZip, list), nil
}

// hashZipped unpacks at most left bytes.
func hashZipped(h hash.Hash, f *zip.File, left int64) (int64, error) {
	r, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	n, err := io.Copy(h, io.LimitReader(r, left+1))
	if err == nil && n > left {
		err = errors.New("the archive unpacks to more than go accepts")
	}
	return n, err
}

// goMod hashes a go.mod file: its sha256 stands in a list of one file.
type goMod struct{ hash.Hash }

func newGoMod() hash.Hash { return goMod{sha256.New()} }

// Sum implements hash.Hash.
func (g goMod) Sum(b []byte) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%x  go.mod\n", g.Hash.Sum(nil)))
	return append(b, sum[:]...)
}
