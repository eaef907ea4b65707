package tree

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

var errTooLarge = errors.New("a number is larger than allowed")

// count reads a number from 0 to limit.
func (d *decoder) count(limit int) (int, error) {
	n, err := binary.ReadUvarint(d.r)
	if err != nil {
		return 0, err
	}
	if limit < 0 || n > uint64(limit) {
		return 0, fmt.Errorf("%w (%d, at most %d)", errTooLarge, n, limit)
	}
	return int(n), nil
}

// bytes appends a string of at most limit bytes to buf.
func (d *decoder) bytes(buf []byte, limit int) ([]byte, error) {
	n, err := d.count(limit)
	if err != nil {
		return nil, err
	}
	// Grow with what arrives, not with what was announced.
	const step = 64 << 10
	if here, ok := d.r.(interface{ Len() int }); ok && n > step && n <= here.Len() {
		buf = slices.Grow(buf, n) // it has arrived
	}
	for n > 0 {
		k, have := min(n, step), len(buf)
		if cap(buf)-have >= k {
			buf = buf[:have+k]
		} else {
			buf = append(buf, make([]byte, k)...)
		}
		if _, err := io.ReadFull(d.r, buf[have:]); err != nil {
			return nil, err
		}
		n -= k
	}
	return buf, nil
}

// whole reads a string of at most limit bytes. It is never nil.
func (d *decoder) whole(limit int) ([]byte, error) {
	if d.kept == nil {
		return d.bytes([]byte{}, limit)
	}
	n, err := d.count(limit)
	if err == nil && n > d.kept.Len() {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return d.kept.Next(n)[:n:n], nil
}

func (d *decoder) str() (string, error) {
	b, err := d.bytes(nil, maxString)
	return string(b), err
}

// shared reads a string that is told as its difference from *last, into *last.
func (d *decoder) shared(last *[]byte) error {
	n, err := d.count(len(*last))
	if err != nil {
		return err
	}
	*last, err = d.bytes((*last)[:n], maxString)
	if err == nil && len(*last) > maxString {
		return fmt.Errorf("%w (a string of %d bytes)", errTooLarge, len(*last))
	}
	return err
}

func (d *decoder) word() (string, error) {
	n, err := d.count(len(d.words))
	if err != nil {
		return "", err
	}
	if n > 0 {
		return d.words[n-1], nil
	}
	s, err := d.str()
	if err != nil {
		return "", err
	}
	if len(d.words) == maxWords {
		return "", fmt.Errorf("%w (too many different words)", errTooLarge)
	}
	d.words = append(d.words, s)
	return s, nil
}
