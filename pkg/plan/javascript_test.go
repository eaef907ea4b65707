package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	yarnLock = "# yarn lockfile v1\n\n\nleft@1.0.0:\n  version \"1.0.0\"\n  resolved \"https://example.org/left/-/left-1.0.0.tgz#da39a3ee5e6b4b0d3255bfef95601890afd80709\"\n"
	pnpmLock = "lockfileVersion: '9.0'\n\npackages:\n\n  left@1.0.0:\n    resolution: {integrity: sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=, tarball: https://example.org/left/-/left-1.0.0.tgz}\n"
)

func TestOneJavaScriptLockPerDirectory(t *testing.T) {
	const inNpm, inYarn, inPnpm = "deps/npm/left-1.0.0.tgz", "deps/yarn-classic/left-1.0.0.tgz", "deps/pnpm/npm/left-1.0.0.tgz"
	all := map[string]string{"package-lock.json": packageLock, "yarn.lock": yarnLock, "pnpm-lock.yaml": pnpmLock}
	for name, c := range map[string]struct {
		locks       []string
		packageJSON string
		want        []string
		says        []string // of the warning; none: no warning
	}{
		"one alone":                {[]string{"yarn.lock"}, `{}`, []string{inYarn}, nil},
		"npm's comes first":        {[]string{"package-lock.json", "yarn.lock"}, `{}`, []string{inNpm}, []string{"package-lock.json: used", "(yarn.lock)", "names none of them", "--lazy-input"}},
		"then pnpm's":              {[]string{"yarn.lock", "pnpm-lock.yaml"}, `{}`, []string{inPnpm}, []string{"pnpm-lock.yaml: used", "(yarn.lock)"}},
		"packageManager decides":   {[]string{"package-lock.json", "yarn.lock", "pnpm-lock.yaml"}, `{"packageManager": "yarn@1.22.22+sha1.00"}`, []string{inYarn}, []string{"yarn.lock: used", "(package-lock.json, pnpm-lock.yaml)", "packageManager is yarn"}},
		"an unknown manager":       {[]string{"package-lock.json", "yarn.lock"}, `{"packageManager": "bun@1"}`, []string{inNpm}, []string{"package-lock.json: used"}},
		"a manager without a lock": {[]string{"package-lock.json", "yarn.lock"}, `{"packageManager": "pnpm@9"}`, []string{inNpm}, []string{"package-lock.json: used"}},
		"no package.json":          {[]string{"package-lock.json", "yarn.lock"}, "", []string{inNpm}, []string{"package-lock.json: used"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for _, l := range c.locks {
				files[l] = all[l]
			}
			if c.packageJSON != "" {
				files["package.json"] = c.packageJSON
			}
			p := makePlan(t, options(project(t, files)))
			if diff := cmp.Diff(c.want, filePaths(p)); diff != "" {
				t.Error(diff)
			}
			warnings := strings.Join(p.Warnings, "\n")
			for _, s := range c.says {
				if !strings.Contains(warnings, s) {
					t.Errorf("no warning says %q: %q", s, warnings)
				}
			}
			if len(c.says) == 0 && warnings != "" {
				t.Errorf("warnings: %q", warnings)
			}
		})
	}
}

func TestJavaScriptLocksOfDifferentDirectoriesAreNoRivals(t *testing.T) {
	dir := project(t, map[string]string{"image/Containerfile": "", "image/yarn.lock": yarnLock, "package-lock.json": packageLock})
	o := options(dir)
	o.Containerfile = dir + "/image/Containerfile"
	if p := makePlan(t, o); len(p.Tree.Inputs) != 2 || len(p.Warnings) != 0 {
		t.Errorf("inputs %v, warnings %q", p.Tree.Inputs, p.Warnings)
	}
}

func TestNamedTypeIsTakenBesideAnyOtherLock(t *testing.T) {
	dir := project(t, map[string]string{"package-lock.json": packageLock, "yarn.lock": yarnLock, "package.json": `{"packageManager": "npm@10"}`})
	for _, in := range []Input{{Type: "yarn"}, {Type: "yarn", Path: "."}, {Type: "yarn", Path: "yarn.lock"}} {
		o := options(dir)
		o.Inputs = []Input{in}
		p := makePlan(t, o)
		if diff := cmp.Diff([]string{"deps/yarn-classic/left-1.0.0.tgz"}, filePaths(p)); diff != "" || len(p.Warnings) != 0 {
			t.Errorf("%+v: %s, warnings %q", in, diff, p.Warnings)
		}
	}
}
