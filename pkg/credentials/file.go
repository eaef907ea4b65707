package credentials

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"
)

// maxFile bounds a settings file, in bytes.
const maxFile = 1 << 20

// read reads a settings file, and remembers that it was looked at. nil when there
// is none; what can't be read is a warning, since the file may be about other
// hosts.
func (g *gatherer) read(path string) []byte {
	if path == "" {
		return nil
	}
	data, err := readFile(path)
	if err == nil {
		g.looked(g.name(path))
		return data
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		g.warn("%s is left out: %v", g.name(path), plainError(err))
	}
	return nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not block us
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil {
		return nil, err
	} else if !fi.Mode().IsRegular() && fi.Size() == 0 && path == os.DevNull {
		return nil, nil
	} else if !fi.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("it is longer than %d bytes", maxFile)
	}
	return data, err
}

// plainError cuts the path from an error of package os.
func plainError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// exposed says why a file of secrets can't be trusted: somebody else made it or
// can write to it, or (private) can read it. "" when it can.
func exposed(path string, private bool) string {
	fi, err := os.Stat(path)
	if err != nil {
		return ""
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return "it belongs to another user"
	}
	switch mode := fi.Mode().Perm(); {
	case mode&0o022 != 0:
		return "others can write to it (chmod 600)"
	case private && mode&0o077 != 0:
		return "others can read it (chmod 600)"
	}
	return ""
}

// name is how people know a file.
func (g *gatherer) name(path string) string {
	if g.o.Home != "" {
		if rel, err := filepath.Rel(g.o.Home, path); err == nil && filepath.IsLocal(rel) {
			return "~/" + rel
		}
	}
	for _, dir := range g.o.Dirs {
		if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
}

// path resolves a file that settings in dir name.
func (g *gatherer) path(dir, name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		return g.home(rest)
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// secret checks what is going to be put into a header. The error does not repeat it.
func secret(s string) (string, error) {
	if s == "" {
		return "", errors.New("it is empty")
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return "", errors.New("it has more than one line, or control characters")
	}
	return s, nil
}

// printable makes a name from a file fit for a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '�'
		}
		return r
	}, s)
}
