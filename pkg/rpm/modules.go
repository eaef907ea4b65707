package rpm

import (
	"fmt"
	"io"
)

// maxModules bounds what a compressed modules.yaml may become, in bytes. The
// largest distributions have about 10 MiB.
const maxModules = 128 << 20

// plainModules is the text of a modules.yaml that may be compressed: lock files
// name it as it lies in the upstream repodata, where it usually is. More than
// limit bytes are an error, unless they are not compressed.
func plainModules(data []byte, limit int64) ([]byte, error) {
	r, packed, err := unpack(data)
	if err != nil {
		return nil, fmt.Errorf("reading modules.yaml: %w", err)
	}
	if !packed {
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
