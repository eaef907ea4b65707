package git

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

var errPack = errors.New("the server's pack is malformed")

// objects are a pack's objects, unpacked: their contents behind one another in
// a file, and where each is.
type objects struct {
	format format
	f      *os.File
	index  map[id]object
	size   int64 // bytes in f
	limits Limits
}

// object is a place in the file of contents.
type object struct {
	typ    objectType
	offset int64
	size   int64
}

// content reads an object's content.
func (o *objects) content(ob object) *io.SectionReader {
	return io.NewSectionReader(o.f, ob.offset, ob.size)
}

// unpack reads the pack file p (gitformat-pack, version 2) into o. Deltas are
// resolved; what they build on has to be in the pack too.
func (o *objects) unpack(ctx context.Context, p *os.File) error {
	u := unpacker{o: o, pack: p, out: bufio.NewWriterSize(o.f, 256<<10), at: map[int64]object{}, buf: make([]byte, 64<<10)}
	count, err := u.header()
	if err != nil {
		return err
	}
	var pending []int64
	for range count {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		start := u.in.offset
		done, err := u.object(start)
		if err != nil {
			return err
		}
		if !done {
			pending = append(pending, start)
		}
	}
	if err := u.trailer(); err != nil {
		return err
	}
	if err := u.resolve(ctx, pending); err != nil {
		return err
	}
	return u.out.Flush()
}

// unpacker is a pack under way.
type unpacker struct {
	o    *objects
	pack *os.File
	in   *packInput
	out  *bufio.Writer
	at   map[int64]object // by the offset in the pack
	zr   io.ReadCloser
	buf  []byte
}

// packInput counts what is read. It has ReadByte so that inflating reads no
// byte behind its end.
type packInput struct {
	r      *bufio.Reader
	offset int64
}

func (p *packInput) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.offset += int64(n)
	return n, err
}

func (p *packInput) ReadByte() (byte, error) {
	b, err := p.r.ReadByte()
	if err == nil {
		p.offset++
	}
	return b, err
}

func (u *unpacker) seek(offset int64) error {
	if _, err := u.pack.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	if u.in == nil {
		u.in = &packInput{r: bufio.NewReaderSize(u.pack, 256<<10)}
	} else {
		u.in.r.Reset(u.pack)
	}
	u.in.offset = offset
	return nil
}

func (u *unpacker) header() (uint32, error) {
	if err := u.seek(0); err != nil {
		return 0, err
	}
	var h [12]byte
	if _, err := io.ReadFull(u.in, h[:]); err != nil {
		return 0, fmt.Errorf("%w: it ends in its header", errPack)
	}
	version, count := binary.BigEndian.Uint32(h[4:]), binary.BigEndian.Uint32(h[8:])
	if string(h[:4]) != "PACK" || version != 2 && version != 3 {
		return 0, fmt.Errorf("%w: it doesn't begin as a pack does", errPack)
	}
	if int64(count) > int64(u.o.limits.Objects) {
		return 0, &LimitError{What: "objects", Limit: int64(u.o.limits.Objects)}
	}
	return count, nil
}

// trailer holds the checksum against the whole pack. Objects are checked by
// their ids; this finds what the transport has lost.
func (u *unpacker) trailer() error {
	end := u.in.offset
	want := make([]byte, u.o.format.size)
	if _, err := io.ReadFull(u.in, want); err != nil {
		return fmt.Errorf("%w: it ends before its checksum", errPack)
	}
	if _, err := u.in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: there is something behind its checksum", errPack)
	}
	h := u.o.format.new()
	if _, err := io.Copy(h, io.NewSectionReader(u.pack, 0, end)); err != nil {
		return err
	}
	if !bytes.Equal(h.Sum(nil), want) {
		return fmt.Errorf("%w: its checksum is another", errPack)
	}
	return nil
}

// entry is the head of an object in the pack.
type entry struct {
	typ  objectType
	size int64 // inflated: of the content, or of the delta
	base int64 // of typeOfsDelta: where in the pack
	ref  id    // of typeRefDelta
}

func (u *unpacker) entry(start int64) (e entry, err error) {
	b, err := u.in.ReadByte()
	if err != nil {
		return e, cutPack(err)
	}
	e.typ = objectType(b >> 4 & 7)
	e.size = int64(b & 15)
	for shift := 4; b&0x80 != 0; shift += 7 {
		if b, err = u.in.ReadByte(); err != nil {
			return e, cutPack(err)
		}
		if shift > 50 {
			return e, fmt.Errorf("%w: an object of impossible size", errPack)
		}
		e.size |= int64(b&0x7f) << shift
	}
	switch e.typ {
	case typeCommit, typeTree, typeBlob, typeTag:
	case typeOfsDelta:
		back, err := u.baseOffset()
		if err != nil {
			return e, err
		}
		if e.base = start - back; back <= 0 || e.base < 12 {
			return e, fmt.Errorf("%w: a delta builds on what is not there", errPack)
		}
	case typeRefDelta:
		raw := make([]byte, u.o.format.size)
		if _, err := io.ReadFull(u.in, raw); err != nil {
			return e, cutPack(err)
		}
		e.ref = id(raw)
	default:
		return e, fmt.Errorf("%w: an object of %s", errPack, e.typ)
	}
	return e, nil
}

// baseOffset reads how far a delta's base is in front of it.
func (u *unpacker) baseOffset() (int64, error) {
	b, err := u.in.ReadByte()
	if err != nil {
		return 0, cutPack(err)
	}
	n := int64(b & 0x7f)
	for b&0x80 != 0 {
		if b, err = u.in.ReadByte(); err != nil {
			return 0, cutPack(err)
		}
		if n > 1<<48 {
			return 0, fmt.Errorf("%w: a delta builds on what is not there", errPack)
		}
		n = (n+1)<<7 | int64(b&0x7f)
	}
	return n, nil
}

func cutPack(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends within an object", errPack)
	}
	return err
}

// object unpacks the object at start. done is false for a delta whose base has
// not been seen yet.
func (u *unpacker) object(start int64) (done bool, err error) {
	e, err := u.entry(start)
	if err != nil {
		return false, err
	}
	inflated, err := u.inflate(e.size)
	if err != nil {
		return false, err
	}
	var ob object
	switch base, known := u.base(e); {
	case e.typ <= typeTag:
		ob, err = u.store(e.typ, e.size, inflated)
	case known:
		ob, err = u.delta(base, inflated)
	default:
		_, err = io.Copy(io.Discard, inflated)
		if err == nil {
			err = u.atEnd()
		}
		return false, err
	}
	if err == nil {
		err = u.atEnd()
	}
	if err != nil {
		return false, err
	}
	u.at[start] = ob
	return true, nil
}

func (u *unpacker) base(e entry) (object, bool) {
	if e.typ == typeOfsDelta {
		ob, ok := u.at[e.base]
		return ob, ok
	}
	ob, ok := u.o.index[e.ref]
	return ob, ok && e.typ == typeRefDelta
}

// inflate returns the next size inflated bytes.
func (u *unpacker) inflate(size int64) (*bufio.Reader, error) {
	var err error
	if u.zr == nil {
		u.zr, err = zlib.NewReader(u.in)
	} else {
		err = u.zr.(zlib.Resetter).Reset(u.in, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: inflating an object: %w", errPack, cutPack(err))
	}
	return bufio.NewReader(io.LimitReader(u.zr, size)), nil
}

// atEnd checks that an object inflates to no more than its size; reading its
// end is also what brings the input behind it.
func (u *unpacker) atEnd() error {
	var b [1]byte
	n, err := io.ReadFull(u.zr, b[:])
	if n != 0 || err != io.EOF {
		return fmt.Errorf("%w: an object is longer than it says, or damaged", errPack)
	}
	return nil
}

// room says whether so many bytes more may be unpacked.
func (u *unpacker) room(size int64) error {
	if size > u.o.limits.Unpacked-u.o.size {
		return &LimitError{What: "bytes, unpacked", Limit: u.o.limits.Unpacked}
	}
	return nil
}

// store appends a content to the file and computes its id.
func (u *unpacker) store(t objectType, size int64, r io.Reader) (object, error) {
	if err := u.room(size); err != nil {
		return object{}, err
	}
	h := u.o.format.objectHash(t, size)
	// One byte more than stated is enough to know that there are more.
	n, err := io.CopyBuffer(io.MultiWriter(u.out, h), io.LimitReader(r, size+1), u.buf)
	u.o.size += n
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || err == nil && n != size:
		return object{}, fmt.Errorf("%w: an object has another size than it says", errPack)
	case err != nil:
		return object{}, fmt.Errorf("unpacking an object: %w", err)
	}
	name, err := sum(h)
	if err != nil {
		return object{}, err
	}
	ob := object{typ: t, offset: u.o.size - size, size: size}
	if _, twice := u.o.index[name]; !twice {
		u.o.index[name] = ob
	}
	return ob, nil
}

// resolve unpacks the deltas that stand in front of what they build on.
func (u *unpacker) resolve(ctx context.Context, pending []int64) error {
	for len(pending) > 0 {
		var rest []int64
		for _, start := range pending {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := u.seek(start); err != nil {
				return err
			}
			done, err := u.object(start)
			if err != nil {
				return err
			}
			if !done {
				rest = append(rest, start)
			}
		}
		if len(rest) == len(pending) {
			return fmt.Errorf("%w: %d deltas build on what is not there", errPack, len(rest))
		}
		pending = rest
	}
	return nil
}
