package rpm

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The sizes and limits of an RPM file's head. Those of the sections are
// librpm's own (lib/header.c), except MaxHeader, for which librpm permits 256 MiB.
const (
	leadSize  = 96
	introSize = 16 // magic, reserved, number of entries, bytes of data
	entrySize = 16 // tag, type, offset, count

	maxSignatureEntries = 32
	maxSignatureBytes   = 64 << 20
	maxHeaderEntries    = 0xffff

	// MaxHeader is the greatest number of bytes that the main header's data may
	// have. The longest real ones (kernel sources, fonts) have about 10 MiB; the
	// limit keeps a hostile length from filling the memory.
	MaxHeader = 64 << 20

	// maxHead is the greatest offset at which a main header within the limits can end.
	maxHead = leadSize + introSize + maxSignatureEntries*entrySize + maxSignatureBytes + 8 +
		introSize + maxHeaderEntries*entrySize + MaxHeader
)

var (
	leadMagic   = []byte{0xed, 0xab, 0xee, 0xdb}
	headerMagic = []byte{0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0}
)

// HeaderRange is where the main header stands in the file, as byte offsets:
// Start is its first byte, End the first byte of the payload.
type HeaderRange struct {
	Start, End int64
}

// section is one header structure: the signature header or the main header.
type section struct {
	start   int64
	entries int
	bytes   int // of data, behind the entries
}

func (s section) end() int64 {
	return s.start + introSize + int64(s.entries)*entrySize + int64(s.bytes)
}

// layout is what the first bytes of a file say about where its headers are.
type layout struct {
	signature, main section
	need            int64 // bytes from the file's start to the end of the main header, or to the next thing to learn
}

// Need says how many bytes from the start of an RPM file hold its headers, as
// far as prefix, the file's first bytes, can tell. When the answer is at most
// len(prefix), ParseHeader can read prefix. Otherwise ask again with that many
// bytes: a prefix that reaches the main header's first 16 bytes, as nearly
// every first request does, gets the final answer at once. The error wraps
// ErrNotRPM or ErrHeader.
func Need(prefix []byte) (int64, error) {
	l, err := measure(prefix)
	return l.need, err
}

func measure(prefix []byte) (layout, error) {
	l := layout{need: leadSize + introSize}
	if err := checkLead(prefix); err != nil || int64(len(prefix)) < l.need {
		return l, err
	}
	var err error
	if l.signature, err = readIntro(prefix, leadSize, maxSignatureEntries, maxSignatureBytes); err != nil {
		return l, fmt.Errorf("reading signature header: %w", err)
	}
	start := (l.signature.end() + 7) &^ 7 // the main header is aligned to 8 bytes
	l.need = start + introSize
	if int64(len(prefix)) < l.need {
		return l, nil
	}
	if l.main, err = readIntro(prefix, start, maxHeaderEntries, MaxHeader); err != nil {
		return l, fmt.Errorf("reading main header: %w", err)
	}
	l.need = l.main.end()
	return l, nil
}

// checkLead looks at as much of the lead as there is, so that an error page is
// known as such from its first bytes.
func checkLead(prefix []byte) error {
	n := min(len(prefix), len(leadMagic))
	if !bytes.Equal(prefix[:n], leadMagic[:n]) {
		return fmt.Errorf("%w: begins with %q", ErrNotRPM, prefix[:min(len(prefix), 24)])
	}
	if len(prefix) < leadSize {
		return nil
	}
	if major := prefix[4]; major < 3 || major > 4 {
		return headerErrorf("the lead states package format %d (expected 3 or 4)", major)
	}
	if kind := binary.BigEndian.Uint16(prefix[78:]); kind != 5 {
		return headerErrorf("the lead states signature type %d (expected 5)", kind)
	}
	return nil
}

func readIntro(prefix []byte, start int64, maxEntries, maxBytes uint32) (section, error) {
	intro := prefix[start : start+introSize]
	if !bytes.Equal(intro[:8], headerMagic) {
		return section{}, headerErrorf("no header magic at byte %d", start)
	}
	entries, size := binary.BigEndian.Uint32(intro[8:]), binary.BigEndian.Uint32(intro[12:])
	if entries > maxEntries || size > maxBytes {
		return section{}, headerErrorf("%d entries with %d bytes (limits: %d and %d)", entries, size, maxEntries, maxBytes)
	}
	return section{start: start, entries: int(entries), bytes: int(size)}, nil
}
