package rpm

import (
	"context"
	"fmt"
)

// FirstRequest is the number of bytes that FetchHeader asks for first when the
// caller has no opinion. It is a compromise between bytes and round trips: of a
// real lock of 864 RPMs with 735 MB, first requests of 16, 32, 48 and 64 KiB
// fetch 1.9, 3.5, 4.9 and 6.1 % of the bytes. Headers have a median of 16–20 KB
// and a ninth decile of 76–114 KB, so that 32 KiB hold two headers in three, and
// 64 KiB would save one package in six its second request.
const FirstRequest = 32 << 10

// maxRequests bounds the requests for one header: one for the head, one for the
// rest, and one more when the signature header alone exceeds the first.
const maxRequests = 3

// SizeUnknown stands for a size that nobody has stated.
const SizeUnknown int64 = -1

// RangeSource gives bytes of one RPM file, usually by HTTP range requests.
// Implementations retry what is worth it and check what the answer says of
// itself (status, Content-Range); their errors name the URL without credentials.
type RangeSource interface {
	// Range returns the n bytes of the file from offset off, fewer only where the
	// file ends, and the whole file's size, or SizeUnknown. A source that cannot
	// give ranges (the server ignores them, so the whole file comes, and may be
	// stored on the way) sets whole, and data is then what the file has from byte
	// 0 to at least off+n, or to its end; total is SizeUnknown only when data is
	// all of it. The data belongs to the caller. Range blocks until the data is
	// there, or ctx is done.
	Range(ctx context.Context, off, n int64) (data []byte, total int64, whole bool, err error)
}

// Request says what FetchHeader is to fetch.
type Request struct {
	// First is the number of bytes to ask for first; FirstRequest when 0.
	First int64
	// Size is the file's size as the lock states it; SizeUnknown or 0 when it does not.
	Size int64
}

// Fetched is what FetchHeader learned.
type Fetched struct {
	Package *Package
	// Size of the whole file in bytes, from the lock or else from the source;
	// SizeUnknown when neither says.
	Size int64
	// Requests that were made, and bytes that they brought.
	Requests int
	Bytes    int64
}

// FetchHeader gets a package's facts from the first bytes of its file: with one
// request for most packages, with a second one for exactly the rest of a long
// header. It blocks until it is done or ctx is; it may be called concurrently.
// Errors wrap those of src, ErrNotRPM, ErrHeader, or ErrTruncated; a file whose
// size is not the lock's is a *SizeError. They do not name the package, which
// the caller knows better.
func FetchHeader(ctx context.Context, src RangeSource, req Request) (*Fetched, error) {
	f := &fetcher{src: src, out: Fetched{Size: SizeUnknown}}
	if req.Size > 0 {
		f.out.Size, f.locked = req.Size, true
	}
	need := req.First
	if need <= 0 {
		need = FirstRequest
	}
	for f.out.Requests < maxRequests && need > int64(len(f.head)) {
		if f.out.Size >= 0 {
			need = min(need, f.out.Size)
		}
		if err := f.more(ctx, need); err != nil {
			return nil, err
		}
		var err error
		if need, err = Need(f.head); err != nil {
			return nil, err
		}
		if f.out.Size >= 0 && need > f.out.Size {
			return nil, fmt.Errorf("%w: the header ends at byte %d of a file of %d", ErrTruncated, need, f.out.Size)
		}
	}
	p, err := ParseHeader(f.head)
	if err != nil {
		return nil, err
	}
	f.out.Package = p
	return &f.out, nil
}

// fetcher collects the first bytes of one file.
type fetcher struct {
	src    RangeSource
	head   []byte
	locked bool // out.Size is the lock's
	out    Fetched
}

// more extends head to need bytes, or to the whole file.
func (f *fetcher) more(ctx context.Context, need int64) error {
	off := int64(len(f.head))
	data, total, whole, err := f.src.Range(ctx, off, need-off)
	if err != nil {
		return fmt.Errorf("fetching bytes %d to %d of an RPM: %w", off, need, err)
	}
	f.out.Requests++
	f.out.Bytes += int64(len(data))
	if whole && total < 0 {
		total = int64(len(data))
	}
	if err := f.checkSize(total); err != nil {
		return err
	}
	if whole {
		f.head = data
		need = max(need, min(int64(len(data)), f.out.Size)) // more than was asked for is welcome here
		return f.checkLength(0, need)
	}
	f.head = append(f.head, data...)
	return f.checkLength(off, need)
}

// checkSize holds the size that the source states against the one that is known.
func (f *fetcher) checkSize(total int64) error {
	switch {
	case total < 0 || total == f.out.Size:
		return nil
	case f.out.Size < 0:
		f.out.Size = total
		return nil
	}
	return &SizeError{Want: f.out.Size, Got: total, Locked: f.locked}
}

// checkLength makes sure that an answer has what was asked for.
func (f *fetcher) checkLength(off, need int64) error {
	have := int64(len(f.head))
	switch {
	case have > need:
		return fmt.Errorf("%w: the answer has %d bytes of the %d that were asked for", ErrHeader, have-off, need-off)
	case have == need || have == f.out.Size:
		return nil
	}
	if _, err := Need(f.head); err != nil {
		return err // an error page is short too, and says more
	}
	if f.out.Size < 0 {
		if n, _ := Need(f.head); n <= have {
			return nil // a short file of unknown size, but its header is there
		}
	}
	return fmt.Errorf("%w: the answer has %d bytes of the %d that were asked for", ErrTruncated, have-off, need-off)
}

// SizeError says that the source's file has another size than expected, so that
// it is not the file that the lock names.
type SizeError struct {
	Want, Got int64 // bytes
	Locked    bool  // Want is the lock's; otherwise what the source said before
}

// Error says what is wrong and what it means.
func (e *SizeError) Error() string {
	if e.Locked {
		return fmt.Sprintf("the server's file has %d bytes, but the lock states %d: it is another file "+
			"(make the lock anew, or ask for the file at its old place)", e.Got, e.Want)
	}
	return fmt.Sprintf("the server's file had %d bytes, and now has %d: it was replaced in between; try again", e.Want, e.Got)
}
