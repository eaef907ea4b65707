package rpm

import (
	"bytes"
	"compress/bzip2"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxWindow bounds the memory of a decompressor, in bytes.
const maxWindow = 128 << 20

// unpack chooses the decompressor by the first bytes; packed is false for what
// is not compressed, which is read as it is. How much may come out is the
// caller's to bound.
func unpack(data []byte) (r io.Reader, packed bool, err error) {
	src := bytes.NewReader(data)
	for _, format := range []struct {
		magic string
		open  func() (io.Reader, error)
	}{
		{"\x1f\x8b", func() (io.Reader, error) { return gzip.NewReader(src) }},
		{"\xfd7zXZ\x00", func() (io.Reader, error) { return xz.NewReader(src) }},
		{"BZh", func() (io.Reader, error) { return bzip2.NewReader(src), nil }},
		{"\x28\xb5\x2f\xfd", func() (io.Reader, error) {
			return zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxWindow))
		}},
	} {
		if bytes.HasPrefix(data, []byte(format.magic)) {
			r, err = format.open()
			return r, true, err
		}
	}
	return src, false, nil
}
