package git

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/klauspost/compress/zlib"
)

// repositoryOptions say what a repository is made for.
type repositoryOptions struct {
	checkout bool     // with a checkout and its index beside it; else bare
	branches []string // that point to the commit; HEAD to the first of them
	tags     []string
}

// repository is the inside of a .git directory, or of a bare repository.
type repository struct {
	dirs  []string
	files []part
	pack  *os.File
}

// part is one file of a repository.
type part struct {
	name string
	size int64
	open func() io.Reader
}

func text(name, content string) part {
	return part{name, int64(len(content)), func() io.Reader { return strings.NewReader(content) }}
}

func (r *repository) close() { r.pack.Close() }

// repository makes a shallow repository with the commit alone. The caller closes it.
func (c *Commit) repository(ctx context.Context, o repositoryOptions) (_ *repository, err error) {
	names, files, err := c.reachable(ctx)
	if err != nil {
		return nil, err
	}
	pw := &packWriter{o: c.o}
	if pw.f, err = c.scratch(); err != nil {
		return nil, err
	}
	r := &repository{pack: pw.f, dirs: []string{"objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags"}}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	sum, err := pw.write(ctx, names)
	if err != nil {
		return nil, err
	}
	base := fmt.Sprintf("objects/pack/pack-%x", sum)
	idx := pw.index(sum)
	r.files = append(c.heads(o),
		part{base + ".idx", int64(len(idx)), func() io.Reader { return bytes.NewReader(idx) }},
		part{base + ".pack", pw.size, func() io.Reader { return io.NewSectionReader(pw.f, 0, pw.size) }},
	)
	if c.info.parents > 0 {
		r.files = append(r.files, text("shallow", c.id.String()+"\n"))
	}
	if o.checkout {
		index := string(indexFile(files, c.o.format))
		r.files = append(r.files, text("index", index))
	}
	slices.SortFunc(r.files, func(a, b part) int { return strings.Compare(a.name, b.name) })
	return r, nil
}

// heads are the files that name the commit.
func (c *Commit) heads(o repositoryOptions) []part {
	config := "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = %t\n"
	if c.o.format.name != sha1Format.name {
		config = strings.Replace(config, "= 0", "= 1", 1) + "[extensions]\n\tobjectformat = " + c.o.format.name + "\n"
	}
	if !o.checkout {
		// Bundler asks for the commit by its id; protocol version 0 has to allow that.
		config += "[uploadpack]\n\tallowAnySHA1InWant = true\n"
	}
	head := c.id.String() + "\n"
	if len(o.branches) > 0 {
		head = "ref: refs/heads/" + o.branches[0] + "\n"
	}
	parts := []part{text("HEAD", head), text("config", fmt.Sprintf(config, !o.checkout))}
	for _, b := range o.branches {
		parts = append(parts, text("refs/heads/"+b, c.id.String()+"\n"))
	}
	for _, t := range o.tags {
		parts = append(parts, text("refs/tags/"+t, c.id.String()+"\n"))
	}
	return parts
}

// reachable are the objects of the commit itself, sorted, and the files of its
// checkout. Submodules are other repositories.
func (c *Commit) reachable(ctx context.Context) ([]id, []*file, error) {
	seen := map[id]bool{c.id: true, c.info.tree: true}
	var files []*file
	own := *c
	own.modules = nil
	err := own.walk(ctx, func(f *file) error {
		if f.mode != modeSubmodule {
			seen[f.id] = true
		}
		if f.mode != modeDir {
			files = append(files, f)
		}
		return nil
	})
	names := make([]id, 0, len(seen))
	for n := range seen {
		names = append(names, n)
	}
	slices.Sort(names)
	return names, files, err
}

// packWriter writes a pack without deltas: small it is not, but it follows from
// the objects alone.
type packWriter struct {
	o       *objects
	f       *os.File
	size    int64
	entries []packEntry
}

type packEntry struct {
	id     id
	offset int64
	crc    uint32
}

func (p *packWriter) write(ctx context.Context, names []id) ([]byte, error) {
	h := p.o.format.new()
	out := bufio.NewWriterSize(io.MultiWriter(p.f, h), 256<<10)
	head := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(len(names)))
	if _, err := out.Write(head); err != nil {
		return nil, fmt.Errorf("packing a repository: %w", err)
	}
	p.size = int64(len(head))
	z := zlib.NewWriter(io.Discard)
	for _, n := range names {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := p.object(out, z, n); err != nil {
			return nil, fmt.Errorf("packing a repository: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return nil, fmt.Errorf("packing a repository: %w", err)
	}
	sum := h.Sum(nil)
	n, err := p.f.Write(sum)
	p.size += int64(n)
	return sum, err
}

func (p *packWriter) object(out io.Writer, z *zlib.Writer, name id) error {
	ob := p.o.index[name]
	c := &crcWriter{w: out}
	if _, err := c.Write(entryHead(ob.typ, ob.size)); err != nil {
		return err
	}
	z.Reset(c)
	if _, err := io.Copy(z, p.o.content(ob)); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	p.entries = append(p.entries, packEntry{name, p.size, c.crc})
	p.size += c.n
	return nil
}

// entryHead is type and size as a pack has them.
func entryHead(t objectType, size int64) []byte {
	b := byte(t)<<4 | byte(size&15)
	size >>= 4
	var head []byte
	for size > 0 {
		head = append(head, b|0x80)
		b = byte(size & 0x7f)
		size >>= 7
	}
	return append(head, b)
}

// crcWriter counts, and computes what the pack's index has for each object.
type crcWriter struct {
	w   io.Writer
	crc uint32
	n   int64
}

func (c *crcWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.crc = crc32.Update(c.crc, crc32.IEEETable, b[:n])
	c.n += int64(n)
	return n, err
}

// index is the pack's index (gitformat-pack, version 2). The entries are sorted
// already, since they were written by name.
func (p *packWriter) index(pack []byte) []byte {
	be := binary.BigEndian
	b := []byte("\xfftOc\x00\x00\x00\x02")
	for first := range 256 {
		n := sort.Search(len(p.entries), func(i int) bool { return int(p.entries[i].id[0]) > first })
		b = be.AppendUint32(b, uint32(n))
	}
	for _, e := range p.entries {
		b = append(b, e.id...)
	}
	for _, e := range p.entries {
		b = be.AppendUint32(b, e.crc)
	}
	var far []int64
	for _, e := range p.entries {
		if e.offset < 1<<31 {
			b = be.AppendUint32(b, uint32(e.offset))
			continue
		}
		b = be.AppendUint32(b, 1<<31|uint32(len(far)))
		far = append(far, e.offset)
	}
	for _, offset := range far {
		b = be.AppendUint64(b, uint64(offset))
	}
	b = append(b, pack...)
	h := p.o.format.new()
	h.Write(b)
	return h.Sum(b)
}

// indexFile is the index of a checkout (gitformat-index, version 2) as "git
// read-tree" writes it: with nothing known about the files on the disk, so that
// git compares contents, once.
func indexFile(files []*file, f format) []byte {
	be := binary.BigEndian
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b *file) int { return strings.Compare(a.path, b.path) })
	b := be.AppendUint32([]byte("DIRC\x00\x00\x00\x02"), uint32(len(files)))
	for _, e := range files {
		start := len(b)
		b = append(b, make([]byte, 24)...) // ctime, mtime, device, inode
		b = be.AppendUint32(b, uint32(e.mode))
		b = append(b, make([]byte, 12)...) // uid, gid, size
		b = append(b, e.id...)
		b = be.AppendUint16(b, uint16(min(len(e.path), 0xfff)))
		b = append(b, e.path...)
		// Up to 8 NULs, so that the length is a multiple of 8.
		b = append(b, make([]byte, 8-(len(b)-start)%8)...)
	}
	h := f.new()
	h.Write(b)
	return h.Sum(b)
}
