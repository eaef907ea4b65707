package plan

import (
	"bytes"
	"path"
	"regexp"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// texts adds the files that a lock generates to those of input n.
func (b *builder) texts(texts map[string][]byte, n int) {
	for name, text := range texts {
		if text == nil {
			text = []byte{} // nil would mean a download
		}
		if i := b.repoFile(name); i >= 0 {
			b.files[i].Content = joinSections(b.files[i].Content, text)
			continue
		}
		b.files = append(b.files, tree.File{Path: name, Content: text, Input: n})
	}
}

// repoFile finds the .repo file of an architecture that an earlier lock has
// generated: of several RPM locks Hermeto makes one such file. -1 for none, and
// for files of other kinds.
func (b *builder) repoFile(name string) int {
	if ok, _ := path.Match("deps/rpm/*/repos.d/*.repo", name); !ok {
		return -1
	}
	for i := range b.files {
		if b.files[i].Path == name {
			return i
		}
	}
	return -1
}

var sectionHead = regexp.MustCompile(`(?m)^\[`)

// joinSections appends to the .repo file a the sections of b; of two with one
// name that of b counts, as in Hermeto the last input's options do.
func joinSections(a, b []byte) []byte {
	later := map[string]bool{}
	for _, s := range cutSections(b) {
		later[head(s)] = true
	}
	var out []byte
	for _, s := range cutSections(a) {
		if !later[head(s)] {
			out = append(out, s...)
		}
	}
	return append(out, b...)
}

// cutSections cuts a .repo file in front of every "[".
func cutSections(text []byte) [][]byte {
	var all [][]byte
	starts := sectionHead.FindAllIndex(text, -1)
	for i, at := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		all = append(all, text[at[0]:end])
	}
	return all
}

func head(section []byte) string {
	line, _, _ := bytes.Cut(section, []byte("\n"))
	return string(line)
}
