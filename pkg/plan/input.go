package plan

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// Input names a lock file, or a directory with lock files.
type Input struct {
	// Type is the Hermeto backend ("pip", "npm", "yarn", "pnpm", "generic", "rpm").
	Type string
	// Path of the lock file, whatever its name, or of a directory: then it means
	// the lock files of the type in it. Empty means that they are looked for
	// where discovery looks.
	Path string
	// By says for people where the input was named.
	By string
	// Options are what the input says beside.
	Options InputOptions

	// root is where Path starts, fromRoot that this is the repository's root;
	// with neither, whoever named the input decides.
	root     string
	fromRoot bool
	// warnings are about options without effect.
	warnings []string
}

// Types lists the known input types once each.
func Types() []string {
	var ts []string
	for _, f := range locks.Formats() {
		if !slices.Contains(ts, f.Type) {
			ts = append(ts, f.Type)
		}
	}
	return ts
}

// inputs finds the lock files to read, in a stable order. What there is to say
// about them goes to p.
func (o *Options) inputs(targets []Platform, p *Plan) ([]found, error) {
	switch {
	case len(o.Inputs) > 0:
		return o.resolve(o.Inputs, o.Dir, p)
	case o.Config != nil && len(o.Config.Inputs) > 0:
		return o.resolve(o.Config.Inputs, o.Config.dir, p)
	}
	ins, ok, err := o.pipelineInputs(targets, p)
	if err != nil {
		return nil, err
	}
	if ok {
		return o.resolve(ins, "", p)
	}
	all, err := o.discover()
	return o.onePython(o.oneJavaScript(all)), err
}

// resolve finds the lock files that the inputs mean; relative paths start at dir
// unless the input says otherwise.
func (o *Options) resolve(inputs []Input, dir string, p *Plan) ([]found, error) {
	var all []found
	for i := range inputs {
		in := &inputs[i]
		base := cmp.Or(in.root, dir)
		if in.fromRoot && in.root == "" {
			base = o.sourceDir()
		}
		found, err := o.resolveOne(in, base)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", in.By, err)
		}
		for j := range found {
			found[j].options = &in.Options
		}
		for _, w := range in.warnings {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s: the %s input: %s", in.By, in.Type, w))
		}
		all = append(all, found...)
	}
	return o.dedupe(all), nil
}

func (o *Options) resolveOne(in *Input, dir string) ([]found, error) {
	files := in.files()
	if in.Path == "" && len(files) == 0 {
		all, err := o.discover()
		if err != nil {
			return nil, err
		}
		return ofType(o.onePython(all), in, "beside the Containerfile or in the build context's root")
	}
	path := filepath.Clean(in.Path)
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if len(files) > 0 {
		return o.named(in, path, files)
	}
	typ, err := o.look.stat(path)
	if err != nil {
		err = fmt.Errorf("looking for the %s input: %w", in.Type, err)
		if _, no := o.look.stat(filepath.Join(dir, ".gitmodules")); no == nil {
			err = fmt.Errorf("%w\n  hint: is it in a submodule? git submodule update --init", err)
		}
		return nil, err
	}
	if !typ.IsDir() {
		return []found{{typ: in.Type, path: path, by: in.By}}, nil
	}
	all, err := o.locksIn(path, in.By)
	if err != nil {
		return nil, err
	}
	return ofType(o.onePython(all), in, "in "+o.display(path))
}

// named finds the lock files that the input's options name below dir.
func (o *Options) named(in *Input, dir string, files []lockFile) ([]found, error) {
	var all []found
	for _, f := range files {
		path := filepath.Clean(f.path)
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		typ, err := o.look.stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && f.optional:
			continue
		case err != nil:
			return nil, fmt.Errorf("looking for the %s input: %w", in.Type, err)
		case typ.IsDir():
			return nil, fmt.Errorf("looking for the %s input: %s is a directory", in.Type, o.display(path))
		}
		all = append(all, found{typ: in.Type, path: path, by: in.By, like: f.like})
	}
	return all, nil
}

// ofType keeps the locks of the input's type; where says where they were sought.
func ofType(all []found, in *Input, where string) ([]found, error) {
	all = slices.DeleteFunc(all, func(f found) bool { return f.typ != in.Type })
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no %s lock file %s", in.Type, where)
	}
	for i := range all {
		all[i].by = in.By
	}
	return all, nil
}

// asked says that somebody has said which locks to read.
func (o *Options) asked() bool {
	return len(o.Inputs) > 0 || o.Config != nil && len(o.Config.Inputs) > 0
}

// discover looks beside the Containerfile and in the context's root.
func (o *Options) discover() ([]found, error) {
	var all []found
	if o.Containerfile != "" && filepath.Dir(o.Containerfile) != o.ContextDir {
		fs, err := o.locksIn(filepath.Dir(o.Containerfile), "beside the Containerfile")
		if err != nil {
			return nil, err
		}
		all = append(all, fs...)
	}
	fs, err := o.locksIn(o.ContextDir, "in the build context's root")
	if err != nil {
		return nil, err
	}
	return o.dedupe(append(all, fs...)), nil
}

// locksIn lists the lock files in a directory, sorted by name.
func (o *Options) locksIn(dir, by string) ([]found, error) {
	names, err := o.look.list(lookLocks, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for lock files: %w", err)
	}
	var all []found
	for _, name := range names {
		if f, ok := locks.ForFile(name); ok {
			all = append(all, found{typ: f.Type, path: filepath.Join(dir, name), by: by})
		}
	}
	return preferShrinkwrap(all), nil
}

// preferShrinkwrap drops a package-lock.json beside an npm-shrinkwrap.json: npm
// reads the latter only.
func preferShrinkwrap(all []found) []found {
	for _, f := range all {
		if filepath.Base(f.path) == "npm-shrinkwrap.json" {
			return slices.DeleteFunc(all, func(g found) bool { return filepath.Base(g.path) == "package-lock.json" })
		}
	}
	return all
}

// dedupe keeps the first of several mentions of one file.
func (o *Options) dedupe(all []found) []found {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(f found) bool {
		path := f.path
		if real, err := o.look.real(path); err == nil {
			path = real
		}
		k := f.typ + "\x00" + path
		was := seen[k]
		seen[k] = true
		return was
	})
}
