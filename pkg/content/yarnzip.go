package content

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of a package for yarn. The largest on a registry have a tenth of that.
const (
	maxYarnPackage = 1 << 30
	maxYarnFiles   = 60_000 // a zip without extensions counts in 16 bits
)

// yarnZip writes the archive that yarn 4 makes of a package: the files of the
// registry's tarball below node_modules/<name>, in the tarball's order, stored
// without compression, each directory in front of the first file in it, and one
// time for all (APPNOTE.TXT of the zip format; what yarn's libzip writes). That
// it is the same to the byte is what the lock's checksum tells.
type yarnZip struct {
	w       io.Writer
	prefix  string
	offset  int64
	central bytes.Buffer
	entries int
	seen    map[string]bool
	// files are all of the tarball. Of one that is there several times the last
	// counts, in the place of the first.
	files map[string]*yarnFile
	// later holds the data of those, in a file that has no name any more.
	later *os.File
}

// yarnFile is what stands in front of a file's data in the archive.
type yarnFile struct {
	mode   uint32
	sum    uint32 // CRC-32
	size   int64
	at     int64 // in later
	copies int   // in the tarball
}

// writeYarnZip reads a tarball, compressed by gzip, from the start of a file, and
// writes the archive. prefix is the directory of the package:
// "node_modules/@scope/name". No file's data is held in memory: a package is
// somebody else's choice.
func writeYarnZip(ctx context.Context, tgz *os.File, w io.Writer, prefix string) error {
	z := yarnZip{w: w, prefix: prefix, seen: map[string]bool{}, files: map[string]*yarnFile{}}
	// Two rounds: the checksum comes before the data, and what is there twice is
	// known only at the end.
	err := z.each(ctx, tgz, func(name string, h *tar.Header, in io.Reader) error { return z.look(tgz, name, h, in) })
	if z.later != nil {
		defer z.later.Close()
	}
	if err == nil {
		err = z.each(ctx, tgz, z.add)
	}
	if err != nil {
		return err
	}
	if z.entries == 0 {
		return errors.New("the package holds no files")
	}
	return z.end()
}

// look is the first round: it sums a file up.
func (z *yarnZip) look(tgz *os.File, name string, h *tar.Header, in io.Reader) (err error) {
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	f := z.files[name]
	if f == nil {
		if len(z.files) >= maxYarnFiles {
			return errTooMany
		}
		f = &yarnFile{}
		z.files[name] = f
	}
	to := io.Discard
	if f.copies++; f.copies > 1 {
		if z.later == nil {
			if z.later, err = unnamedBeside(tgz); err != nil {
				return err
			}
		}
		if f.at, err = z.later.Seek(0, io.SeekEnd); err != nil {
			return err
		}
		to = z.later
	}
	sum := crc32.NewIEEE()
	if f.size, err = io.Copy(io.MultiWriter(sum, to), in); err != nil {
		return err
	}
	f.sum, f.mode = sum.Sum32(), 0o100644
	if h.Mode&0o111 != 0 {
		f.mode = 0o100755
	}
	return nil
}

// unnamedBeside makes a scratch file in the directory of another one.
func unnamedBeside(other *os.File) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(other.Name()), "again-")
	if err != nil {
		return nil, fmt.Errorf("making a scratch file: %w", err)
	}
	return f, os.Remove(f.Name())
}

// each calls f with every entry of the tarball that yarn takes, by its name in
// the archive.
func (z *yarnZip) each(ctx context.Context, tgz *os.File, f func(name string, h *tar.Header, in io.Reader) error) error {
	unzip, err := gzip.NewReader(section(tgz))
	if err != nil {
		return fmt.Errorf("the package is no gzip archive: %w", err)
	}
	in := tar.NewReader(&boundedReader{r: unzip, left: maxYarnPackage})
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the package: %w", err)
		}
		name, ok := z.place(h.Name)
		if !ok || h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := f(name, h, in); err != nil {
			return fmt.Errorf("packing %q: %w", h.Name, err)
		}
	}
}

// place is where an entry of the tarball stands in the archive. What would leave
// the package, and what stands beside its one directory, yarn passes over; that
// directory's name does not count.
func (z *yarnZip) place(name string) (string, bool) {
	parts := strings.Split(name, "/")
	if len(parts) < 2 || parts[0] == "" || slices.Contains(parts, "..") {
		return "", false
	}
	_, rest, ok := strings.Cut(path.Clean(name), "/")
	return z.prefix + "/" + rest, ok
}

// add takes over one entry of the tarball.
func (z *yarnZip) add(name string, h *tar.Header, in io.Reader) error {
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeDir:
		return z.directories(name)
	default:
		return errors.New("it is neither file nor directory")
	}
	if z.seen[name] {
		return nil
	}
	z.seen[name] = true
	f := z.files[name]
	if f == nil {
		return errors.New("the package is not what it was a moment ago")
	}
	if f.copies > 1 {
		in = io.NewSectionReader(z.later, f.at, f.size)
	}
	if err := z.directories(path.Dir(name)); err != nil {
		return err
	}
	return z.entry(name, 10, f, in)
}

// directories writes the entries of a directory and of those above it.
func (z *yarnZip) directories(dir string) error {
	for i, c := range dir + "/" {
		if c != '/' || z.seen[dir[:i]] {
			continue
		}
		z.seen[dir[:i]] = true
		if err := z.entry(dir[:i]+"/", 20, &yarnFile{mode: 0o40755}, nil); err != nil {
			return err
		}
	}
	return nil
}

// The time of all entries, in DOS's form: 1984-06-22 21:50:00.
const zipTime, zipDate = 0xae40, 0x08d6

var errTooMany = errors.New("the package is larger than an archive without extensions can be")

// entry writes one local entry and notes its line of the directory. needed is the
// version of the format, times ten, that a reader has to know; in holds the data,
// and is nil for a directory.
func (z *yarnZip) entry(name string, needed uint16, f *yarnFile, in io.Reader) error {
	if z.entries++; z.entries > maxYarnFiles || z.offset > math.MaxUint32-f.size || len(name) > math.MaxUint16 {
		return errTooMany
	}
	var flags uint16
	if !isASCII(name) {
		flags = 1 << 11 // UTF-8
	}
	common := binary.LittleEndian.AppendUint16(nil, needed)
	for _, v := range []uint16{flags, 0, zipTime, zipDate} {
		common = binary.LittleEndian.AppendUint16(common, v)
	}
	for _, v := range []uint32{f.sum, uint32(f.size), uint32(f.size)} {
		common = binary.LittleEndian.AppendUint32(common, v)
	}
	common = binary.LittleEndian.AppendUint16(common, uint16(len(name)))
	common = binary.LittleEndian.AppendUint16(common, 0) // no extra field

	z.central.WriteString("PK\x01\x02\x3f\x03") // made by version 6.3 on Unix
	z.central.Write(common)
	z.central.Write(make([]byte, 6)) // no comment, disk 0, no internal attributes
	z.central.Write(binary.LittleEndian.AppendUint32(nil, f.mode<<16))
	z.central.Write(binary.LittleEndian.AppendUint32(nil, uint32(z.offset)))
	z.central.WriteString(name)

	if err := z.write([]byte("PK\x03\x04"), common, []byte(name)); err != nil || in == nil {
		return err
	}
	n, err := io.Copy(z.w, in)
	if z.offset += n; err == nil && n != f.size {
		err = errors.New("the package is not what it was a moment ago")
	}
	return err
}

func (z *yarnZip) write(parts ...[]byte) error {
	for _, p := range parts {
		n, err := z.w.Write(p)
		if z.offset += int64(n); err != nil {
			return err
		}
	}
	return nil
}

// end writes the directory and what stands behind it.
func (z *yarnZip) end() error {
	at := z.offset
	tail := []byte("PK\x05\x06\x00\x00\x00\x00")
	tail = binary.LittleEndian.AppendUint16(tail, uint16(z.entries))
	tail = binary.LittleEndian.AppendUint16(tail, uint16(z.entries))
	tail = binary.LittleEndian.AppendUint32(tail, uint32(z.central.Len()))
	tail = binary.LittleEndian.AppendUint32(tail, uint32(at))
	return z.write(z.central.Bytes(), tail, []byte{0, 0})
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
