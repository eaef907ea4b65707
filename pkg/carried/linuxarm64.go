//go:build carry && linux && arm64

package carried

import _ "embed"

//go:embed lazybuild-linux-amd64.gz
var amd64 []byte

const carries = true

func programs() map[string][]byte { return map[string][]byte{"amd64": amd64} }
