package credentials

import (
	"errors"
	"fmt"
	"strings"
)

// errTemplate is a template that can't be read. It does not repeat it: somebody
// may have written the secret itself there.
var errTemplate = errors.New("a $ is not followed by a variable's name (write $$ for a dollar sign)")

// unset is a variable that a template names and that is not set.
type unset string

func (v unset) Error() string { return fmt.Sprintf("the variable %s is not set", string(v)) }

// expand replaces $NAME and ${NAME} by variables and $$ by a dollar sign, and
// returns the names that it has used. A variable that is not set is an error, an
// empty one is not.
func expand(s string, env map[string]string) (out string, names []string, err error) {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "$")
		b.WriteString(before)
		if !ok {
			return b.String(), names, nil
		}
		if rest, ok = strings.CutPrefix(rest, "$"); ok {
			b.WriteByte('$')
			s = rest
			continue
		}
		name, after := variableName(rest)
		if inner, ok := strings.CutPrefix(rest, "{"); ok {
			name, after, ok = strings.Cut(inner, "}")
			if n, more := variableName(name); !ok || n != name || more != "" {
				name = ""
			}
		}
		if name == "" {
			return "", nil, errTemplate
		}
		value, ok := env[name]
		if !ok {
			return "", nil, unset(name)
		}
		b.WriteString(value)
		names = append(names, name)
		s = after
	}
}

// variableName splits a variable's name from the beginning of s.
func variableName(s string) (name, rest string) {
	i := 0
	for i < len(s) && (s[i] == '_' || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z' || i > 0 && s[i] >= '0' && s[i] <= '9') {
		i++
	}
	return s[:i], s[i:]
}
