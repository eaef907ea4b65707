// Package plan is the first step of a build: it finds the lock files, reads
// them, and makes the tree that the build will see. By itself it touches neither
// the network nor podman, so a bad lock is an error before anything is started.
//
// Where the inputs come from, first match wins:
//
//	--lazy-input …             flags: TYPE[:PATH] relative to the current
//	                           directory, or Hermeto's JSON
//	lazybuild.toml             [[inputs]], relative to that file
//	.tekton/*pull-request*     prefetch-input of the pipeline that builds this
//	                           Containerfile, relative to the repository's root
//	discovery                  lock files beside the Containerfile and in the
//	                           build context's root
//
// Of several JavaScript locks in one directory (package-lock.json, yarn.lock,
// pnpm-lock.yaml) discovery takes one, because a project uses one of these
// clients and the others' locks are left-overs: that of package.json's
// "packageManager", else the first in the order npm, pnpm, yarn. A warning names
// them all. An input that names its type is not affected. Of a directory's
// Python locks one kind is taken too: pylock.toml and pylock.<name>.toml, else
// uv.lock, else requirements.txt.
//
// A requirements.txt says neither where its packages' files are nor how long:
// Options.Lookup finds that out. The package itself does without network.
//
// What comes out: the tree, the environment that Hermeto would set, and those
// of the project's own files that Hermeto would rewrite.
package plan

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/lazybuild/lazybuild/internal/untrusted"
	"github.com/lazybuild/lazybuild/pkg/locks"
	"github.com/lazybuild/lazybuild/pkg/sbom"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Options say what to plan.
type Options struct {
	// ContextDir is the build context, Containerfile the path of the
	// Containerfile; both absolute, the latter may be empty.
	ContextDir, Containerfile string
	// Dir is the directory, absolute, from which the user speaks: relative paths
	// in Inputs start there, and messages name files relative to it. Empty means
	// the current directory.
	Dir string
	// Inputs, when there are any, are used instead of the configuration's and of discovery.
	Inputs []Input
	// BuildArgFiles are the files of build arguments on the command line, and
	// BuildArgs the arguments themselves (NAME=VALUE): they tell flavours of one
	// Containerfile apart.
	BuildArgFiles, BuildArgs []string
	// Config is the project's configuration; nil for none.
	Config *Config
	// OutputDir is where the build sees the tree; empty means "/cachi2/output".
	OutputDir string
	// Platform are the targets as ParsePlatforms reads them; empty means this machine.
	Platform string
	// SourceRPMs puts source packages into the tree too.
	SourceRPMs bool
	// RegistryURL gives the base URL of the user's own registry for formats
	// whose locks may leave it out; nil when there is none.
	RegistryURL func(format string) string
	// Mirror is RegistryURL without what a tool would have to be asked for: only
	// what the user has configured. May be nil.
	Mirror func(format string) string
	// Lookup finds the files of packages of which a lock states no URL. It may use
	// the network; nil leaves such packages out with a warning.
	Lookup Lookup
	// Strict makes it an error for a lock that was found, too, when Lookup could
	// not reach an index; otherwise such a lock is left out with a warning.
	Strict bool
	// ReadFile replaces the reading of a project's files in tests.
	ReadFile func(path string) ([]byte, error)

	// source is the root of the repository whose pipeline names the inputs, and
	// sourceContext that pipeline's build context; empty without one.
	source, sourceContext string

	look *looker
}

// Plan is what a build needs to know before it starts.
type Plan struct {
	// Tree is what the build sees below the output directory.
	Tree *tree.Tree
	// Env is what Hermeto sets in every RUN, sorted by name.
	Env []tree.Env
	// Rewrites are the project's files that must be different in the build
	// context: absolute path to content.
	Rewrites map[string][]byte
	// ReposD are the files for /etc/yum.repos.d, by name: those of the RPM lock,
	// and those that the configuration adds.
	ReposD map[string][]byte
	// Auth is what locks state about authentication for some of their files.
	Auth []Auth
	// Indexes are the URLs of the package indexes that locks name. They may carry
	// credentials.
	Indexes []string
	// Hosts are those of the configuration.
	Hosts []Host
	// Files are the absolute paths of the configuration and lock files that were
	// read, ContextDir that of the build context.
	Files      []string
	ContextDir string
	// Warnings are for people.
	Warnings []string
	// Notes are for people who want to know more: how the project's pipeline
	// builds otherwise than this command line.
	Notes []string
	// TreeFile, if not empty, is the name of a file in the directory of the Cache
	// that has the tree in its wire form, and RewriteFiles names those with the
	// contents of Rewrites (package sumfile).
	TreeFile     string
	RewriteFiles map[string]string
}

// Auth is how the files at some URLs ask for authentication. Value, User and
// Password are templates in which "$VAR" stands for an environment variable:
// the secrets themselves are never part of a plan.
type Auth struct {
	// URLs of the files, Lock the file that says so as messages name it, and its Line.
	URLs []string
	Lock string
	Line int
	locks.Auth
}

// Make plans a build. Errors are about the user's files and name them
// (*locks.Error has the line, *tree.ConflictError both locks); no error is
// temporary. All locks are read before Make fails, so that one run shows
// everything that is wrong.
func Make(o Options) (*Plan, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	return o.make()
}

func (o Options) make() (*Plan, error) {
	targets, err := ParsePlatforms(o.Platform)
	if err != nil {
		return nil, err
	}
	p := &Plan{Rewrites: map[string][]byte{}}
	p.ContextDir = o.ContextDir
	if o.Config != nil {
		p.Hosts = slices.Clone(o.Config.Hosts)
		for i := range p.Hosts {
			p.Hosts[i].File = o.display(p.Hosts[i].File)
		}
		p.Files = append(p.Files, filepath.Join(o.Config.dir, filepath.Base(o.Config.path)))
	}
	found, err := o.inputs(targets, p)
	if err != nil {
		return nil, err
	}
	found = o.withWorkspaces(found)
	b := &builder{o: o, targets: targets, plan: p, lists: lists{}}
	var errs []error
	for _, in := range found {
		errs = append(errs, b.add(in))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if err := b.lookUpAll(); err != nil {
		return nil, err
	}
	for _, r := range b.read {
		b.filter(r.lock, r.options)
		b.components(r)
		b.take(r.lock, r.in)
	}
	if p, err = b.finish(); err != nil {
		return nil, err
	}
	return p, p.addReposD(&o)
}

// complete sets the defaults.
func (o *Options) complete() error {
	if o.ReadFile == nil {
		o.ReadFile = readProjectFile
	}
	o.look = &looker{o: o}
	if o.OutputDir == "" {
		o.OutputDir = defaultOutput
	}
	var err error
	if o.Dir == "" {
		if o.Dir, err = os.Getwd(); err != nil {
			return fmt.Errorf("finding the current directory: %w", err)
		}
	}
	return nil
}

// defaultOutput is where Konflux mounts Hermeto's directory.
const defaultOutput = "/cachi2/output"

// found is one lock file to read; path is absolute. note, if not empty, is a
// warning about how it was chosen.
type found struct {
	typ, path, by, note string
	// like is the usual name of such a file, where its own does not say what it is.
	like string
	// options are those of the input that named it; nil for a lock that was found.
	options *InputOptions
}

// isBuild says whether a lock is for building Python packages alone.
func (f *found) isBuild() bool {
	const usual = "requirements-build.txt"
	return f.typ == "pip" && cmp.Or(f.like, filepath.Base(f.path)) == usual
}

// builder collects what the locks say.
type builder struct {
	o       Options
	targets []Platform
	plan    *Plan
	read    []readLock
	inputs  []tree.Input
	files   []tree.File
	dirs    []tree.Dir
	envs    [][]tree.Env
	// boms is what goes into bom.json, named how many files the locks name.
	boms  []sbom.Backend
	named int
	lists lists
}

// readLock is a lock that has been read, and how it was found.
type readLock struct {
	lock    *locks.Lock
	in      tree.Input
	options *InputOptions
	path    string
	// build says that the lock holds what Python packages need to be built.
	build bool
}

func (b *builder) add(in found) error {
	name := b.o.display(in.path)
	data, err := b.o.look.file(in.path)
	if err != nil {
		return fmt.Errorf("reading the %s lock file: %w", in.typ, err)
	}
	dir := filepath.Dir(in.path)
	arches := b.rpmArches(name, &in)
	lock, err := locks.Parse(in.typ, locks.Source{
		Path: name, Like: in.like, Data: data, OutputDir: b.o.OutputDir, Arches: arches, SourceRPMs: b.o.SourceRPMs,
		RepoOptions: in.options.repoOptions(),
		RegistryURL: b.o.look.registry, Mirror: b.o.look.mirror,
		Sibling: func(name string) ([]byte, error) { return b.sibling(dir, name) },
	})
	var bad *locks.Error
	if errors.As(err, &bad) && bad.Unsupported && !b.o.asked() {
		// Nobody has asked for this lock: a project's own yarn must not keep its
		// other dependencies from being provided.
		b.plan.Warnings = append(b.plan.Warnings, err.Error()+"; it is left out")
		return nil
	}
	if err != nil {
		return err
	}
	b.plan.Files = append(b.plan.Files, in.path)
	if len(arches) == 0 {
		return nil // the lock was read for its mistakes alone
	}
	b.read = append(b.read, readLock{lock, tree.Input{Type: lock.Type, Lock: name, FoundBy: in.by}, in.options, in.path, in.isBuild()})
	if in.note != "" {
		b.warn(name, in.note)
	}
	return nil
}

// sibling reads a file that a lock in dir names: one below it, or elsewhere in
// the build context.
func (b *builder) sibling(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	inContext, err := filepath.Rel(b.o.ContextDir, path)
	if !filepath.IsLocal(name) && (filepath.IsAbs(name) || err != nil || !filepath.IsLocal(inContext)) {
		return nil, fs.ErrNotExist
	}
	if !b.leadsWithin(path, dir) {
		return nil, fmt.Errorf("%s is a link that leads out of the build context", b.o.display(path))
	}
	return b.o.look.file(path)
}

// leadsWithin says whether a file is really below the context, or below the
// lock's directory. What a lock's neighbours hold can come into the build, in a
// file that is written anew, and the user's own files must not.
func (b *builder) leadsWithin(path, dir string) bool {
	real, err := b.o.look.real(path)
	if err != nil {
		return true // it can't be read either
	}
	for _, root := range []string{b.o.ContextDir, dir} {
		if root, err = b.o.look.real(root); err != nil {
			continue
		}
		if rel, err := filepath.Rel(root, real); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

// maxProjectFile is more than any lock may have; the locks' reader says so in
// its own words.
const maxProjectFile = 65 << 20

func readProjectFile(path string) ([]byte, error) { return untrusted.ReadFile(path, maxProjectFile) }

// take adds what one lock says to the tree, the environment and the rest.
func (b *builder) take(lock *locks.Lock, in tree.Input) {
	b.inputs = append(b.inputs, in)
	b.artifacts(lock, len(b.inputs)-1)
	var env []tree.Env
	for _, e := range lock.Env {
		env = append(env, tree.Env{Name: e.Name, Value: e.Value})
	}
	b.envs = append(b.envs, env)
	for _, r := range lock.Rewrites {
		b.rewrite(r, in.Lock)
	}
	for _, i := range lock.Indexes {
		b.plan.Indexes = append(b.plan.Indexes, i.URL)
	}
	for _, w := range lock.Warnings {
		b.warn(in.Lock, w)
	}
}

// artifacts turns a lock's artifacts, generated texts and repositories into
// files and directories of input n.
func (b *builder) artifacts(lock *locks.Lock, n int) {
	// What one lock names, one program reads: the unit of read-ahead.
	group := b.inputs[n].Type + ":" + b.inputs[n].Lock
	fits := chooser(b.targets, lock)
	b.files = slices.Grow(b.files, len(lock.Artifacts)+len(lock.Texts))
	for i := range lock.Artifacts {
		a := &lock.Artifacts[i]
		switch {
		case a.Make == nil:
			b.files = append(b.files, tree.File{
				Path: a.Path, Size: a.Size, Digest: a.Digest, Unverified: a.Unverified, URLs: a.URLs,
				Input: n, Group: group, Fits: fits(a), Rank: i,
			})
		case a.Make.Dir:
			b.dirs = append(b.dirs, tree.Dir{Path: a.Path, Input: n, Make: recipe(a)})
		default:
			make := recipe(a)
			b.files = append(b.files, tree.File{
				Path: a.Path, Size: tree.SizeUnknown, Make: &make, Input: n, Group: group, Fits: fits(a), Rank: i,
			})
		}
		if a.Auth != nil {
			b.plan.Auth = append(b.plan.Auth, Auth{a.URLs, b.inputs[n].Lock, cmp.Or(a.Auth.Line, a.Line), *a.Auth})
		}
	}
	b.texts(lock.Texts, n)
	b.lists.add(lock, n)
	for _, r := range lock.Repos {
		b.dirs = append(b.dirs, tree.Dir{Path: r.Dir + "/repodata", Input: n, Make: tree.Recipe{
			Kind: "repodata", Args: map[string]string{"dir": r.Dir, "modules": r.Modules},
		}})
	}
}

// recipe is how an artifact that Hermeto makes is made.
func recipe(a *locks.Artifact) tree.Recipe {
	return tree.Recipe{
		Kind: a.Make.Kind, Args: a.Make.Args,
		From: &tree.File{Size: a.Size, Digest: a.Digest, URLs: a.URLs},
	}
}

func (b *builder) warn(lock, text string) {
	b.plan.Warnings = append(b.plan.Warnings, lock+": "+text)
}

func (b *builder) finish() (*Plan, error) {
	var err error
	if b.plan.Env, err = tree.MergeEnv(b.envs...); err != nil {
		return nil, err
	}
	b.generated()
	b.files = append(b.files, b.lists.files()...)
	if b.plan.Tree, err = tree.Build(b.inputs, b.files, b.dirs); err != nil {
		var conflict *tree.ConflictError
		if errors.As(err, &conflict) && conflict.First != conflict.Second {
			err = fmt.Errorf("%w\n  hint: these locks are for different builds; name those of this one, for example with --lazy-input %s:%s",
				err, conflict.First.Type, conflict.First.Lock)
		}
		return nil, err
	}
	for _, pair := range b.plan.Tree.CaseClashes() {
		b.plan.Warnings = append(b.plan.Warnings, fmt.Sprintf("%q and %q differ only in upper and lower case", pair[0], pair[1]))
	}
	return b.plan, nil
}

// display names a file as the user would: relative to the current directory
// when it is below it.
func (o *Options) display(path string) string {
	if rel, err := filepath.Rel(o.Dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
