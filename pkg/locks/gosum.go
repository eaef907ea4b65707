package locks

import (
	"strings"

	"golang.org/x/mod/module"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// goSums is what the go.sum files of a project say, in their order.
type goSums struct {
	list []goSum
	at   map[module.Version]int
}

// goSum is one version of a module.
type goSum struct {
	mod              module.Version
	version          string // escaped for file systems and URLs: "!a" for "A"
	base             string // where its files stand in the tree, without extension
	modHash, zipHash digest.Digest
	file             string
	line             int
}

// emptyGoMod is the hash of an empty go.mod. Old versions of Go wrote it by
// mistake; go ignores such lines.
const emptyGoMod = "h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY="

// read adds a go.sum file: lines of module, version and hash. It is as strict as
// the go command.
func (s *goSums) read(file string, data []byte) error {
	if s.at == nil {
		n := len(data) / 90 // two lines for most modules
		s.at = make(map[module.Version]int, n)
		s.list = make([]goSum, 0, n)
	}
	line := 0
	for text := range strings.Lines(string(data)) {
		line++
		if err := s.readLine(file, line, strings.Fields(text)); err != nil {
			return inFile(file, err)
		}
	}
	return nil
}

func (s *goSums) readLine(file string, line int, fields []string) error {
	if len(fields) == 0 {
		return nil
	}
	if len(fields) != 3 {
		return errAt(line, "the line has %d fields, not module, version and hash", len(fields)).hint("go mod tidy makes the file anew")
	}
	path, version, hash := fields[0], fields[1], fields[2]
	version, isMod := strings.CutSuffix(version, "/go.mod")
	algo, _, _ := strings.Cut(hash, ":")
	switch {
	case hash == emptyGoMod, isToolchain(path, version):
		return nil
	case algo != "h1":
		return nil // go too passes over hashes that it doesn't know
	}
	kind := digest.GoZip
	if isMod {
		kind = digest.GoMod
	}
	d, err := digest.ParseH1(kind, hash)
	if err != nil {
		return errAt(line, "%w", err)
	}
	m, err := s.version(file, line, module.Version{Path: path, Version: version})
	if err != nil {
		return err
	}
	have := &m.zipHash
	if isMod {
		have = &m.modHash
	}
	if *have != "" && *have != d {
		return errAt(line, "%s %s has a second hash, %s (first %s)", clip(path), clip(fields[1]), d.H1(), have.H1()).
			hint("only one of them can be right: remove both lines, then run go mod tidy")
	}
	*have = d
	return nil
}

// version finds or makes the entry of a version.
func (s *goSums) version(file string, line int, v module.Version) (*goSum, error) {
	if i, ok := s.at[v]; ok {
		return &s.list[i], nil
	}
	m := goSum{mod: v, file: file, line: line}
	path, err := module.EscapePath(v.Path)
	if err != nil {
		return nil, errAt(line, "%w", err)
	}
	if m.version, err = module.EscapeVersion(v.Version); err != nil {
		return nil, errAt(line, "%w", err)
	}
	if strings.Contains(v.Version, "/") {
		return nil, errAt(line, "the version %q holds a path separator", clip(v.Version))
	}
	m.base = gomodDownload + "/" + path + "/@v/" + m.version
	s.at[v] = len(s.list)
	s.list = append(s.list, m)
	return &s.list[len(s.list)-1], nil
}

// isToolchain says that a version is one of Go itself, which go downloads like a
// module. Hermeto leaves them out: the image brings its Go.
func isToolchain(path, version string) bool {
	return strings.HasSuffix(path, "/toolchain") && strings.HasPrefix(version, "v0.0.1-go")
}
