package locks

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// maxArtifacts bounds what one lock may name.
const maxArtifacts = 1_000_000

// builder collects what a parser finds. It checks every path, and it keeps one
// artifact per path, because locks name one file several times (npm's nested
// copies, PEP 751's packages with different markers).
type builder struct {
	lock   Lock
	byPath map[string]int
}

func newBuilder(typ string, src Source) *builder {
	// Growing costs more than a guess that is wrong: real locks have between
	// 250 and 450 bytes per file.
	guess := len(src.Data) / 400
	return &builder{
		lock:   Lock{Type: typ, File: src.Path, Artifacts: make([]Artifact, 0, guess)},
		byPath: make(map[string]int, guess),
	}
}

// add takes an artifact over, or merges it with the one that stands at its
// path already. Two different files at one path are an error.
func (b *builder) add(a Artifact) error {
	if err := checkPath(a.Path); err != nil {
		return errAt(a.Line, "%q: %v", label(a), err)
	}
	i, ok := b.byPath[a.Path]
	if ok {
		return b.merge(&b.lock.Artifacts[i], a)
	}
	if len(b.lock.Artifacts) >= maxArtifacts {
		return errAt(a.Line, "the lock names more than %d files", maxArtifacts)
	}
	b.byPath[a.Path] = len(b.lock.Artifacts)
	b.lock.Artifacts = append(b.lock.Artifacts, a)
	return nil
}

func (b *builder) merge(have *Artifact, a Artifact) error {
	if conflict(have, &a) {
		return &Error{
			Line: a.Line,
			Msg: fmt.Sprintf("%s is named twice with different content (first in line %d: %s, here: %s)",
				a.Path, have.Line, stated(have), stated(&a)),
			Hint: "one path can only hold one file: make the lock again",
		}
	}
	if a.Digest.Strength() > have.Digest.Strength() {
		have.Digest = a.Digest
	}
	if have.Size == SizeUnknown {
		have.Size = a.Size
	}
	for _, u := range a.URLs {
		if !slices.Contains(have.URLs, u) {
			have.URLs = append(have.URLs, u)
		}
	}
	have.Only = have.Only.or(a.Only)
	have.Development = have.Development && a.Development
	have.Spare = have.Spare && a.Spare
	return nil
}

// conflict says whether two artifacts at one path can't be the same file.
// Digests of different algorithms can't be compared: then the URL decides.
func conflict(x, y *Artifact) bool {
	if x.Size != y.Size && x.Size != SizeUnknown && y.Size != SizeUnknown || !sameMake(x.Make, y.Make) {
		return true
	}
	if x.Digest != "" && x.Digest.Algorithm() == y.Digest.Algorithm() {
		return x.Digest != y.Digest
	}
	return !slices.ContainsFunc(x.URLs, func(u string) bool { return slices.Contains(y.URLs, u) })
}

// sameMake says that what is downloaded is made into the same (of one repository,
// another commit is another content).
func sameMake(x, y *Make) bool {
	if x == nil || y == nil {
		return x == y
	}
	return x.Kind == y.Kind && x.Dir == y.Dir && maps.Equal(x.Args, y.Args)
}

func stated(a *Artifact) string {
	if a.Digest == "" && a.Make != nil && a.Make.Args["commit"] != "" {
		return "commit " + a.Make.Args["commit"]
	}
	if a.Digest == "" {
		return "no digest"
	}
	return a.Digest.String()
}

func label(a Artifact) string {
	if a.Version == "" {
		return a.Name
	}
	return a.Name + " " + a.Version
}

func (b *builder) warn(format string, args ...any) {
	b.lock.Warnings = append(b.lock.Warnings, fmt.Sprintf(format, args...))
}

func (b *builder) env(name, value string) {
	b.lock.Env = append(b.lock.Env, EnvVar{Name: name, Value: value})
}

// or returns the constraint of a file that is wanted under c and under d.
func (c Constraint) or(d Constraint) Constraint {
	out := Constraint{Source: c.Source && d.Source}
	if slices.Equal(c.OS, d.OS) && slices.Equal(c.CPU, d.CPU) && slices.Equal(c.Libc, d.Libc) {
		out.OS, out.CPU, out.Libc = c.OS, c.CPU, c.Libc
	}
	if c.Arch == d.Arch {
		out.Arch = c.Arch
	}
	switch {
	case c.Marker == d.Marker:
		out.Marker = c.Marker
	case c.Marker != "" && d.Marker != "":
		out.Marker = "(" + c.Marker + ") or (" + d.Marker + ")"
	}
	return out
}

// errAt is an *Error in the given line; newFormat adds the file's name.
func errAt(line int, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Line: line, Msg: err.Error(), Err: unwrapOnce(err)}
}

func unwrapOnce(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return nil
}

// inLine puts the line into an *Error that has none.
func inLine(line int, err error) error {
	if e := (*Error)(nil); errors.As(err, &e) && e.Line == 0 {
		e.Line = line
	}
	return err
}

// unsupported marks an *Error as one about what lazybuild cannot do yet.
func (e *Error) unsupported() *Error {
	e.Unsupported = true
	return e
}

// hint adds what to do to an *Error.
func (e *Error) hint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}
