// Package untrusted reads what others have written: files of a project that may
// be anybody's, manifests in a fetched repository. Whatever is in them, reading
// costs no more memory and time than their size warrants.
//
// The TOML decoder needs a time that grows with the square, and a stack that
// grows with the depth, of what is nested; a file of a megabyte can keep it busy
// for hours. So the text is looked over before the decoder sees it. YAML and JSON
// decoders bound the depth themselves.
package untrusted

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"

	"github.com/BurntSushi/toml"
)

// maxDepth bounds tables and lists in each other, and the parts of a dotted key.
// Real files have five or so.
const maxDepth = 64

// MaxConfig is the most bytes that a configuration file of a project may have.
const MaxConfig = 1 << 20

// ReadFile reads a regular file of at most max bytes. Where a pipe or a device
// stands in its place it neither waits nor reads on for ever.
func ReadFile(path string, max int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("it is no regular file")}
	}
	long := &os.PathError{Op: "read", Path: path, Err: fmt.Errorf("it is longer than %d bytes", max)}
	if fi.Size() > max {
		return nil, long
	}
	// With room for the end of the file, so that nothing is copied to grow: memory
	// that is used for the first time is what reading takes longest for.
	var b bytes.Buffer
	b.Grow(int(fi.Size()) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(f, max+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > max { // it has grown
		return nil, long
	}
	return slices.Clip(b.Bytes()), nil
}

// DecodeTOML is toml.Decode for a text that may be an attack.
func DecodeTOML(text string, into any) (toml.MetaData, error) {
	if line := tooDeep(text); line > 0 {
		return toml.MetaData{}, fmt.Errorf("line %d: tables, lists or keys are nested too deeply", line)
	}
	return toml.Decode(text, into)
}

// tooDeep returns the line at which the nesting passes maxDepth, or 0. It looks
// at brackets and dots outside of strings and comments, which counts a little
// more than the depth (dots of numbers), and for broken texts anything.
func tooDeep(text string) (line int) {
	line = 1
	depth, dots := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\n':
			line, dots = line+1, 0
		case '#':
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case '"', '\'':
			end := stringEnd(text, i)
			for ; i < end; i++ {
				if text[i] == '\n' {
					line++
				}
			}
		case '[', '{':
			depth, dots = depth+1, 0
		case ']', '}':
			depth, dots = max(depth-1, 0), 0
		case ',', '=':
			dots = 0
		case '.':
			dots++
		}
		if depth > maxDepth || dots > maxDepth {
			return line
		}
	}
	return 0
}

// stringEnd is the place of the last byte of the string that begins at i. One
// that has no end ends with its line, or with the text if it may have many.
func stringEnd(text string, i int) int {
	quote := text[i]
	triple := i+2 < len(text) && text[i+1] == quote && text[i+2] == quote
	if triple {
		i += 2
	}
	for i++; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quote == '"':
			i++
		case c == '\n' && !triple:
			return i - 1
		case c == quote && !triple:
			return i
		case c == quote && i+2 < len(text) && text[i+1] == quote && text[i+2] == quote:
			return i + 2
		}
	}
	return len(text) - 1
}
