package plan

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// tektonDir is where Pipelines as Code looks for pipelines in a repository.
const tektonDir = ".tekton"

// sourceRoots are the directories that may be the root of the repository which
// the build belongs to, nearest first: those from the Containerfile and from
// the context up to the one that holds ".git". Where there is no repository
// nothing above them is looked at: a directory above, such as /tmp, may be
// anybody's. For the same reason a repository of another user is not one.
func (o *Options) sourceRoots() []string {
	var roots []string
	for _, start := range []string{filepath.Dir(o.Containerfile), o.ContextDir} {
		if !filepath.IsAbs(start) {
			continue
		}
		up := []string{start}
		for dir := start; ; dir = filepath.Dir(dir) {
			if dir != start {
				up = append(up, dir)
			}
			if _, err := o.look.lstat(filepath.Join(dir, ".git")); err == nil && o.look.sameOwner(filepath.Join(dir, ".git"), start) {
				break
			}
			if dir == filepath.Dir(dir) {
				up = up[:1]
				break
			}
		}
		for _, dir := range up {
			if !slices.Contains(roots, dir) {
				roots = append(roots, dir)
			}
		}
	}
	return roots
}

// sourceDir is where the paths in Hermeto's JSON start: at the repository's root,
// and without a repository at the current directory, as Hermeto's do.
func (o *Options) sourceDir() string { return cmp.Or(o.repository(), o.Dir) }

// repository is the nearest directory with ".git" or ".tekton", or "".
func (o *Options) repository() string {
	for _, dir := range o.sourceRoots() {
		for _, name := range []string{".git", tektonDir} {
			if _, err := o.look.lstat(filepath.Join(dir, name)); err == nil {
				return dir
			}
		}
	}
	return ""
}

// pipelineInputs finds the pipeline for pull requests that builds this
// Containerfile, and returns its inputs. found is false when there is none, or
// when it has no prefetch-input. Notes and warnings go to the plan.
func (o *Options) pipelineInputs(targets []Platform, p *Plan) (ins []Input, found bool, err error) {
	if o.Containerfile == "" {
		return nil, false, nil
	}
	for _, root := range o.sourceRoots() {
		matches := o.pipelinesIn(root, p)
		if len(matches) == 0 {
			continue
		}
		run, err := o.onePipeline(matches, root, targets)
		if err != nil {
			return nil, false, err
		}
		if ins, err = run.inputs(); err != nil || len(ins) == 0 {
			return nil, false, err
		}
		for i := range ins {
			ins[i].root = root
		}
		o.source, o.sourceContext = root, filepath.Join(root, run.pathContext)
		p.Files = append(p.Files, filepath.Join(root, tektonDir, filepath.Base(run.file)))
		o.describe(run, targets, p)
		return ins, true, nil
	}
	return nil, false, nil
}

// pipelinesIn returns the pipelines below a directory that build this
// Containerfile. A file that can't be read is somebody else's problem, unless
// it holds a pipeline of this build; so it is a warning.
func (o *Options) pipelinesIn(root string, p *Plan) []pipeline {
	var matches []pipeline
	base := filepath.Base(o.Containerfile)
	if !o.look.sameOwner(filepath.Join(root, tektonDir), o.ContextDir) {
		return nil
	}
	for _, pattern := range []string{"*pull-request*.yaml", "*pull-request*.yml"} {
		files := o.look.glob(filepath.Join(root, tektonDir, pattern))
		for _, file := range files {
			data, err := o.look.small(file)
			name := o.display(file)
			if err != nil {
				p.Warnings = append(p.Warnings, fmt.Sprintf("%s: %v; it is not looked at", name, err))
				continue
			}
			// Reading YAML takes a while, and a large project has dozens of files.
			if !bytes.Contains(data, []byte("prefetch-input")) || base != "Dockerfile" && !bytes.Contains(data, []byte(base)) {
				continue
			}
			all, err := readPipelines(name, data)
			if err != nil {
				p.Warnings = append(p.Warnings, fmt.Sprintf("%v; the file is not looked at", err))
				continue
			}
			for _, run := range all {
				if o.isContainerfile(root, &run) {
					matches = append(matches, run)
				}
			}
		}
	}
	return matches
}

// isContainerfile says whether the pipeline builds the Containerfile of this build.
func (o *Options) isContainerfile(root string, run *pipeline) bool {
	for _, name := range run.files() {
		if !filepath.IsLocal(name) {
			continue
		}
		if same, there := o.look.same(o.Containerfile, filepath.Join(root, name)); there {
			// The first that is there is the one that Konflux takes.
			return same
		}
	}
	return false
}

// onePipeline chooses among several pipelines for one Containerfile: flavours
// differ in their build arguments, and in the platforms that they build for. It
// never guesses: other dependencies would make another image.
func (o *Options) onePipeline(all []pipeline, root string, targets []Platform) (*pipeline, error) {
	for _, fits := range []func(*pipeline) bool{
		func(p *pipeline) bool { return p.buildArgsFile != "" && o.hasBuildArgs(root, p.buildArgsFile) },
		func(p *pipeline) bool { return filepath.Join(root, p.pathContext) == o.ContextDir },
		func(p *pipeline) bool {
			return !slices.ContainsFunc(targets, func(t Platform) bool { return !p.builds(t) })
		},
	} {
		if sameInputs(all) {
			break
		}
		var better []pipeline
		for i := range all {
			if fits(&all[i]) {
				better = append(better, all[i])
			}
		}
		if len(better) > 0 {
			all = better
		}
	}
	if !sameInputs(all) {
		return nil, fmt.Errorf("%s and %s both build %s, with different dependencies\n  hint: name the one that is meant: --lazy-input @%s",
			all[0].file, all[1].file, o.display(o.Containerfile), all[0].file)
	}
	return &all[0], nil
}

func sameInputs(all []pipeline) bool {
	return !slices.ContainsFunc(all, func(p pipeline) bool { return !reflect.DeepEqual(p.input, all[0].input) })
}

// hasBuildArgs says whether the command line has the build arguments of the
// pipeline's file: it names the file, or has all that stand in it, because a
// Makefile has read it.
func (o *Options) hasBuildArgs(root, file string) bool {
	path := filepath.Join(root, file)
	for _, mine := range o.BuildArgFiles {
		if !filepath.IsAbs(mine) {
			mine = filepath.Join(o.Dir, mine)
		}
		if filepath.Clean(mine) == path {
			return true
		}
	}
	data, err := o.look.small(path)
	if err != nil || len(o.BuildArgs) == 0 {
		return false
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if !slices.Contains(o.BuildArgs, line) {
			return false
		}
		n++
	}
	return n > 0
}

// describe notes how the pipeline builds otherwise than this command line.
func (o *Options) describe(run *pipeline, targets []Platform, p *Plan) {
	note := func(format string, args ...any) {
		p.Notes = append(p.Notes, run.file+": "+fmt.Sprintf(format, args...))
	}
	if o.sourceContext != o.ContextDir {
		note("the pipeline's build context is %q, this one is %s", path.Clean(run.pathContext), o.display(o.ContextDir))
	}
	if run.buildArgsFile != "" && !o.hasBuildArgs(o.source, run.buildArgsFile) {
		note("the pipeline has build arguments in %s; this command line has not all of them", run.buildArgsFile)
	}
	if run.hermetic {
		note("the pipeline builds without network; --lazy-hermetic does so here")
	}
	for _, t := range targets {
		if !run.builds(t) {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s: the pipeline does not build for %s/%s, but for %s",
				run.file, t.OS, t.Arch, strings.Join(run.platforms, ", ")))
		}
	}
}
