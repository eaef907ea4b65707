package locks

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// repoFile writes the architecture's .repo file as Hermeto does, with one
// section per directory, in the directories' order.
func (p *rpmParser) repoFile(arch string) {
	prefix := rpmDir + "/" + arch + "/"
	var ids []string
	for _, r := range p.b.lock.Repos {
		if id, ok := strings.CutPrefix(r.Dir, prefix); ok {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	slices.Sort(ids)
	var out bytes.Buffer
	for _, id := range ids {
		p.repoSection(&out, id, fileURL(p.src, prefix+id))
	}
	if p.b.lock.Texts == nil {
		p.b.lock.Texts = make(map[string][]byte)
	}
	p.b.lock.Texts[prefix+"repos.d/hermeto.repo"] = out.Bytes()
}

// repoSection writes one section: Hermeto's keys, and the settings that the
// input adds or changes; where the RPMs are is nobody's choice. Without a name of
// its own a section gets its repoid for one: dnf warns about repositories without
// name.
func (p *rpmParser) repoSection(out *bytes.Buffer, id, url string) {
	own := p.src.RepoOptions[id]
	fmt.Fprintf(out, "[%s]\n", id)
	fixed := []struct{ key, value string }{{"name", id}, {"baseurl", url}, {"enabled", "1"}, {"gpgcheck", "1"}}
	if strings.HasPrefix(id, p.madeUp) {
		fixed[0].value = "Packages without a repository"
	}
	for _, f := range fixed {
		if v, ok := own[f.key]; ok && f.key != "baseurl" {
			f.value = v
		}
		fmt.Fprintf(out, "%s=%s\n", f.key, f.value)
	}
	for _, key := range slices.Sorted(maps.Keys(own)) {
		switch key {
		case "name", "baseurl", "enabled", "gpgcheck":
		default:
			fmt.Fprintf(out, "%s=%s\n", key, own[key])
		}
	}
	out.WriteByte('\n')
}

// warnRepoOptions names the settings that reach no repository.
func (p *rpmParser) warnRepoOptions() {
	for _, id := range slices.Sorted(maps.Keys(p.src.RepoOptions)) {
		if !slices.ContainsFunc(p.b.lock.Repos, func(r Repo) bool { return strings.HasSuffix(r.Dir, "/"+id) }) {
			p.b.warn("the input has dnf options for %q, which is no repository of this lock for this build", id)
		}
	}
}
