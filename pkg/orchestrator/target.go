package orchestrator

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
	"github.com/lazybuild/lazybuild/pkg/orchestrator/containerfile"
)

// Target is what is being built, as podman would find it.
type Target struct {
	// Context is the build context's absolute path; empty when it is no local
	// directory (a URL, a git repository, an archive on stdin).
	Context string
	// Files are the Containerfiles; none when Opaque.
	Files []Containerfile
	// Opaque says why the Containerfiles have to stay as they are: nobody but
	// podman sees their text. Empty when they can be rewritten.
	Opaque string
	// Stdin says that podman will read the context from stdin: an archive, or a
	// Containerfile, which is then all that there is.
	Stdin bool
}

// Containerfile is one file that -f names, or the one that podman finds.
type Containerfile struct {
	// Name is how the user named it, for messages.
	Name string
	// Path is absolute; empty when it came from stdin.
	Path string
	// Data is its content.
	Data []byte
}

// Containerfile is the path of the first Containerfile, or "" when it came from
// stdin or nobody knows it.
func (t *Target) Containerfile() string {
	if len(t.Files) == 0 {
		return ""
	}
	return t.Files[0].Path
}

// Locate finds the context and the Containerfiles with podman's own rules. It
// reads stdin when the command line says "-f -" beside a context. The error is
// a *UsageError; a Target with a Context comes with it when only the
// Containerfile is missing.
func Locate(l *cmdline.Line, stdin io.Reader) (*Target, error) {
	t := &Target{}
	files := l.Files()
	ctx := contextOf(l, files)
	switch {
	case ctx == "":
		t.Opaque = "no build context is named"
		return t, nil
	case ctx == "-" && (len(files) == 0 || files[0] == "-"):
		t.Stdin, t.Opaque = true, "the build context comes from stdin"
		return t, nil
	case ctx == "-" || isURL(ctx):
		t.Opaque = "the build context is no local directory"
		return t, t.readHere(files, stdin)
	}
	abs, err := filepath.Abs(ctx)
	if err != nil {
		return nil, &UsageError{err}
	}
	info, err := os.Stat(abs)
	if err != nil {
		return nil, &UsageError{fmt.Errorf("build context: %w", err)}
	}
	if !info.IsDir() {
		t.Opaque = "the build context is no directory"
		return t, nil
	}
	t.Context = abs
	if len(files) == 0 {
		return t, t.findDefault()
	}
	return t, t.read(files, stdin)
}

// contextOf is the word that is the context for podman, "" when there is none.
func contextOf(l *cmdline.Line, files []string) string {
	if ps := l.Positionals(); len(ps) > 0 {
		return ps[0]
	}
	// Without a context podman takes the first Containerfile's directory; -f -
	// alone means that stdin is the context.
	for _, f := range files {
		switch {
		case f == "-":
			return f
		case !isURL(f):
			return filepath.Dir(f)
		}
	}
	return ""
}

// isURL is podman's own rule for contexts and Containerfiles that are fetched
// (buildah's TempDirForURL). A name that only ends in ".git" is a local one.
func isURL(s string) bool {
	for _, prefix := range []string{"http://", "https://", "git://", "github.com/"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

func (t *Target) findDefault() error {
	for _, name := range []string{"Containerfile", "Dockerfile"} {
		path := filepath.Join(t.Context, name)
		data, err := os.ReadFile(path)
		if err == nil {
			t.Files = []Containerfile{{Name: name, Path: path, Data: data}}
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return &UsageError{fmt.Errorf("reading the Containerfile: %w", err)}
		}
	}
	return &UsageError{fmt.Errorf("no Containerfile or %s in %s: name one with -f", "Dockerfile", t.Context)}
}

func (t *Target) read(names []string, stdin io.Reader) error {
	for _, name := range names {
		if t.Opaque = whyOpaque(name); t.Opaque != "" {
			t.Files = nil
			return nil
		}
	}
	for _, name := range names {
		c := Containerfile{Name: name}
		var err error
		if name == "-" || name == "/dev/stdin" {
			c.Name = "standard input"
			c.Data, err = io.ReadAll(stdin)
		} else {
			c.Path, c.Data, err = readContainerfile(name, t.Context)
		}
		if err != nil {
			return &UsageError{fmt.Errorf("reading the Containerfile: %w", err)}
		}
		t.Files = append(t.Files, c)
	}
	return nil
}

// readHere reads the Containerfiles of a context that podman fetches, where all
// of them are on this machine: podman looks here first.
func (t *Target) readHere(names []string, stdin io.Reader) error {
	for _, name := range names {
		if name == "-" || name == "/dev/stdin" {
			continue
		}
		if !isReadable(name) {
			return nil
		}
	}
	if len(names) == 0 {
		return nil
	}
	return t.read(names, stdin)
}

// isReadable says whether a Containerfile is here, and one that lazybuild reads.
func isReadable(name string) bool {
	_, err := os.Stat(name)
	return err == nil && whyOpaque(name) == ""
}

// whyOpaque says why a Containerfile of this name cannot be rewritten.
func whyOpaque(name string) string {
	switch {
	case isURL(name):
		return "a Containerfile is fetched from a URL"
	case !containerfile.Rewritable(name):
		return name + " goes through the C preprocessor"
	}
	return ""
}

// readContainerfile looks where podman looks: relative to the current
// directory first, then to the context.
func readContainerfile(name, context string) (string, []byte, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", nil, err
	}
	data, err := os.ReadFile(abs)
	if errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(name) {
		inContext := filepath.Join(context, name)
		if d, err2 := os.ReadFile(inContext); err2 == nil {
			return inContext, d, nil
		}
	}
	return abs, data, err
}

// ignoreFile returns the ignore file that belongs to a Containerfile, if it has
// one of its own: "<Containerfile>.containerignore" or ".dockerignore". podman
// looks for it beside the Containerfile, so for a rewritten copy it has to be named.
func (c *Containerfile) ignoreFile() string {
	if c.Path == "" {
		return ""
	}
	for _, suffix := range []string{".containerignore", ".dockerignore"} {
		if _, err := os.Stat(c.Path + suffix); err == nil {
			return c.Path + suffix
		}
	}
	return ""
}
