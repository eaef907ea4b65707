package git

import (
	"bufio"
	"fmt"
	"io"
)

// delta unpacks an object that is written as the difference to another one of
// the same type: the two sizes, then instructions that copy from the base or
// insert what follows (gitformat-pack, "Deltified representation").
func (u *unpacker) delta(base object, in *bufio.Reader) (object, error) {
	// What was written last may be the base.
	if err := u.out.Flush(); err != nil {
		return object{}, fmt.Errorf("unpacking an object: %w", err)
	}
	from, err := deltaSize(in)
	if err != nil {
		return object{}, err
	}
	size, err := deltaSize(in)
	if err != nil {
		return object{}, err
	}
	if from != base.size {
		return object{}, fmt.Errorf("%w: a delta is for an object of another size", errPack)
	}
	return u.store(base.typ, size, &deltaReader{in: in, base: u.o.content(base)})
}

func deltaSize(in *bufio.Reader) (int64, error) {
	var n int64
	for shift := 0; ; shift += 7 {
		b, err := in.ReadByte()
		if err != nil {
			return 0, cutPack(err)
		}
		if shift > 50 {
			return 0, fmt.Errorf("%w: an object of impossible size", errPack)
		}
		n |= int64(b&0x7f) << shift
		if b&0x80 == 0 {
			return n, nil
		}
	}
}

// deltaReader is the content that a delta describes. It holds nothing in
// memory: the base is read from the file of contents.
type deltaReader struct {
	in   *bufio.Reader
	base *io.SectionReader
	now  io.Reader // what the present instruction gives
	left int64     // of it, in bytes
}

func (d *deltaReader) Read(b []byte) (int, error) {
	for d.left == 0 {
		if err := d.instruction(); err != nil {
			return 0, err
		}
	}
	n, err := d.now.Read(b[:min(int64(len(b)), d.left)])
	d.left -= int64(n)
	if err == io.EOF {
		if d.left > 0 {
			return n, fmt.Errorf("%w: a delta ends within an instruction", errPack)
		}
		err = nil
	}
	return n, err
}

// instruction reads the next one; io.EOF at the delta's end.
func (d *deltaReader) instruction() error {
	op, err := d.in.ReadByte()
	if err != nil {
		return err
	}
	if op == 0 {
		return fmt.Errorf("%w: a delta has an unknown instruction", errPack)
	}
	if op&0x80 == 0 {
		d.now, d.left = d.in, int64(op)
		return nil
	}
	offset, err := d.number(op, 4)
	if err != nil {
		return err
	}
	size, err := d.number(op>>4, 3)
	if err != nil {
		return err
	}
	if size == 0 {
		size = 0x10000
	}
	if offset+size > d.base.Size() {
		return fmt.Errorf("%w: a delta copies from behind its base's end", errPack)
	}
	d.now, d.left = io.NewSectionReader(d.base, offset, size), size
	return nil
}

// number reads the bytes that the lowest n bits of op say are there.
func (d *deltaReader) number(op byte, n int) (int64, error) {
	var v int64
	for i := range n {
		if op>>i&1 == 0 {
			continue
		}
		b, err := d.in.ReadByte()
		if err != nil {
			return 0, cutPack(err)
		}
		v |= int64(b) << (8 * i)
	}
	return v, nil
}
