package tree

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxSegment is NAME_MAX of every file system that a tree is copied to.
	maxSegment = 255
	// maxPath leaves room below Linux's PATH_MAX (4096) for the directory in
	// front of it.
	maxPath = 3800
)

// CheckPath says why path may not be the path of a file below the output
// directory, or returns nil. Paths come from lock files, which are untrusted:
// a path must not leave the directory, must not be cut short by a C program
// (NUL), must mean the same on every system (backslash), and must not be able
// to drive the terminal on which it is printed (control characters).
func CheckPath(path string) error {
	switch {
	case path == "":
		return fmt.Errorf("the path is empty")
	case len(path) > maxPath:
		return fmt.Errorf("path %q… has %d bytes, more than %d", path[:40], len(path), maxPath)
	case path[0] == '/':
		return fmt.Errorf("path %q is absolute", path)
	}
	if err := checkChars(path); err != nil {
		return err
	}
	for rest := path; ; {
		segment, after, more := strings.Cut(rest, "/")
		switch {
		case segment == "":
			return fmt.Errorf("path %q has an empty segment", path)
		case segment == "." || segment == "..":
			return fmt.Errorf("path %q has a %q segment", path, segment)
		case len(segment) > maxSegment:
			return fmt.Errorf("path %q has a segment of %d bytes, more than %d", path, len(segment), maxSegment)
		}
		if !more {
			return nil
		}
		rest = after
	}
}

func checkChars(path string) error {
	ascii := true
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == 0:
			return fmt.Errorf("path %q holds a NUL byte", path)
		case c < 0x20 || c == 0x7f:
			return fmt.Errorf("path %q holds a control character", path)
		case c == '\\':
			return fmt.Errorf("path %q holds a backslash", path)
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	if ascii {
		return nil
	}
	if !utf8.ValidString(path) {
		return fmt.Errorf("path %q is not valid UTF-8", path)
	}
	for _, r := range path {
		// Cf holds the bidirectional overrides, which make a name look like another.
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return fmt.Errorf("path %q holds the invisible character %U", path, r)
		}
	}
	return nil
}
