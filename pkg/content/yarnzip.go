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
	// again are the files that a tarball has several times: the last one counts,
	// in the place of the first.
	again map[string]*yarnFile
}

// yarnFile is a file as it goes into the archive.
type yarnFile struct {
	mode uint32
	data []byte
}

// writeYarnZip reads a tarball, compressed by gzip, from the start of a file, and
// writes the archive. prefix is the directory of the package:
// "node_modules/@scope/name".
func writeYarnZip(ctx context.Context, tgz *os.File, w io.Writer, prefix string) error {
	z := yarnZip{w: w, prefix: prefix, seen: map[string]bool{}, again: map[string]*yarnFile{}}
	// Two rounds: what is there twice is known only at the end.
	count := map[string]int{}
	err := z.each(ctx, tgz, func(name string, h *tar.Header, in io.Reader) error {
		if count[name]++; h.Typeflag != tar.TypeReg || count[name] < 2 {
			return nil
		}
		f, err := readYarnFile(h, in)
		z.again[name] = f
		return err
	})
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
	f := z.again[name]
	if f == nil {
		var err error
		if f, err = readYarnFile(h, in); err != nil {
			return err
		}
	}
	if err := z.directories(path.Dir(name)); err != nil {
		return err
	}
	return z.entry(name, f.mode, 10, f.data)
}

func readYarnFile(h *tar.Header, in io.Reader) (*yarnFile, error) {
	data, err := io.ReadAll(in)
	f := &yarnFile{mode: 0o100644, data: data}
	if h.Mode&0o111 != 0 {
		f.mode = 0o100755
	}
	return f, err
}

// directories writes the entries of a directory and of those above it.
func (z *yarnZip) directories(dir string) error {
	for i, c := range dir + "/" {
		if c != '/' || z.seen[dir[:i]] {
			continue
		}
		z.seen[dir[:i]] = true
		if err := z.entry(dir[:i]+"/", 0o40755, 20, nil); err != nil {
			return err
		}
	}
	return nil
}

// The time of all entries, in DOS's form: 1984-06-22 21:50:00.
const zipTime, zipDate = 0xae40, 0x08d6

// entry writes one local entry and notes its line of the directory. needed is the
// version of the format, times ten, that a reader has to know.
func (z *yarnZip) entry(name string, mode uint32, needed uint16, data []byte) error {
	if z.entries++; z.entries > maxYarnFiles || z.offset > math.MaxUint32-int64(len(data)) || len(name) > math.MaxUint16 {
		return errors.New("the package is larger than an archive without extensions can be")
	}
	var flags uint16
	if !isASCII(name) {
		flags = 1 << 11 // UTF-8
	}
	sum := crc32.ChecksumIEEE(data)
	common := binary.LittleEndian.AppendUint16(nil, needed)
	for _, v := range []uint16{flags, 0, zipTime, zipDate} {
		common = binary.LittleEndian.AppendUint16(common, v)
	}
	for _, v := range []uint32{sum, uint32(len(data)), uint32(len(data))} {
		common = binary.LittleEndian.AppendUint32(common, v)
	}
	common = binary.LittleEndian.AppendUint16(common, uint16(len(name)))
	common = binary.LittleEndian.AppendUint16(common, 0) // no extra field

	z.central.WriteString("PK\x01\x02\x3f\x03") // made by version 6.3 on Unix
	z.central.Write(common)
	z.central.Write(make([]byte, 6)) // no comment, disk 0, no internal attributes
	z.central.Write(binary.LittleEndian.AppendUint32(nil, mode<<16))
	z.central.Write(binary.LittleEndian.AppendUint32(nil, uint32(z.offset)))
	z.central.WriteString(name)

	return z.write([]byte("PK\x03\x04"), common, []byte(name), data)
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
