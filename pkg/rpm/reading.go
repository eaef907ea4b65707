package rpm

import (
	"slices"
	"strconv"
	"strings"
)

// reading is a package as one of the metadata files describes it. Its methods
// stand at the package element's start and go to its end.
type reading struct {
	Package
	id    string // that the element has to state
	size  int64  // and this size; in primary
	files []string
	dirs  map[string]uint32
}

func (p *reading) primary(m *markup) {
	var typ string
	m.fill(field{name: "type", to: &typ})
	if typ != "rpm" {
		m.failf("a package of the type %.40q", typ)
	}
	var sum, size, built string
	m.children(func(name string) {
		switch name {
		case "name":
			p.Name = p.word(m)
		case "arch":
			p.Arch = p.word(m)
		case "version":
			p.version(m)
		case "checksum":
			var typ, yes string
			m.fill(field{name: "type", to: &typ}, field{name: "pkgid", to: &yes})
			sum = typ + ":" + m.content()
		case "summary":
			p.Summary = p.word(m)
		case "description":
			p.Description = p.word(m)
		case "packager":
			p.Packager = p.word(m)
		case "url":
			p.URL = p.word(m)
		case "time":
			var file string
			m.fill(field{name: "file", to: &file}, field{name: "build", to: &built})
			p.BuildTime = m.integer(built)
			m.empty()
		case "size":
			var installed, archive string
			m.fill(field{name: "package", to: &size}, field{name: "installed", to: &installed}, field{name: "archive", to: &archive})
			p.InstalledSize, p.ArchiveSize = uint64(m.integer(installed)), uint64(m.integer(archive))
			m.empty()
		case "location":
			m.skip() // the lock says where the package is
		case "format":
			m.fill()
			m.children(func(name string) { p.format(m, name) })
		default:
			m.failf("the unknown element %.40q", name)
		}
	})
	switch {
	case sum != "sha256:"+p.id || size != strconv.FormatInt(p.size, 10):
		m.failf("another package")
	case p.Name == "" || p.Version == "" || p.Release == "" || built == "" || p.Header.Start <= 0 || p.Header.End < p.Header.Start || p.Header.End > maxHead:
		m.failf("not all that a header says")
	}
}

// word is the content of an element that has no attributes.
func (p *reading) word(m *markup) string {
	m.fill()
	return m.content()
}

func (p *reading) version(m *markup) {
	var epoch string
	m.fill(field{name: "epoch", to: &epoch}, field{name: "ver", to: &p.Version}, field{name: "rel", to: &p.Release})
	p.Epoch = uint64(m.integer(epoch))
	m.empty()
}

func (p *reading) format(m *markup, name string) {
	switch name {
	case "rpm:license":
		p.License = p.word(m)
	case "rpm:vendor":
		p.Vendor = p.word(m)
	case "rpm:group":
		p.Group = p.word(m)
	case "rpm:buildhost":
		p.BuildHost = p.word(m)
	case "rpm:sourcerpm":
		p.SourceRPM = p.word(m)
	case "rpm:header-range":
		var start, end string
		m.fill(field{name: "start", to: &start}, field{name: "end", to: &end})
		p.Header = HeaderRange{m.integer(start), m.integer(end)}
		m.empty()
	case "file":
		kind, path := readFile(m)
		p.files = append(p.files, fileLine(path, kind))
	default:
		for kind, element := range depElements {
			if name == "rpm:"+element {
				p.Deps[kind] = append(p.Deps[kind], readEntries(m)...)
				return
			}
		}
		m.failf("the unknown element %.40q", name)
	}
}

// readEntries reads a list of dependencies. An empty list stands for one of
// which nothing could be written.
func readEntries(m *markup) []Dependency {
	var list []Dependency
	m.fill()
	m.children(func(name string) {
		if name != "rpm:entry" {
			m.failf("the unknown element %.40q", name)
		}
		var d Dependency
		var pre string
		m.fill(field{name: "name", to: &d.Name}, field{name: "flags", to: &d.Flags}, field{name: "epoch", to: &d.Epoch},
			field{name: "ver", to: &d.Version}, field{name: "rel", to: &d.Release}, field{name: "pre", to: &pre})
		m.empty()
		if d.Pre = pre == "1"; pre != "" && !d.Pre || d.Name == "" || !slices.Contains(compareNames[:], d.Flags) ||
			d.Flags == "" && d.Epoch+d.Version+d.Release != "" {
			m.failf("the dependency %.80q", d.Name)
		}
		list = append(list, d)
	})
	if list == nil {
		return []Dependency{{}}
	}
	return list
}

func readFile(m *markup) (FileKind, string) {
	var typ string
	m.fill(field{name: "type", to: &typ})
	kind := FilePlain
	switch typ {
	case "":
	case "dir":
		kind = FileDir
	case "ghost":
		kind = FileGhost
	default:
		m.failf("a file of the type %.40q", typ)
	}
	return kind, m.content()
}

// identity reads the start tag of a package in filelists and other.
func (p *reading) identity(m *markup) {
	var id string
	m.fill(field{name: "pkgid", to: &id}, field{name: "name", to: &p.Name}, field{name: "arch", to: &p.Arch})
	if id != p.id {
		m.failf("another package")
	}
}

func (p *reading) filelists(m *markup) {
	p.identity(m)
	p.Files = make([]File, 0, strings.Count(m.rest, "<file"))
	m.children(func(name string) {
		switch name {
		case "version":
			p.version(m)
		case "file":
			kind, path := readFile(m)
			p.addFile(kind, path)
			for path, ok := m.plainFile(); ok; path, ok = m.plainFile() {
				p.addFile(FilePlain, path)
			}
		default:
			m.failf("the unknown element %.40q", name)
		}
	})
}

// plainFile is the path of the next element if that is a file without
// attributes and references, as nearly all in filelists are. It is there for
// speed: children reads such a file as well.
func (m *markup) plainFile() (string, bool) {
	const start, end = "<file>", "</file>"
	line := strings.IndexByte(m.rest, '<')
	if line < 0 || !strings.HasPrefix(m.rest[line:], start) || !plain(m.rest[:line], inText) {
		return "", false
	}
	rest := m.rest[line+len(start):]
	n := strings.IndexByte(rest, '<')
	if n < 0 || !strings.HasPrefix(rest[n:], end) || !plain(rest[:n], inText) {
		return "", false
	}
	m.rest = rest[n+len(end):]
	return rest[:n], true
}

func (p *reading) addFile(kind FileKind, path string) {
	slash := strings.LastIndexByte(path, '/') + 1
	p.Files = append(p.Files, File{Dir: p.dir(path[:slash]), Kind: kind, Base: path[slash:]})
}

// dir is the directory's index. Files of one directory mostly stand together.
func (p *reading) dir(dir string) uint32 {
	if n := len(p.Dirs); n > 0 && p.Dirs[n-1] == dir {
		return uint32(n - 1)
	}
	if i, ok := p.dirs[dir]; ok {
		return i
	}
	if p.dirs == nil {
		p.dirs = map[string]uint32{}
	}
	i := uint32(len(p.Dirs))
	p.dirs[dir], p.Dirs = i, append(p.Dirs, dir)
	return i
}

func (p *reading) other(m *markup) {
	p.identity(m)
	m.children(func(name string) {
		switch name {
		case "version":
			p.version(m)
		case "changelog":
			var date string
			var c Changelog
			m.fill(field{name: "author", to: &c.Author}, field{name: "date", to: &date})
			c.Time, c.Text = m.integer(date), m.content()
			p.Changelogs = append(p.Changelogs, c)
		default:
			m.failf("the unknown element %.40q", name)
		}
	})
	slices.Reverse(p.Changelogs) // the header has the newest first
	p.Changelogs = p.Changelogs[:min(len(p.Changelogs), MaxChangelogs)]
}
