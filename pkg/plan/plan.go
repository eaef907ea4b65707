// Package plan is the first step of a build: it finds the lock files, reads
// them, and makes the tree that the build will see. It touches neither the
// network nor podman, so a bad lock is an error before anything is started.
//
// Where the inputs come from, first match wins:
//
//	--lazy-input TYPE[:PATH]   flags, relative to the current directory
//	lazybuild.toml             [[inputs]], relative to that file
//	discovery                  lock files beside the Containerfile and in the
//	                           build context's root
//
// What comes out: the tree, the environment that Hermeto would set, and those
// of the project's own files that Hermeto would rewrite.
package plan

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/lazybuild/lazybuild/pkg/locks"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Options say what to plan.
type Options struct {
	// ContextDir is the build context, Containerfile the path of the
	// Containerfile; both absolute, the latter may be empty.
	ContextDir, Containerfile string
	// Dir is what relative paths in Inputs are relative to; the current
	// directory when empty.
	Dir string
	// Inputs, when there are any, are used instead of the configuration's and of discovery.
	Inputs []Input
	// Config is the project's configuration; nil for none.
	Config *Config
	// OutputDir is where the build sees the tree ("/cachi2/output").
	OutputDir string
	// Platform is the target, "os/arch[/variant]"; empty means this machine.
	Platform string
	// SourceRPMs puts source packages into the tree too.
	SourceRPMs bool
	// RegistryURL gives the base URL of the user's own registry for formats
	// whose locks may leave it out; nil when there is none.
	RegistryURL func(format string) string
	// ReadFile replaces os.ReadFile in tests.
	ReadFile func(path string) ([]byte, error)
}

// Plan is what a build needs to know before it starts.
type Plan struct {
	// Tree is what the build sees below the output directory.
	Tree *tree.Tree
	// Env is what Hermeto sets in every RUN.
	Env []tree.Env
	// Rewrites are the project's files that must be different in the build
	// context: absolute path to content.
	Rewrites map[string][]byte
	// Warnings are for people.
	Warnings []string
}

// Make plans a build. Errors are about the user's files and name them
// (*locks.Error has the line); no error is temporary.
func Make(o Options) (*Plan, error) {
	if o.ReadFile == nil {
		o.ReadFile = os.ReadFile
	}
	target, err := ParsePlatform(o.Platform)
	if err != nil {
		return nil, err
	}
	found, err := o.inputs()
	if err != nil {
		return nil, err
	}
	b := &builder{o: o, target: target, plan: &Plan{Rewrites: map[string][]byte{}}}
	for _, in := range found {
		if err := b.add(in); err != nil {
			return nil, err
		}
	}
	return b.finish()
}

// found is one lock file to read.
type found struct {
	typ, path, by string
}

// builder collects what the locks say.
type builder struct {
	o      Options
	target Platform
	plan   *Plan
	inputs []tree.Input
	files  []tree.File
	dirs   []tree.Dir
	envs   [][]tree.Env
}

func (b *builder) add(in found) error {
	data, err := b.o.ReadFile(in.path)
	if err != nil {
		return fmt.Errorf("reading the %s lock file: %w", in.typ, err)
	}
	dir := filepath.Dir(in.path)
	lock, err := locks.Parse(in.typ, locks.Source{
		Path: in.path, Data: data, OutputDir: b.o.OutputDir, Arch: b.target.RPM(), SourceRPMs: b.o.SourceRPMs,
		RegistryURL: b.o.RegistryURL,
		Sibling: func(name string) ([]byte, error) {
			if !filepath.IsLocal(name) {
				return nil, fs.ErrNotExist
			}
			return b.o.ReadFile(filepath.Join(dir, name))
		},
	})
	if err != nil {
		return err
	}
	b.take(lock, in)
	return nil
}

// take turns one lock into files of the tree.
func (b *builder) take(lock *locks.Lock, in found) {
	n := len(b.inputs)
	b.inputs = append(b.inputs, tree.Input{Type: lock.Type, Lock: in.path, FoundBy: in.by})
	group := fmt.Sprintf("%d", n)
	fits := b.target.chooser(lock)
	for i := range lock.Artifacts {
		a := &lock.Artifacts[i]
		b.files = append(b.files, tree.File{
			Path: a.Path, Size: a.Size, Digest: a.Digest, URLs: a.URLs, Input: n, Group: group, Fits: fits(a),
		})
	}
	for path, text := range lock.Texts {
		b.files = append(b.files, tree.File{Path: path, Content: text, Input: n})
	}
	for _, r := range lock.Repos {
		b.dirs = append(b.dirs, tree.Dir{Path: r.Dir + "/repodata", Input: n, Make: tree.Recipe{
			Kind: "repodata", Args: map[string]string{"dir": r.Dir, "modules": r.Modules},
		}})
	}
	var env []tree.Env
	for _, e := range lock.Env {
		env = append(env, tree.Env{Name: e.Name, Value: e.Value})
	}
	b.envs = append(b.envs, env)
	for _, r := range lock.Rewrites {
		b.plan.Rewrites[r.Path] = r.Content
	}
	for _, w := range lock.Warnings {
		b.plan.Warnings = append(b.plan.Warnings, in.path+": "+w)
	}
}

func (b *builder) finish() (*Plan, error) {
	var err error
	if b.plan.Env, err = tree.MergeEnv(b.envs...); err != nil {
		return nil, err
	}
	if b.plan.Tree, err = tree.Build(b.inputs, b.files, b.dirs); err != nil {
		if len(b.inputs) > 1 {
			err = fmt.Errorf("%w\n  hint: name the locks of this build with --lazy-input TYPE:PATH", err)
		}
		return nil, err
	}
	return b.plan, nil
}

// hostPlatform is the platform that podman builds for when nobody says otherwise.
func hostPlatform() Platform { return Platform{OS: "linux", Arch: runtime.GOARCH} }
