//go:build carry && linux && amd64

package carried

import _ "embed"

//go:embed lazybuild-linux-arm64.gz
var arm64 []byte

const carries = true

func programs() map[string][]byte { return map[string][]byte{"arm64": arm64} }
