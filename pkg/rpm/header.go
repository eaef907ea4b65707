package rpm

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
)

// entry is one tag's values within the data of a header.
type entry struct {
	typ    valueType
	count  int
	offset int
}

// header is one parsed header structure. Its strings share one copy of the data.
type header struct {
	data    []byte
	text    string // data once more: substrings need no copies
	entries map[tag]entry
	used    int // the offset behind the last entry's values
}

const maxArrayCount = 0xfffff // librpm's limit on the number of values, except binary ones

// parseSection reads the entries of a header structure whose bytes are all
// there, with librpm's checks (hdrblobVerifyInfo): entries are ordered by
// offset, aligned, of a known type, do not overlap and end within the data.
// region is the tag of the region that the structure is; only very old
// signature headers are none.
func parseSection(file []byte, s section, region tag) (*header, error) {
	index := file[s.start+introSize:][:s.entries*entrySize]
	data := file[s.start+introSize+int64(len(index)):][:s.bytes]
	h := &header{data: data, text: string(data), entries: make(map[tag]entry, 64)}
	end := 0
	for i := 0; i < s.entries; i++ {
		t, e, err := readEntry(index[i*entrySize:], i, len(data))
		if err != nil {
			return nil, err
		}
		if i == 0 && t == region {
			h.entries[t] = e // the region's trailer lies behind the other entries' data
			continue
		}
		if i == 0 && region == tagHeaderImmutable {
			return nil, headerErrorf("no immutable region (the package was built by an RPM older than 4.0)")
		}
		if t < tagHeaderI18nTable {
			return nil, headerErrorf("entry %d has the reserved tag %d", i, t)
		}
		if e.offset < end {
			return nil, headerErrorf("entry %d (tag %d) overlaps the one before it", i, t)
		}
		if end, err = h.entryEnd(e, i, t); err != nil {
			return nil, err
		}
		if _, dup := h.entries[t]; !dup {
			h.entries[t] = e
		}
	}
	h.used = end
	return h, nil
}

func readEntry(b []byte, i, limit int) (tag, entry, error) {
	be := binary.BigEndian
	t, typ, offset, count := tag(be.Uint32(b)), valueType(be.Uint32(b[4:])), be.Uint32(b[8:]), be.Uint32(b[12:])
	switch {
	case typ < typeChar || typ > typeI18nString:
		return 0, entry{}, headerErrorf("entry %d (tag %d) has the unknown type %d", i, t, typ)
	case uint64(offset) > uint64(limit):
		return 0, entry{}, headerErrorf("entry %d (tag %d) begins behind the header's end", i, t)
	case count < 1 || uint64(count) > uint64(limit) || typ != typeBin && count > maxArrayCount:
		return 0, entry{}, headerErrorf("entry %d (tag %d) has %d values", i, t, count)
	case typ == typeString && count != 1:
		return 0, entry{}, headerErrorf("entry %d (tag %d) is one string with %d values", i, t, count)
	case typ.width() > 1 && int(offset)%typ.width() != 0:
		return 0, entry{}, headerErrorf("entry %d (tag %d) is not aligned", i, t)
	}
	return t, entry{typ: typ, count: int(count), offset: int(offset)}, nil
}

// entryEnd is the offset behind e's last value.
func (h *header) entryEnd(e entry, i int, t tag) (int, error) {
	end := e.offset + e.count*e.typ.width()
	if e.typ.isString() {
		for range e.count {
			n := bytes.IndexByte(h.data[end:], 0)
			if n < 0 {
				return 0, headerErrorf("entry %d (tag %d) has a string without an end", i, t)
			}
			end += n + 1
		}
	}
	if end > len(h.data) {
		return 0, headerErrorf("entry %d (tag %d) ends behind the header's end", i, t)
	}
	return end, nil
}

// checkRegion makes sure that the main header is one immutable region, as RPM 4
// and later write it: what is signed is then all that there is.
func (h *header) checkRegion(entries int) error {
	e := h.entries[tagHeaderImmutable]
	if e.typ != typeBin || e.count != entrySize || e.offset+entrySize != len(h.data) {
		return headerErrorf("the immutable region does not span the header")
	}
	be := binary.BigEndian
	trailer := h.data[e.offset:]
	regionSize := -int64(int32(be.Uint32(trailer[8:])))
	if tag(be.Uint32(trailer)) != tagHeaderImmutable || valueType(be.Uint32(trailer[4:])) != typeBin ||
		be.Uint32(trailer[12:]) != entrySize || regionSize != int64(entries)*entrySize {
		return headerErrorf("the immutable region's trailer is damaged")
	}
	if h.used > e.offset {
		return headerErrorf("the last entry overlaps the immutable region's trailer")
	}
	return nil
}

// checkTypes refuses a header in which a tag that is read has a wrong type, as librpm does.
func (h *header) checkTypes() error {
	tags := slices.Sorted(maps.Keys(h.entries)) // the same header gives the same message
	for _, t := range tags {
		e := h.entries[t]
		want, ok := wantedType(t)
		if ok && e.typ != want && (want != typeString || !e.typ.isString()) {
			return headerErrorf("tag %d is of type %d, not %d", t, e.typ, want)
		}
	}
	return nil
}

func (h *header) has(t tag) bool {
	_, ok := h.entries[t]
	return ok
}

// count is the number of t's values; 0 when there is no such tag.
func (h *header) count(t tag) int { return h.entries[t].count }

// str is t's only string. A translated text has one value per language; the
// first is that of the C locale. An absent tag and a list give "".
func (h *header) str(t tag) string {
	e, ok := h.entries[t]
	if !ok || !e.typ.isString() || e.typ != typeI18nString && e.count != 1 {
		return ""
	}
	s, _ := h.cString(e.offset)
	return s
}

// strs are all of t's strings.
func (h *header) strs(t tag) []string {
	e, ok := h.entries[t]
	if !ok || !e.typ.isString() {
		return nil
	}
	if e.typ == typeI18nString {
		e.count = 1
	}
	list := make([]string, e.count)
	at := e.offset
	for i := range list {
		list[i], at = h.cString(at)
	}
	return list
}

// cString is the string at an offset that entryEnd has checked, and the offset behind it.
func (h *header) cString(at int) (string, int) {
	n := bytes.IndexByte(h.data[at:], 0)
	return h.text[at : at+n], at + n + 1
}

// num is the first of t's numbers; 0 when there is none.
func (h *header) num(t tag) uint64 {
	if c := h.column(t); c.count > 0 {
		return c.at(0)
	}
	return 0
}

// column gives access to t's numbers without a look-up for each.
func (h *header) column(t tag) column {
	e, ok := h.entries[t]
	if !ok || e.typ.isString() {
		return column{}
	}
	return column{data: h.data[e.offset:], width: e.typ.width(), count: e.count}
}

// column is a list of numbers in a header.
type column struct {
	data  []byte
	width int // bytes of one number
	count int
}

// at is the i-th number, for i below count.
func (c column) at(i int) uint64 {
	b := c.data[i*c.width:]
	switch c.width {
	case 8:
		return binary.BigEndian.Uint64(b)
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	}
	return uint64(b[0])
}
