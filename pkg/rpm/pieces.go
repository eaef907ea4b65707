package rpm

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"

	"golang.org/x/sync/errgroup"
)

// Compression is how the metadata files are compressed.
type Compression string

// The compressions. Gzip is what Hermeto asks createrepo_c for, what every dnf
// reads, and the default; Zstd needs a libsolv that was built with it (RHEL 9).
const (
	Gzip Compression = "gz"
	Zstd Compression = "zstd"
)

// suffix of file names.
func (c Compression) suffix() string {
	if c == Zstd {
		return ".zst"
	}
	return ".gz"
}

// pieceSize is the number of bytes from which XML is cut into pieces that are
// compressed side by side. It is a constant, so that the output does not depend
// on the number of processors.
const pieceSize = 256 << 10

// pieces collects one metadata file: it hashes and compresses in the background
// what cut closes, while the writer goes on.
type pieces struct {
	buf         []byte // what is not cut yet
	compression Compression
	open        hash.Hash // of the uncompressed content
	crc         uint32
	size        int64
	done        []*piece
	group       errgroup.Group
}

type piece struct {
	plain  []byte
	packed bytes.Buffer
}

func newPieces(c Compression) *pieces {
	return &pieces{compression: c, open: sha256.New(), buf: newBuffer()}
}

// cut closes the piece that has been written so far.
func (p *pieces) cut() {
	one := &piece{plain: p.buf}
	p.add(one)
	p.group.Go(func() error { return one.compress(p.compression, false) })
	p.buf = newBuffer()
}

func (p *pieces) add(one *piece) {
	p.open.Write(one.plain)
	p.crc = crc32.Update(p.crc, crc32.IEEETable, one.plain)
	p.size += int64(len(one.plain))
	p.done = append(p.done, one)
}

// cutFull cuts when enough has been written.
func (p *pieces) cutFull() {
	if len(p.buf) >= pieceSize {
		p.cut()
	}
}

// finish compresses the rest and puts the file together.
func (p *pieces) finish() ([]byte, error) {
	last := &piece{plain: p.buf}
	p.add(last)
	if err := last.compress(p.compression, true); err != nil {
		return nil, err
	}
	if err := p.group.Wait(); err != nil {
		return nil, err
	}
	size := 32
	for _, one := range p.done {
		size += one.packed.Len()
	}
	out := make([]byte, 0, size)
	if p.compression != Zstd {
		out = append(out, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff) // RFC 1952: no time, no name, unknown system
	}
	for _, one := range p.done {
		out = append(out, one.packed.Bytes()...)
	}
	if p.compression != Zstd {
		out = binary.LittleEndian.AppendUint32(out, p.crc)
		out = binary.LittleEndian.AppendUint32(out, uint32(p.size))
	}
	return out, nil
}

// compress packs a piece. Pieces of gzip are runs of deflate blocks that end at
// a byte boundary, so that their concatenation is one deflate stream (RFC 1951
// section 3.2.4); pieces of zstd are frames, whose concatenation is defined too.
func (p *piece) compress(c Compression, last bool) error {
	defer func() {
		if cap(p.plain) <= 4*pieceSize { // one very long text shall not stay for ever
			bufferPool.Put(&p.plain)
		}
	}()
	if c == Zstd {
		enc := zstdPool.Get().(*zstd.Encoder)
		defer zstdPool.Put(enc)
		p.packed.Write(enc.EncodeAll(p.plain, nil))
		return nil
	}
	w := flatePool.Get().(*flate.Writer)
	defer flatePool.Put(w)
	w.Reset(&p.packed)
	if _, err := w.Write(p.plain); err != nil {
		return fmt.Errorf("compressing repodata: %w", err)
	}
	if last {
		return w.Close()
	}
	return w.Flush()
}

func newBuffer() []byte { return (*bufferPool.Get().(*[]byte))[:0] }

// The buffers and the encoders' tables are large; pools keep a few alive.
var (
	flatePool = sync.Pool{New: func() any {
		w, err := flate.NewWriter(nil, flate.BestSpeed) // the reader is on the same host: speed counts
		if err != nil {
			panic(err) // cannot happen: the level is a constant of the library
		}
		return w
	}}
	bufferPool = sync.Pool{New: func() any {
		b := make([]byte, 0, pieceSize+pieceSize/4)
		return &b
	}}
	zstdPool = sync.Pool{New: func() any {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithZeroFrames(true))
		if err != nil {
			panic(err) // cannot happen: the options are constants
		}
		return w
	}}
)
