package plan

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/locks"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

const uvLock = "version = 1\n[[package]]\nname = \"u\"\nversion = \"1\"\nsource = { registry = \"https://example.org/simple\" }\n" +
	"wheels = [{ url = \"https://example.org/u-1-py3-none-any.whl\", hash = \"sha256:" + hashA + "\" }]\n"

// answer is a Lookup that finds one wheel for everything.
func answer(q Question) ([]locks.Artifact, []string, error) {
	var files []locks.Artifact
	for _, u := range q.Packages {
		a := locks.Artifact{Name: u.Name, Path: u.Dir + "/" + u.Name + "-1-py3-none-any.whl", URLs: []string{"https://example.org/x"}, Size: 3}
		if len(u.Digests) > 0 {
			a.Digest = u.Digests[0]
		}
		files = append(files, a)
	}
	return files, []string{"looked up"}, nil
}

func TestOneKindOfPythonLockPerDirectory(t *testing.T) {
	const r, rb = "r==1 --hash=sha256:" + hashA + "\n", "b==1 --hash=sha256:" + hashB + "\n"
	all := map[string]string{"pylock.toml": pylock(anyWheel, hashA), "pylock.dev.toml": pylock("dev-1-py3-none-any.whl", hashB), "uv.lock": uvLock, "requirements.txt": r, "requirements-build.txt": rb}
	for name, c := range map[string]struct {
		locks, want []string
		says        string
	}{
		"pylock first":        {[]string{"pylock.toml", "uv.lock", "requirements.txt"}, []string{"deps/pip/" + anyWheel}, "pylock.toml: used, and requirements.txt, uv.lock beside it is not"},
		"every pylock":        {[]string{"pylock.toml", "pylock.dev.toml", "uv.lock"}, []string{"deps/pip/dev-1-py3-none-any.whl", "deps/pip/" + anyWheel}, "uv.lock beside it"},
		"then uv's":           {[]string{"uv.lock", "requirements.txt"}, []string{"deps/pip/u-1-py3-none-any.whl"}, "uv.lock: used, and requirements.txt"},
		"build requirements":  {[]string{"pylock.toml", "requirements-build.txt"}, []string{"deps/pip/b-1-py3-none-any.whl", "deps/pip/" + anyWheel}, ""},
		"requirements, alone": {[]string{"requirements.txt", "requirements-build.txt"}, []string{"deps/pip/b-1-py3-none-any.whl", "deps/pip/r-1-py3-none-any.whl"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for _, l := range c.locks {
				files[l] = all[l]
			}
			o := options(project(t, files))
			o.Lookup = answer
			p := makePlan(t, o)
			if diff := cmp.Diff(c.want, filePaths(p)); diff != "" {
				t.Error(diff)
			}
			warnings := strings.Join(p.Warnings, "\n")
			if c.says != "" && !strings.Contains(warnings, c.says) || c.says == "" && strings.Contains(warnings, "used") {
				t.Errorf("warnings: %q", warnings)
			}
		})
	}
}

func TestANamedPythonLockCountsBesideABetterOne(t *testing.T) {
	dir := project(t, map[string]string{"pylock.toml": pylock(anyWheel, hashA), "requirements.txt": "r==1 --hash=sha256:" + hashA + "\n"})
	o := options(dir)
	o.Lookup = answer
	o.Inputs = []Input{{Type: "pip", Path: "requirements.txt", By: "--lazy-input"}}
	if diff := cmp.Diff([]string{"deps/pip/r-1-py3-none-any.whl"}, filePaths(makePlan(t, o))); diff != "" {
		t.Error(diff)
	}
}

func TestLookupGetsWhatTheLockLeavesOpen(t *testing.T) {
	dir := project(t, map[string]string{"requirements.txt": "--index-url https://example.org/simple\nr==1 --hash=sha256:" + hashA + "\n"})
	o := options(dir)
	var asked []Question
	o.Lookup = func(q Question) ([]locks.Artifact, []string, error) {
		asked = append(asked, q)
		return answer(q)
	}
	p := makePlan(t, o)
	want := []Question{{
		Lock: "requirements.txt", Type: "pip",
		Packages: []locks.Unresolved{{Name: "r", Version: "1", Dir: "deps/pip", Digests: []digest.Digest{"sha256:" + hashA}, Line: 2}},
		Indexes:  []locks.Index{{Kind: "index", URL: "https://example.org/simple"}},
	}}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
	if f, _ := p.Tree.Lookup(filePaths(p)[0]); f.Group == "" || !f.Fits || f.Size != 3 {
		t.Errorf("%+v", f)
	}
	if !strings.Contains(strings.Join(p.Warnings, "\n"), "requirements.txt: looked up") {
		t.Errorf("warnings %q", p.Warnings)
	}
}

func TestNobodyIsAskedWhileALockIsMalformed(t *testing.T) {
	o := options(project(t, map[string]string{"requirements.txt": "r==1\n", "artifacts.lock.yaml": "x"}))
	o.Lookup = func(Question) ([]locks.Artifact, []string, error) {
		t.Error("asked")
		return nil, nil, nil
	}
	if _, err := Make(o); err == nil {
		t.Error("no error")
	}
}

func TestFailedLookupNamesTheLock(t *testing.T) {
	o := options(project(t, map[string]string{"requirements.txt": "r==1\n"}))
	broken := errors.New("the index is away")
	o.Lookup = func(Question) ([]locks.Artifact, []string, error) { return nil, nil, broken }
	if _, err := Make(o); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "requirements.txt: ") {
		t.Error(err)
	}
	o.Lookup = nil
	if p := makePlan(t, o); !strings.Contains(strings.Join(p.Warnings, "\n"), "1 packages (r first) have no URL") {
		t.Errorf("warnings %q", p.Warnings)
	}
}

func TestAFoundLockWhoseIndexIsAwayIsLeftOutWithAWarning(t *testing.T) {
	dir := project(t, map[string]string{"requirements.txt": "r==1\n", "rpms.lock.yaml": oneRPM})
	away := &UnreachableError{errors.New("the index is away")}
	named := []Input{{Type: "pip", Path: "requirements.txt", By: "--lazy-input"}}
	for name, c := range map[string]struct {
		inputs []Input
		strict bool
		err    error
		fails  bool
	}{
		"found":            {err: away},
		"named":            {err: away, inputs: named, fails: true},
		"found, strict":    {err: away, strict: true, fails: true},
		"found, not in it": {err: errors.New("has no such project"), fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(dir)
			o.Inputs, o.Strict = c.inputs, c.strict
			o.Lookup = func(Question) ([]locks.Artifact, []string, error) { return nil, nil, c.err }
			p, err := Make(o)
			if c.fails {
				if !errors.Is(err, c.err) {
					t.Errorf("Make: %v, want %v", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			// As if the lock were not there: pip must be free to ask by itself.
			if len(p.Tree.Inputs) != 1 || p.Tree.Inputs[0].Type != "rpm" || slices.ContainsFunc(p.Env, func(e tree.Env) bool { return e.Name == "PIP_NO_INDEX" }) {
				t.Errorf("inputs %v, environment %v", p.Tree.Inputs, p.Env)
			}
			if w := strings.Join(p.Warnings, "\n"); !strings.Contains(w, "requirements.txt: the index is away; the lock is left out") || !strings.Contains(w, "--lazy-input pip:requirements.txt") {
				t.Errorf("warnings %q", p.Warnings)
			}
		})
	}
}

func TestIncludesReachOverTheContextAndNoFurther(t *testing.T) {
	dir := project(t, map[string]string{
		"ctx/image/Containerfile": "", "ctx/image/requirements.txt": "-r ../common.txt\n", "ctx/common.txt": "c==1\n", "outside.txt": "o==1\n",
		"ctx/bad/requirements.txt": "-r ../../outside.txt\n",
	})
	o := options(dir + "/ctx")
	o.Containerfile, o.Lookup = dir+"/ctx/image/Containerfile", answer
	if diff := cmp.Diff([]string{"deps/pip/c-1-py3-none-any.whl"}, filePaths(makePlan(t, o))); diff != "" {
		t.Error(diff)
	}
	o.Inputs = []Input{{Type: "pip", Path: "bad/requirements.txt"}}
	if _, err := Make(o); err == nil || !strings.Contains(err.Error(), "bad/requirements.txt:1") || !strings.Contains(err.Error(), "outside the project") {
		t.Error(err)
	}
}

func TestUnpinnedRequirementsThatNobodyNamedAreLeftOut(t *testing.T) {
	dir := project(t, map[string]string{"requirements.txt": "flask\n", "artifacts.lock.yaml": artifacts})
	p := makePlan(t, options(dir))
	if len(p.Tree.Inputs) != 1 || !strings.Contains(strings.Join(p.Warnings, "\n"), "flask is not pinned") {
		t.Errorf("inputs %v, warnings %q", p.Tree.Inputs, p.Warnings)
	}
}
