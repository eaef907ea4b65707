package locks

import "strings"

// gemLock is what a Gemfile.lock says about gems. Its format is Bundler's own
// (lib/bundler/lockfile_parser.rb): sections under headings in capitals, indented
// by two spaces per level.
type gemLock struct {
	gems      []gemSpec
	repos     []gemRepo
	checksums map[string]gemSum // by the gem's file name without ".gem"
}

// gemSpec is one gem of a GEM section.
type gemSpec struct {
	name, version, platform string // platform is empty for "ruby"
	remotes                 []string
	remoteLine, line        int
}

// file is the gem's file name without ".gem".
func (g *gemSpec) file() string {
	s := g.name + "-" + g.version
	if g.platform != "" {
		s += "-" + g.platform
	}
	return s
}

// gemSum is one line of the CHECKSUMS section: "sha256=…", several with commas.
type gemSum struct {
	text string
	line int
}

func readGemLock(data []byte) (*gemLock, error) {
	r := gemReader{lock: gemLock{checksums: make(map[string]gemSum)}}
	text := strings.TrimPrefix(string(data), "\uFEFF")
	for line := range strings.SplitSeq(text, "\n") {
		r.line++
		if err := r.read(strings.TrimRight(line, " \r")); err != nil {
			return nil, err
		}
	}
	if r.section == "" {
		return nil, errAt(0, "the file has no section, so it is no Gemfile.lock").hint("bundle lock makes one")
	}
	return &r.lock, nil
}

type gemReader struct {
	lock       gemLock
	line       int
	section    string
	remotes    []string
	remoteLine int
}

func (r *gemReader) read(line string) error {
	text := strings.TrimLeft(line, " ")
	indent := len(line) - len(text)
	switch {
	case text == "":
		return nil
	case strings.HasPrefix(line, "<<<<<<<"), strings.HasPrefix(line, ">>>>>>>"), strings.HasPrefix(line, "======="):
		return errAt(r.line, "the file holds a merge conflict").hint("resolve it, then run bundle lock")
	case indent == 0:
		return r.heading(text)
	case r.section == "":
		return errAt(r.line, "the line stands in no section")
	case r.section == "GEM":
		return r.gem(text, indent)
	case r.section == "GIT":
		return r.git(text, indent)
	case r.section == "CHECKSUMS":
		return r.checksum(text)
	}
	return nil
}

// heading starts a section. Like Bundler, it passes over headings of later
// versions; sources that lazybuild can't take files from are errors.
func (r *gemReader) heading(text string) error {
	if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ ") != "" {
		return errAt(r.line, "%q is no heading of a Gemfile.lock", clip(text))
	}
	if text == "PLUGIN SOURCE" {
		return errAt(r.line, "gems from sources of Bundler plugins are not supported")
	}
	r.section, r.remotes = text, nil
	if text == "GIT" {
		r.lock.repos = append(r.lock.repos, gemRepo{line: r.line, options: make(map[string]string)})
	}
	return nil
}

func (r *gemReader) gem(text string, indent int) error {
	switch {
	case indent == 2 && strings.HasPrefix(text, "remote: "):
		r.remotes = append(r.remotes, strings.TrimSpace(text[len("remote: "):]))
		r.remoteLine = r.line
	case indent == 4:
		name, version, platform, rest, ok := cutGem(text)
		if !ok || rest != "" {
			return errAt(r.line, "%q is not <name> (<version>)", clip(text))
		}
		if len(r.remotes) == 0 {
			return errAt(r.line, "the section names no remote before its gems")
		}
		r.lock.gems = append(r.lock.gems, gemSpec{name, version, platform, r.remotes, r.remoteLine, r.line})
	case indent != 2 && indent != 6: // six: what a gem depends on
		return errAt(r.line, "the line is indented by %d spaces, which no line here is", indent)
	}
	return nil
}

func (r *gemReader) checksum(text string) error {
	name, version, platform, rest, ok := cutGem(text)
	if !ok {
		return errAt(r.line, "%q is not <name> (<version>) <checksum>", clip(text))
	}
	if rest == "" {
		return nil // Bundler writes the name alone where it knows none
	}
	g := gemSpec{name: name, version: version, platform: platform}
	if first, ok := r.lock.checksums[g.file()]; ok {
		return errAt(r.line, "the checksum of %s is there twice (first in line %d)", clip(g.file()), first.line)
	}
	r.lock.checksums[g.file()] = gemSum{rest, r.line}
	return nil
}

// cutGem cuts "name (version)" or "name (version-platform)" from the front. A
// version holds no hyphen.
func cutGem(text string) (name, version, platform, rest string, ok bool) {
	name, rest, ok = strings.Cut(text, " (")
	if !ok {
		return "", "", "", "", false
	}
	version, rest, ok = strings.Cut(rest, ")")
	version, platform, _ = strings.Cut(version, "-")
	if platform == "ruby" {
		platform = ""
	}
	return name, version, platform, strings.TrimLeft(rest, " "), ok && name != "" && version != ""
}
