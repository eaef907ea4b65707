package rpm

import (
	"bytes"
	"compress/bzip2"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxModules bounds what a compressed modules.yaml may become, in bytes. The
// largest distributions have about 10 MiB.
const maxModules = 128 << 20

// plainModules is the text of a modules.yaml that may be compressed: lock files
// name it as it lies in the upstream repodata, where it usually is. More than
// limit bytes are an error.
func plainModules(data []byte, limit int64) ([]byte, error) {
	r, err := openModules(data)
	if err != nil {
		return nil, fmt.Errorf("reading modules.yaml: %w", err)
	}
	if r == nil {
		return data, nil
	}
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("decompressing modules.yaml: %w", err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("decompressing modules.yaml: it has more than %d bytes", limit)
	}
	return text, nil
}

// openModules chooses the decompressor by the first bytes; nil when there is none to choose.
func openModules(data []byte) (io.Reader, error) {
	src := bytes.NewReader(data)
	for _, format := range []struct {
		magic string
		open  func() (io.Reader, error)
	}{
		{"\x1f\x8b", func() (io.Reader, error) { return gzip.NewReader(src) }},
		{"\xfd7zXZ\x00", func() (io.Reader, error) { return xz.NewReader(src) }},
		{"BZh", func() (io.Reader, error) { return bzip2.NewReader(src), nil }},
		{"\x28\xb5\x2f\xfd", func() (io.Reader, error) {
			return zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxModules))
		}},
	} {
		if bytes.HasPrefix(data, []byte(format.magic)) {
			return format.open()
		}
	}
	return nil, nil
}
