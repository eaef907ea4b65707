package plan

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// run is a PipelineRun with parameters, given as YAML.
func run(params string) string {
	return "# made by a program\n---\napiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata:\n  annotations:\n" +
		"    commit: '{{revision}}'\nspec:\n  params:\n" + params + "  pipelineRef:\n    name: x\n"
}

func param(name, value string) string {
	return fmt.Sprintf("  - name: %s\n    value: %s\n", name, value)
}

const prefetchList = `
    - type: generic
      path: prefetch-input
    - path: image
      type: pip
      requirements_files: [pylock.cpu.toml]`

// pipelineProject is a repository whose image is built by a pipeline.
func pipelineProject(t *testing.T, tekton map[string]string) Options {
	files := map[string]string{
		".git/HEAD": "", "image/Containerfile": "", "image/pylock.cpu.toml": pylock(anyWheel, hashA), "image/pylock.cuda.toml": pylock(anyWheel, hashB),
		"image/artifacts.lock.yaml": "not read", "prefetch-input/artifacts.lock.yaml": artifacts,
	}
	for name, data := range tekton {
		files[".tekton/"+name] = data
	}
	o := options(project(t, files))
	o.Containerfile = filepath.Join(o.ContextDir, "image", "Containerfile")
	return o
}

func TestInputsOfThePipelineAreFound(t *testing.T) {
	asJSON := `'[{"type":"generic","path":"prefetch-input"},{"type":"pip","path":"image","requirements_files":["pylock.cpu.toml"]}]'`
	file := param("dockerfile", "image/Containerfile")
	for name, text := range map[string]string{
		"a list":                run(file + param("path-context", ".") + param("prefetch-input", prefetchList)),
		"JSON":                  run(param("prefetch-input", asJSON) + file),
		"packages":              run(file + param("prefetch-input", "'{\"packages\": "+strings.Trim(asJSON, "'")+"}'")),
		"a context":             run(param("dockerfile", "Containerfile") + param("path-context", "image") + param("prefetch-input", prefetchList)),
		"./ in front":           run(param("dockerfile", "./image/Containerfile") + param("prefetch-input", prefetchList)),
		"from the root despite": run(file + param("path-context", "prefetch-input") + param("prefetch-input", prefetchList)),
		"beside another":        "kind: Secret\nspec: {params: 7}\n---\n" + run(file+param("prefetch-input", prefetchList)),
	} {
		t.Run(name, func(t *testing.T) {
			o := pipelineProject(t, map[string]string{
				"image-pull-request.yaml": text, "image-push.yaml": run(file + param("prefetch-input", "rpm")),
				"other-pull-request.yaml": run(param("dockerfile", "other/Containerfile") + param("prefetch-input", "rpm")),
			})
			p := makePlan(t, o)
			if diff := cmp.Diff([]string{"deps/generic/key.txt", "deps/pip/" + anyWheel}, filePaths(p)); diff != "" {
				t.Error(diff)
			}
			for _, in := range p.Tree.Inputs {
				if in.FoundBy != ".tekton/image-pull-request.yaml" {
					t.Errorf("%s was found by %q", in.Lock, in.FoundBy)
				}
			}
			if !strings.Contains(strings.Join(p.Files, "\n"), "/.tekton/image-pull-request.yaml") {
				t.Errorf("files %q", p.Files)
			}
		})
	}
}

func TestPipelineIsFoundFromACopyOfTheContext(t *testing.T) {
	o := pipelineProject(t, map[string]string{"x-pull-request.yaml": run(param("dockerfile", "image/Containerfile") +
		param("prefetch-input", `'{"type":"npm","path":"web"}'`))})
	repo := o.ContextDir
	web := map[string]string{"web/package.json": `{"dependencies":{"left":"1.0.0"}}`, "web/package-lock.json": packageLock}
	o.ContextDir = project(t, web)
	for name, data := range web {
		writeFile(t, filepath.Join(repo, name), data)
	}
	p := makePlan(t, o)
	if _, ok := p.Rewrites[filepath.Join(o.ContextDir, "web", "package-lock.json")]; !ok || len(p.Rewrites) != 1 {
		t.Errorf("rewritten: %v; warnings %q", p.Rewrites, p.Warnings)
	}
	// A copy that differs is not a copy.
	writeFile(t, filepath.Join(o.ContextDir, "web", "package-lock.json"), packageLock+"\n")
	if p := makePlan(t, o); len(p.Rewrites) != 0 || !strings.Contains(strings.Join(p.Warnings, "\n"), "outside the build context") {
		t.Errorf("rewritten: %v; warnings %q", p.Rewrites, p.Warnings)
	}
}

func writeFile(t *testing.T, path, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOtherInputsWinOverThePipeline(t *testing.T) {
	o := pipelineProject(t, map[string]string{"x-pull-request.yaml": run(param("dockerfile", "image/Containerfile") + param("prefetch-input", prefetchList))})
	writeFile(t, filepath.Join(o.ContextDir, ConfigName), "inputs = [{type = \"generic\", path = \"prefetch-input\"}]\n")
	var err error
	if o.Config, err = FindConfig("", o.Containerfile, o.ContextDir); err != nil {
		t.Fatal(err)
	}
	if got := filePaths(makePlan(t, o)); !cmp.Equal(got, []string{"deps/generic/key.txt"}) {
		t.Errorf("with a configuration: %q", got)
	}
	if o.Inputs, err = ParseInput("pip:image/pylock.cuda.toml"); err != nil {
		t.Fatal(err)
	}
	if got := filePaths(makePlan(t, o)); !cmp.Equal(got, []string{"deps/pip/" + anyWheel}) {
		t.Errorf("with a flag: %q", got)
	}
	// A configuration without inputs leaves the pipeline its say.
	o.Inputs, o.Config.Inputs = nil, nil
	if got := filePaths(makePlan(t, o)); len(got) != 2 {
		t.Errorf("with a configuration without inputs: %q", got)
	}
}

func TestPipelineWithoutInputsLeavesThemToDiscovery(t *testing.T) {
	for name, params := range map[string]string{
		"empty": param("prefetch-input", "''"), "absent": "", "null": param("prefetch-input", ""), "no list": param("prefetch-input", "[]"),
		"for another": param("prefetch-input", "'rpm'") + param("dockerfile", "other"),
	} {
		t.Run(name, func(t *testing.T) {
			o := pipelineProject(t, map[string]string{"x-pull-request.yaml": run(param("dockerfile", "image/Containerfile") + params)})
			writeFile(t, filepath.Join(o.ContextDir, "image", "artifacts.lock.yaml"), artifacts)
			for _, l := range []string{"cpu", "cuda"} {
				_ = os.Remove(filepath.Join(o.ContextDir, "image", "pylock."+l+".toml"))
			}
			if got := filePaths(makePlan(t, o)); !cmp.Equal(got, []string{"deps/generic/key.txt"}) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestFlavoursOfOneContainerfileAreToldApart(t *testing.T) {
	flavour := func(name, platform string) string {
		return run(param("dockerfile", "image/Containerfile") + param("build-args-file", "image/"+name+".conf") + param("build-platforms", "["+platform+"]") +
			param("prefetch-input", `'{"type":"pip","path":"image","requirements_files":["pylock.`+name+`.toml"]}'`))
	}
	o := pipelineProject(t, map[string]string{
		"cpu-pull-request.yaml": flavour("cpu", "linux/x86_64"), "cuda-pull-request.yaml": flavour("cuda", "linux/x86_64"),
	})
	_, err := Make(o)
	if err == nil {
		t.Fatal("a flavour was guessed")
	}
	for _, says := range []string{".tekton/cpu-pull-request.yaml and .tekton/cuda-pull-request.yaml both build image/Containerfile", "--lazy-input @.tekton/cpu"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q does not say %q", err, says)
		}
	}
	o.BuildArgFiles = []string{"image/cuda.conf"}
	if p := makePlan(t, o); p.Tree.Inputs[0].Lock != "image/pylock.cuda.toml" || len(p.Notes) != 0 {
		t.Errorf("by its build arguments: %v, notes %q", p.Tree.Inputs, p.Notes)
	}
	o.BuildArgFiles = nil
	// A Makefile has made words of the file.
	writeFile(t, filepath.Join(o.ContextDir, "image", "cpu.conf"), "# images\nBASE=a b\n\n INDEX=x\n")
	writeFile(t, filepath.Join(o.ContextDir, "image", "cuda.conf"), "BASE=c\nINDEX=x\n")
	o.BuildArgs = []string{"INDEX=x", "BASE=a b", "MORE=1"}
	if p := makePlan(t, o); p.Tree.Inputs[0].Lock != "image/pylock.cpu.toml" || len(p.Notes) != 0 {
		t.Errorf("by its build arguments as words: %v, notes %q", p.Tree.Inputs, p.Notes)
	}
	o.BuildArgs = nil
	writeFile(t, filepath.Join(o.ContextDir, ".tekton", "cpu-pull-request.yaml"), flavour("cpu", "linux-root/arm64"))
	if p := makePlan(t, o); p.Tree.Inputs[0].Lock != "image/pylock.cuda.toml" {
		t.Errorf("by its platform: %v", p.Tree.Inputs)
	}
}

func TestWhatThePipelineDoesOtherwiseIsSaid(t *testing.T) {
	o := pipelineProject(t, map[string]string{"x-pull-request.yaml": run(param("dockerfile", "Containerfile") + param("path-context", "image") +
		param("build-args-file", "image/cpu.conf") + param("hermetic", "'true'") + param("build-platforms", "[linux/arm64, linux/s390x]") + param("prefetch-input", prefetchList))})
	p := makePlan(t, o)
	notes, warnings := strings.Join(p.Notes, "\n"), strings.Join(p.Warnings, "\n")
	for _, says := range []string{`build context is "image"`, "image/cpu.conf", "--lazy-hermetic"} {
		if !strings.Contains(notes, says) {
			t.Errorf("no note says %q: %q", says, notes)
		}
	}
	if !strings.Contains(warnings, "does not build for linux/amd64, but for linux/arm64, linux/s390x") {
		t.Errorf("warnings %q", warnings)
	}
}

func TestWrongInputOfThePipelineIsAnErrorWithItsLine(t *testing.T) {
	for value, says := range map[string]string{
		"'{\"type\":\"pip\",\"pth\":\"x\"}'": `.tekton/x-pull-request.yaml:13: prefetch-input: pth: there is no key "pth"`,
		"\n    - path: image":                ".tekton/x-pull-request.yaml:14: prefetch-input: type",
		"'{'":                                ".tekton/x-pull-request.yaml:13: prefetch-input: ",
		"{1: 2}":                             "prefetch-input",
	} {
		o := pipelineProject(t, map[string]string{"x-pull-request.yaml": run(param("dockerfile", "image/Containerfile") + param("prefetch-input", value))})
		_, err := Make(o)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", value, err)
		}
	}
}

func TestPipelinesOutsideTheRepositoryAreNotLookedAt(t *testing.T) {
	dir := project(t, map[string]string{
		".tekton/x-pull-request.yaml": run(param("dockerfile", "repo/Containerfile") + param("prefetch-input", "rpm")),
		"repo/.git/HEAD":              "", "repo/Containerfile": "", "repo/artifacts.lock.yaml": artifacts,
	})
	o := options(filepath.Join(dir, "repo"))
	if got := filePaths(makePlan(t, o)); !cmp.Equal(got, []string{"deps/generic/key.txt"}) {
		t.Errorf("above the repository: %q", got)
	}
	if err := os.RemoveAll(filepath.Join(dir, "repo", ".git")); err != nil {
		t.Fatal(err)
	}
	if got := filePaths(makePlan(t, o)); !cmp.Equal(got, []string{"deps/generic/key.txt"}) {
		t.Errorf("without a repository: %q", got)
	}
}

func TestUnreadablePipelineIsAWarning(t *testing.T) {
	o := pipelineProject(t, map[string]string{
		"a-pull-request.yaml": "Containerfile prefetch-input: {{x}}: [", "b-pull-request.yaml": run(param("dockerfile", "image/Containerfile") + param("prefetch-input", prefetchList)),
	})
	if p := makePlan(t, o); len(p.Tree.Inputs) != 2 || !strings.Contains(strings.Join(p.Warnings, "\n"), "a-pull-request.yaml") {
		t.Errorf("inputs %v, warnings %q", p.Tree.Inputs, p.Warnings)
	}
}

func FuzzReadPipelines(f *testing.F) {
	f.Add([]byte(run(param("dockerfile", "x") + param("prefetch-input", prefetchList))))
	f.Add([]byte("kind: PipelineRun\nspec: {params: [{name: prefetch-input, value: &a [*a]}]}\n---\n- 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := readPipelines("f", data)
		if err != nil {
			return
		}
		for _, p := range all {
			if ins, err := p.inputs(); err == nil {
				for _, in := range ins {
					if !filepath.IsLocal(in.Path) {
						t.Errorf("the path %q leaves the repository", in.Path)
					}
				}
			}
		}
	})
}

func TestPipelinesOfAnotherUserAreNotLookedAt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	text := run(param("dockerfile", "image/Containerfile") + param("prefetch-input", prefetchList))
	for _, dir := range []string{".git", ".tekton"} {
		o := pipelineProject(t, map[string]string{"x-pull-request.yaml": text})
		if err := os.Chown(filepath.Join(o.ContextDir, dir), 12345, 12345); err != nil {
			t.Fatal(err)
		}
		// From a directory below, so that only .git could lead up to .tekton.
		root := o.ContextDir
		o.ContextDir = filepath.Join(root, "image")
		if _, found, err := o.pipelineInputs(nil, &Plan{}); found || err != nil {
			t.Errorf("%s of another user: found %v, %v", dir, found, err)
		}
	}
}
