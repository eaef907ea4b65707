package locks

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// maxLockBytes bounds the size of a lock file. The largest real ones are
// around a megabyte; the bound keeps a hostile file from using all memory.
const maxLockBytes = 64 << 20

// Format is one kind of lock file. Several formats may share a Type, because a
// Hermeto backend may read several files (pip: pylock.toml, requirements.txt).
type Format struct {
	// Type is the Hermeto backend that Parse produces: "pip", "npm", ….
	Type string
	// Match says whether a file of this base name is found by discovery.
	Match func(base string) bool
	// Named, where it is set, says whether a file of this base name that somebody
	// has named is of this format and not of another one of the same Type.
	Named func(base string) bool
	// Parse reads one lock file. It is safe for concurrent use, and its errors
	// are *Error with File set.
	Parse func(Source) (*Lock, error)
}

// Formats returns all formats, in the order in which discovery should try them.
// The slice is the caller's.
func Formats() []Format {
	return []Format{
		newFormat("pip", isPylock, parsePylock),
		newFormat("pip", oneOf("uv.lock"), parseUV).named(func(base string) bool { return strings.HasSuffix(base, ".lock") }),
		newFormat("pip", isRequirements, parseRequirements).named(func(base string) bool { return strings.HasSuffix(base, ".txt") || strings.HasSuffix(base, ".in") }),
		newFormat("npm", oneOf("npm-shrinkwrap.json", "package-lock.json"), parseNpm),
		newFormat("yarn", oneOf("yarn.lock"), parseYarn),
		newFormat("pnpm", oneOf("pnpm-lock.yaml"), parsePnpm),
		newFormat("cargo", oneOf("Cargo.lock"), parseCargo),
		newFormat("gomod", oneOf("go.mod", "go.work"), parseGomod),
		newFormat("bundler", oneOf("Gemfile.lock"), parseBundler),
		newFormat("generic", oneOf("artifacts.lock.yaml"), parseGeneric),
		newFormat("rpm", oneOf("rpms.lock.yaml"), parseRPM),
		newFormat("x-maven", oneOf("lockfile.json"), parseMaven),
	}
}

// ForFile returns the first format that is discovered by the file name base.
func ForFile(base string) (Format, bool) {
	for _, f := range Formats() {
		if f.Match(base) {
			return f, true
		}
	}
	return Format{}, false
}

// Parse reads src as a lock of the given Type. Among the formats of one Type
// the file's base name decides: Match, then Named; a file of another name is
// taken for the first.
// All errors are *Error.
func Parse(typ string, src Source) (*Lock, error) {
	var best *Format
	var known []string
	rank := 0 // of best: 1 the first of the type, 2 Named, 3 Match
	base := cmp.Or(src.Like, path.Base(src.Path))
	for _, f := range Formats() {
		if !slices.Contains(known, f.Type) {
			known = append(known, f.Type)
		}
		r := 1
		switch {
		case f.Type != typ:
			r = 0
		case f.Match(base):
			r = 3
		case f.Named != nil && f.Named(base):
			r = 2
		}
		if r > rank {
			best, rank = &f, r
		}
	}
	if best == nil {
		return nil, &Error{
			File: src.Path,
			Msg:  fmt.Sprintf("the input type %q is not known", typ),
			Hint: "known types: " + strings.Join(known, ", "),
		}
	}
	return best.Parse(src)
}

// named sets Named.
func (f Format) named(match func(base string) bool) Format {
	f.Named = match
	return f
}

// newFormat wraps a parser with what holds for all of them: the size bound,
// and the file's name in the Lock and in every error.
func newFormat(typ string, match func(string) bool, parse func(Source, *builder) error) Format {
	return Format{Type: typ, Match: match, Parse: func(src Source) (*Lock, error) {
		if len(src.Data) > maxLockBytes {
			return nil, &Error{File: src.Path, Msg: fmt.Sprintf(
				"the lock file has %d bytes, more than the %d that are read", len(src.Data), maxLockBytes)}
		}
		b := newBuilder(typ, src)
		if err := parse(src, b); err != nil {
			return nil, inFile(src.Path, err)
		}
		return &b.lock, nil
	}}
}

// inFile makes err an *Error that names the file.
func inFile(file string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Msg: err.Error(), Err: err}
	}
	if e.File == "" {
		e.File = file
	}
	return e
}

func oneOf(names ...string) func(string) bool {
	return func(base string) bool {
		for _, n := range names {
			if base == n {
				return true
			}
		}
		return false
	}
}
