//go:build carry && !linux

package carried

import _ "embed"

//go:embed lazybuild-linux-amd64.gz
var amd64 []byte

//go:embed lazybuild-linux-arm64.gz
var arm64 []byte

const carries = true

func programs() map[string][]byte { return map[string][]byte{"amd64": amd64, "arm64": arm64} }
