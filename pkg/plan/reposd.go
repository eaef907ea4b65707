package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// addReposD collects the repository files that replace /etc/yum.repos.d, as
// Konflux does: what Hermeto has made of the lock, then what the project keeps
// itself; of two files with one name the later wins.
func (p *Plan) addReposD(o *Options) error {
	p.ReposD = map[string][]byte{}
	perArch := map[string][]archRepo{}
	for i := range p.Tree.Files {
		f := &p.Tree.Files[i]
		if ok, _ := path.Match("deps/rpm/*/repos.d/*.repo", f.Path); ok && f.Content != nil {
			name := path.Base(f.Path)
			perArch[name] = append(perArch[name], archRepo{strings.Split(f.Path, "/")[2], f.Content})
		}
	}
	for name, files := range perArch {
		p.ReposD[name] = joinArches(files)
	}
	if o.Config == nil {
		return nil
	}
	for _, dir := range o.Config.ReposD {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(o.Config.dir, dir)
		}
		if err := p.readReposD(dir, o); err != nil {
			return fmt.Errorf("%s: repos-d: %w", o.Config.path, err)
		}
	}
	return nil
}

func (p *Plan) readReposD(dir string, o *Options) error {
	names, err := o.look.list(lookRepos, dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		file := filepath.Join(dir, name)
		data, err := o.look.file(file)
		if err != nil {
			return err
		}
		p.ReposD[name] = data
		p.Files = append(p.Files, file)
	}
	return nil
}

// Fingerprint names everything in the plan that changes what a RUN sees: a
// layer of another fingerprint must not be reused. It is 64 hex digits.
func (p *Plan) Fingerprint() string {
	own := map[string][]byte{}
	for name, data := range p.ReposD {
		own[name] = data
	}
	for i := range p.Tree.Files {
		// Those of the tree are in its fingerprint.
		if f := &p.Tree.Files[i]; f.Content != nil && string(own[path.Base(f.Path)]) == string(f.Content) {
			delete(own, path.Base(f.Path))
		}
	}
	if len(own) == 0 {
		return p.Tree.Fingerprint()
	}
	h := sha256.New()
	fmt.Fprintln(h, p.Tree.Fingerprint())
	for _, name := range slices.Sorted(maps.Keys(own)) {
		fmt.Fprintf(h, "%q %d\n%s", name, len(own[name]), own[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}
