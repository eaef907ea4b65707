package plan

import (
	"bytes"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Cachi2Env renders the environment as a shell script, as Hermeto's
// generate-env does: Containerfiles source it, or test for it to know that
// their build is hermetic.
func Cachi2Env(env []tree.Env) []byte {
	var b bytes.Buffer
	for _, e := range env {
		b.WriteString("export " + e.Name + "=" + shellQuote(e.Value) + "\n")
	}
	return b.Bytes()
}

// shellQuote leaves plain words as they are and puts the rest in single quotes.
func shellQuote(s string) string {
	plain := s != ""
	for _, r := range s {
		plain = plain && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("%+,-./:=@_", r))
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
