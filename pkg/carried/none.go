//go:build !carry

package carried

// carries says that this is a release.
const carries = false

func programs() map[string][]byte { return nil }
