package git

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A conversation is made of packets: four hexadecimal digits of length, which
// count themselves, and the content (gitprotocol-common). The lengths 0 to 2
// have no content and a meaning of their own.
type packetKind int

const (
	packetData packetKind = iota
	packetFlush
	packetDelim
	packetEnd // the response is over (version 2)
)

// maxPacket is the longest packet that the protocol allows, its length included.
const maxPacket = 65520

var errProtocol = errors.New("the server doesn't speak git's protocol")

// packetReader reads packets. The slice that next returns is valid until the
// next call.
type packetReader struct {
	r   *bufio.Reader
	buf [maxPacket]byte
}

func newPacketReader(r io.Reader) *packetReader {
	return &packetReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// next returns io.EOF at a good end, between two packets.
func (p *packetReader) next() ([]byte, packetKind, error) {
	head := p.buf[:4]
	if _, err := io.ReadFull(p.r, head); err != nil {
		return nil, 0, cut(err)
	}
	var raw [2]byte
	if _, err := hex.Decode(raw[:], head); err != nil {
		return nil, 0, fmt.Errorf("%w: a packet's length is %q", errProtocol, head)
	}
	size := int(raw[0])<<8 | int(raw[1])
	switch {
	case size == 0:
		return nil, packetFlush, nil
	case size == 1:
		return nil, packetDelim, nil
	case size == 2:
		return nil, packetEnd, nil
	case size < 4 || size > maxPacket:
		return nil, 0, fmt.Errorf("%w: a packet has the length %d", errProtocol, size)
	}
	data := p.buf[:size-4]
	if _, err := io.ReadFull(p.r, data); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, 0, cut(err)
	}
	return data, packetData, nil
}

// cut keeps the cause in the chain: a broken connection is tried again.
func cut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the answer ends within a packet: %w", errProtocol, err)
	}
	return err
}

// line is next for text: without the line end, and with a server's error
// message turned into an error.
func (p *packetReader) line() (string, packetKind, error) {
	data, kind, err := p.next()
	if err != nil || kind != packetData {
		return "", kind, err
	}
	s := strings.TrimSuffix(string(data), "\n")
	if msg, ok := strings.CutPrefix(s, "ERR "); ok {
		return "", 0, &remoteError{msg}
	}
	return s, packetData, nil
}

// remoteError is what a server says about why it can't.
type remoteError struct{ msg string }

func (e *remoteError) Error() string { return "the server says: " + clip(printable(e.msg)) }

// printable replaces what could drive a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// request collects the packets of a question.
type request struct{ b strings.Builder }

func (q *request) line(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	fmt.Fprintf(&q.b, "%04x%s\n", len(s)+5, s)
}

func (q *request) flush() { q.b.WriteString("0000") }
func (q *request) delim() { q.b.WriteString("0001") }

func (q *request) bytes() []byte { return []byte(q.b.String()) }

// sideband takes the pack out of packets that are one of: 1 pack, 2 progress,
// 3 an error that ends it all.
type sideband struct {
	p    *packetReader
	rest []byte
	done bool
}

func (s *sideband) Read(b []byte) (int, error) {
	for len(s.rest) == 0 {
		if s.done {
			return 0, io.EOF
		}
		data, kind, err := s.p.next()
		switch {
		case errors.Is(err, io.EOF):
			return 0, fmt.Errorf("%w: the answer ends before its end", errProtocol)
		case err != nil:
			return 0, err
		case kind != packetData:
			s.done = true
			continue
		case len(data) == 0:
			return 0, fmt.Errorf("%w: an empty packet in the pack", errProtocol)
		}
		switch data[0] {
		case 1:
			s.rest = data[1:]
		case 2:
		case 3:
			return 0, &remoteError{strings.TrimSpace(string(data[1:]))}
		default:
			return 0, fmt.Errorf("%w: a packet is for band %d", errProtocol, data[0])
		}
	}
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}
