package rpm

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// fakeSource is a server with one file; fields make it misbehave.
type fakeSource struct {
	data     []byte
	noRanges bool // whole is set
	enough   bool // with noRanges: no more than what was asked for
	noTotal  bool
	cut      int // bytes that are missing at each answer's end
	excess   int // bytes that come in addition
	grow     int64
	err      error
	asked    [][2]int64
}

var _ RangeSource = (*fakeSource)(nil)

func (s *fakeSource) Range(_ context.Context, off, n int64) ([]byte, int64, bool, error) {
	s.asked = append(s.asked, [2]int64{off, n})
	if s.err != nil {
		return nil, 0, false, s.err
	}
	total := int64(len(s.data)) + s.grow*int64(len(s.asked)-1)
	if s.noTotal {
		total = SizeUnknown
	}
	if s.noRanges && s.enough {
		return s.data[:min(off+n, int64(len(s.data)))-int64(s.cut)], total, true, nil
	}
	if s.noRanges {
		return s.data, total, true, nil
	}
	end := min(off+n, int64(len(s.data)))
	part := append([]byte{}, s.data[min(off, end):end]...)
	part = part[:max(0, len(part)-s.cut)]
	return append(part, make([]byte, s.excess)...), total, false, nil
}

func longHeader() testPackage {
	p := small()
	p.description = []string{strings.Repeat("long ", 20000)}
	return p
}

func TestFetchHeaderAsksForNoMoreThanItNeeds(t *testing.T) {
	short, long := small(), longHeader()
	short.payload, long.payload = 100000, 100000
	hugeSignature := small()
	hugeSignature.signature, hugeSignature.payload = 60000, 1000
	tests := []struct {
		name     string
		src      *fakeSource
		req      Request
		requests int
	}{
		{"short header", &fakeSource{data: short.bytes()}, Request{}, 1},
		{"size unknown to lock and server", &fakeSource{data: short.bytes(), noTotal: true}, Request{Size: SizeUnknown}, 1},
		{"file shorter than the first request", &fakeSource{data: small().bytes()}, Request{}, 1},
		{"file shorter than the first request, nobody knows", &fakeSource{data: small().bytes(), noTotal: true}, Request{}, 1},
		{"long header", &fakeSource{data: long.bytes()}, Request{}, 2},
		{"signature header longer than the first request", &fakeSource{data: hugeSignature.bytes()}, Request{First: 1000}, 3},
		{"no ranges", &fakeSource{data: long.bytes(), noRanges: true}, Request{}, 1},
		{"no ranges, no size", &fakeSource{data: long.bytes(), noRanges: true, noTotal: true}, Request{}, 1},
		{"no ranges, but no more than needed", &fakeSource{data: long.bytes(), noRanges: true, enough: true}, Request{}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := FetchHeader(t.Context(), tt.src, tt.req)
			if err != nil {
				t.Fatal(err)
			}
			want, err := ParseHeader(tt.src.data)
			if err != nil {
				t.Fatal(err)
			}
			if got.Package.HeaderDigest != want.HeaderDigest || got.Requests != tt.requests || len(tt.src.asked) != tt.requests {
				t.Errorf("%d requests %v, want %d; package %s", got.Requests, tt.src.asked, tt.requests, got.Package.NEVRA())
			}
			if !tt.src.noTotal && got.Size != int64(len(tt.src.data)) {
				t.Errorf("Size = %d, want %d", got.Size, len(tt.src.data))
			}
			if last := tt.src.asked[len(tt.src.asked)-1]; tt.requests > 1 && last[0]+last[1] != want.Header.End {
				t.Errorf("the last request %v does not end where the header does, at %d", last, want.Header.End)
			}
		})
	}
}

func TestFetchHeaderNeverAsksBeyondTheLockedSize(t *testing.T) {
	src := &fakeSource{data: small().bytes()}
	size := int64(len(src.data))
	if _, err := FetchHeader(t.Context(), src, Request{Size: size}); err != nil {
		t.Fatal(err)
	}
	if src.asked[0] != [2]int64{0, size} {
		t.Errorf("asked for %v of a file of %d bytes", src.asked[0], size)
	}
}

func TestFetchHeaderRefusesWrongAnswers(t *testing.T) {
	long := longHeader().bytes()
	cut := longHeader().bytes()[:50000]
	errGone := errors.New("404 from example.org")
	var size *SizeError
	for _, tt := range []struct {
		name string
		src  *fakeSource
		req  Request
		is   error
		text string
	}{
		{"server's error", &fakeSource{err: errGone}, Request{}, errGone, "fetching bytes 0 to 32768"},
		{"error page", &fakeSource{data: []byte("<html>Not found")}, Request{}, ErrNotRPM, "<html>"},
		{"error page shorter than the locked size", &fakeSource{data: []byte("<html>Not found"), noTotal: true}, Request{Size: 9999}, ErrNotRPM, ""},
		{"empty answer", &fakeSource{}, Request{}, ErrTruncated, ""},
		{"truncated range", &fakeSource{data: long, cut: 5}, Request{}, ErrTruncated, "32763 bytes of the 32768"},
		{"truncated range of unknown size", &fakeSource{data: long, cut: 5, noTotal: true}, Request{}, ErrTruncated, ""},
		{"truncated answer without ranges", &fakeSource{data: long, noRanges: true, enough: true, cut: 7}, Request{}, ErrTruncated, "32761 bytes of the 32768"},
		{"too long answer", &fakeSource{data: long, excess: 5}, Request{}, ErrHeader, "32773 bytes of the 32768"},
		{"file ends within the header", &fakeSource{data: cut}, Request{}, ErrTruncated, "of a file of 50000"},
		{"file without ranges ends within the header", &fakeSource{data: cut, noRanges: true}, Request{}, ErrTruncated, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := FetchHeader(t.Context(), tt.src, tt.req)
			if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("FetchHeader = %v, want %v with %q", err, tt.is, tt.text)
			}
		})
	}
	for name, tt := range map[string]struct {
		src *fakeSource
		req Request
	}{
		"other size than the lock's":                 {&fakeSource{data: long}, Request{Size: 5000}},
		"other size than the lock's, without ranges": {&fakeSource{data: long, noRanges: true}, Request{Size: 5000}},
		"size changes between requests":              {&fakeSource{data: long, grow: 1}, Request{}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := FetchHeader(t.Context(), tt.src, tt.req); !errors.As(err, &size) || size.Locked != (tt.req.Size > 0) {
				t.Errorf("FetchHeader = %v, want a *SizeError", err)
			}
		})
	}
}
