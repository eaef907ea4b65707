package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// InputOptions are what an input says beside its type and path, under Hermeto's
// names. Those that do not belong to the input's type are empty.
type InputOptions struct {
	// RequirementsFiles and RequirementsBuildFiles are pip's, relative to the
	// input's path; nil means the files that are found there.
	RequirementsFiles      []string `json:"requirements_files"`
	RequirementsBuildFiles []string `json:"requirements_build_files"`
	// AllowBinary is an old word for a Binary that allows everything.
	AllowBinary bool `json:"allow_binary"`
	// Binary restricts the built packages; nil restricts nothing.
	Binary *Binary `json:"binary"`
	// Lockfile is generic's, relative to the input's path or absolute.
	Lockfile string `json:"lockfile"`
	// Options are rpm's.
	Options struct {
		// DNF are options for the repositories in hermeto.repo, by repoid.
		DNF map[string]map[string]any `json:"dnf"`
	} `json:"options"`
}

// Binary says which built packages are wanted. Each field but PyVersion and
// Platform is a list with commas; ":all:" in it, like an empty field, is
// everything (pip has other defaults: see wheels.go).
type Binary struct {
	Packages  string `json:"packages"`
	Arch      string `json:"arch"`
	OS        string `json:"os"`
	PyVersion int    `json:"py_version"`
	PyImpl    string `json:"py_impl"`
	ABI       string `json:"abi"`
	// Platform is pip's regular expression for platform tags, or bundler's list.
	Platform string `json:"platform"`
}

// decodeInput checks one input (a decoded JSON, YAML or TOML table) and makes an
// Input of it. The error is an *optionError.
func decodeInput(values map[string]any) (Input, error) {
	typ, ok := values["type"].(string)
	if !ok {
		return Input{}, &optionError{[]string{"type"}, "an input has to name its type: one of " + strings.Join(hermetoTypes(), ", ")}
	}
	if err := knownType(typ); err != nil {
		return Input{}, &optionError{[]string{"type"}, err.Error()}
	}
	c := &checker{}
	if err := c.keys(nil, "in an input of type "+typ, values, slices.Concat(everyInput, inputOptions[typ])); err != nil {
		return Input{}, err
	}
	in := Input{Type: typ, warnings: c.warnings}
	in.Path, _ = values["path"].(string)
	// What has passed the check can be encoded, and fits the struct.
	data, err := json.Marshal(values)
	if err == nil {
		err = json.Unmarshal(data, &in.Options)
	}
	if err != nil {
		return Input{}, &optionError{nil, err.Error()}
	}
	return in, in.Options.rules(typ)
}

// knownType says why there is no input type of this name.
func knownType(typ string) error {
	known := Types()
	if slices.Contains(known, typ) {
		return nil
	}
	if slices.Contains(hermetoTypes(), typ) {
		return fmt.Errorf("inputs of type %q are not supported yet; types are %s", typ, strings.Join(known, ", "))
	}
	return fmt.Errorf("there is no input type %q%s", typ, nearestOr(typ, known, "; types are "))
}

// lockFile is a lock file that an input's options name.
type lockFile struct {
	// path is relative to the input's, or absolute.
	path string
	// like is the usual name of such a file.
	like string
	// optional says that the file need not be there.
	optional bool
}

// files are the lock files that the options name; none means that those of the
// input's type in its directory are meant.
func (in *Input) files() []lockFile {
	o := &in.Options
	if o.Lockfile != "" {
		return []lockFile{{path: o.Lockfile, like: "artifacts.lock.yaml"}}
	}
	if o.RequirementsFiles == nil && o.RequirementsBuildFiles == nil {
		return nil
	}
	return slices.Concat(
		requirements(o.RequirementsFiles, "requirements.txt"),
		requirements(o.RequirementsBuildFiles, "requirements-build.txt"))
}

// requirements are the named files, or, where nobody has named any, the one that
// pip's users have by habit.
func requirements(named []string, usual string) []lockFile {
	if named == nil {
		return []lockFile{{path: usual, like: usual, optional: true}}
	}
	files := make([]lockFile, len(named))
	for i, name := range named {
		files[i] = lockFile{path: name, like: usual}
		if f, ok := locks.ForFile(path.Base(name)); ok && f.Type == "pip" || strings.HasSuffix(name, ".toml") {
			files[i].like = "" // its own name says what it is
		}
	}
	return files
}

// repoOptions are rpm's dnf options as they stand in a .repo file; o may be nil.
func (o *InputOptions) repoOptions() map[string]map[string]string {
	if o == nil || len(o.Options.DNF) == 0 {
		return nil
	}
	all := make(map[string]map[string]string, len(o.Options.DNF))
	for id, options := range o.Options.DNF {
		all[id] = make(map[string]string, len(options))
		for key, value := range options {
			all[id][strings.ToLower(key)] = fmt.Sprint(value)
		}
	}
	return all
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
