package plan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// same compares inputs without what only plan itself knows.
func same(t *testing.T, want, got []Input) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Input{})); diff != "" {
		t.Error(diff)
	}
}

func TestParseInput(t *testing.T) {
	const flag = "--lazy-input"
	npm := Input{Type: "npm", Path: "web", By: flag}
	here := Input{Type: "pip", Path: ".", By: flag}
	for s, want := range map[string][]Input{
		"pip":                   {{Type: "pip", By: flag}},
		"npm:web/a:b":           {{Type: "npm", Path: "web/a:b", By: flag}},
		"npm:package-lock.json": {{Type: "npm", Path: "package-lock.json", By: flag}},
		"generic:/x.yml":        {{Type: "generic", Path: "/x.yml", By: flag}},
		`{"type":"pip"}`:        {here},
		` [{"type":"npm","path":"web"}, {"type": "pip", "path": "."}] `:      {npm, here},
		`{"packages":[{"type":"npm","path":"web"}],"flags":["cgo-disable"]}`: {npm},
		`{"packages":["pip"]}`:                               nil,
		`{"type":"generic","lockfile":"a.yaml","path":null}`: {{Type: "generic", Path: ".", By: flag, Options: InputOptions{Lockfile: "a.yaml"}}},
	} {
		got, err := ParseInput(s)
		if want == nil {
			if err == nil {
				t.Errorf("ParseInput(%q) = %v", s, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("ParseInput(%q): %v", s, err)
		}
		same(t, want, got)
	}
}

func TestInputFilesAreRead(t *testing.T) {
	want := []Input{{Type: "rpm", Path: "."}, {Type: "npm", Path: "web"}}
	dir := project(t, map[string]string{
		"in.json":      `[{"type":"rpm"},{"type":"npm","path":"web"}]`,
		"word":         "rpm\n",
		"list.yaml":    "- type: rpm\n- {type: npm, path: web}\n",
		"run.yaml":     "kind: PipelineRun\nspec: {params: [{name: prefetch-input, value: '[{\"type\":\"rpm\"},{\"type\":\"npm\",\"path\":\"web\"}]'}]}\n",
		"nothing.yaml": "kind: PipelineRun\nspec: {params: [{name: dockerfile, value: x}]}\n",
		"wrong.json":   "{\n\"type\": \"rpm\",\n}",
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, s := range []string{"@" + at("in.json"), at("in.json"), "@" + at("list.yaml"), "@" + at("run.yaml")} {
		got, err := ParseInput(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		for i := range want {
			want[i].By = "--lazy-input @" + strings.TrimPrefix(s, "@")
		}
		same(t, want, got)
	}
	if got, err := ParseInput("@" + at("word")); err != nil || len(got) != 1 || got[0].Type != "rpm" {
		t.Errorf("a word in a file: %v, %v", got, err)
	}
	for s, says := range map[string]string{
		"@" + at("absent"): "no such file", at("absent.json"): "no such file",
		"@" + at("wrong.json"): "line 3: this is no JSON", "@" + at("nothing.yaml"): "has no prefetch-input",
	} {
		if _, err := ParseInput(s); err == nil || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "--lazy-input: ") {
			t.Errorf("ParseInput(%q): %v", s, err)
		}
	}
}

func TestWrongInputsAreRefusedWithTheirPlace(t *testing.T) {
	for s, says := range map[string]string{
		"":                           "types are pip, npm",
		":x":                         "types are pip, npm",
		"cobol:x":                    "types are pip, npm",
		"pylock.toml":                "types are pip, npm",
		"npn:x":                      `did you mean "npm"?`,
		`{"typ":"pip"}`:              "type: an input has to name its type",
		`{"type":"cobol"}`:           `there is no input type "cobol"`,
		`{"type":"pip","pth":"."}`:   `pth: there is no key "pth" in an input of type pip; did you mean "path"?`,
		`{"type":"npm","binary":{}}`: "binary: there is no key",
		`[{"type":"npm"},{"type":"pip","binary":{"archs":""}}]`:     `[1].binary.archs: there is no key "archs" in binary; did you mean "arch"?`,
		`{"packages":[{"type":"pip","binary":{"py_version":"3"}}]}`: `packages[0].binary.py_version: it is the string "3", and has to be a number`,
		`{"type":"pip","binary":{"py_version":3.5}}`:                "has to be a number",
		`{"type":"pip","binary":{"arch":" , "}}`:                    "binary.arch: it names nothing",
		`{"type":"pip","binary":{"arch":"aarch64","platform":"x"}}`: "cannot stand beside os or arch",
		`{"type":"pip","binary":{"platform":"("}}`:                  "no regular expression",
		`{"type":"pip","allow_binary":"yes"}`:                       "has to be true or false",
		`{"type":"pip","requirements_files":["../r.txt"]}`:          `holds ".."`,
		`{"type":"pip","requirements_files":[1]}`:                   "has to be a list of strings",
		`{"type":"pip","path":"a/../.."}`:                           `path: the path "a/../.." holds ".."`,
		`{"type":"pip","path":"/etc"}`:                              "is absolute",
		`{"type":"rpm","options":{"dnf":{"base":1}}}`:               "options.dnf: it is a table, and has to be a table of tables",
		`{"type":"rpm","options":{"dnf":{"base":{"x":[1]}}}}`:       "table of tables",
		`{"type":"rpm","options":{"ssl":{"client_crt":"x"}}}`:       `did you mean "client_cert"?`,
		`[]`:              "the list of inputs is empty",
		`{"packages":[]}`: "packages: the list of inputs is empty",
		`{"packages":{}}`: "packages: it has to be a list",
		`{"packages":[{"type":"npm"}],"flag":[]}`:               `did you mean "flags"?`,
		`{"packages":[{"type":"npm"}],"flags":["gomod-vendr"]}`: `flags[0]: there is no flag the string "gomod-vendr"; did you mean "gomod-vendor"?`,
		`{"packages":[{"type":"npm"}],"flags":"x"}`:             "flags: it has to be a list",
		`[["pip"]]`:     "an input is a list, and has to be an object",
		`{"type":"pip"`: "this is no JSON",
	} {
		_, err := ParseInput(s)
		if err == nil || !strings.HasPrefix(err.Error(), "--lazy-input") || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseInput(%q): %v; it has to say %q", s, err, says)
		}
	}
}

func TestOptionsWithoutEffectAreSaid(t *testing.T) {
	dir := project(t, map[string]string{"rpms.lock.yaml": oneRPM, "yarn.lock": yarnLock, "Gemfile.lock": "GEM\n  remote: https://example.org/\n  specs:\n"})
	for s, says := range map[string]string{
		`{"packages":[{"type":"rpm"}],"flags":["cgo-disable"]}`:     "--lazy-input: the rpm input: the flag cgo-disable has no effect",
		`{"type":"rpm","include_summary_in_sbom":true}`:             "include_summary_in_sbom has no effect",
		`{"type":"rpm","include_summary_in_sbom":false}`:            "",
		`{"type":"rpm","options":{"ssl":{"ssl_verify":true}}}`:      "options.ssl has no effect",
		`{"type":"yarn","workspaces":["a"]}`:                        "workspaces has no effect",
		`{"type":"bundler","binary":{"platform":"x86_64-linux"}}`:   "binary.platform has no effect",
		`{"type":"bundler","binary":{}}`:                            "",
		`{"type":"rpm","options":{"dnf":{"base":{"priority":10}}}}`: "",
		`{"type":"rpm","binary":{"arch":"aarch64,s390x"}}`:          "rpms.lock.yaml: the input's binary.arch leaves out x86_64",
	} {
		o := options(dir)
		var err error
		if o.Inputs, err = ParseInput(s); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(makePlan(t, o).Warnings, "\n"); !strings.Contains(got, says) || says == "" && got != "" {
			t.Errorf("%s: warnings %q; they have to say %q", s, got, says)
		}
	}
}

func TestPathsInJSONStartAtTheRepositorysRoot(t *testing.T) {
	dir := project(t, map[string]string{
		".git/HEAD": "", "locks/artifacts.lock.yaml": artifacts, "image/app/Containerfile": "", "image/locks/artifacts.lock.yaml": "not read",
	})
	o := options(filepath.Join(dir, "image", "app"))
	o.Dir = filepath.Join(dir, "image")
	var err error
	if o.Inputs, err = ParseInput(`{"type":"generic","path":"locks"}`); err != nil {
		t.Fatal(err)
	}
	if p := makePlan(t, o); len(p.Tree.Inputs) != 1 {
		t.Errorf("inputs %v", p.Tree.Inputs)
	}
	// Without a repository they start where Hermeto's do: at the current directory.
	if err := os.RemoveAll(filepath.Join(dir, ".git")); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(o); err == nil || !strings.Contains(err.Error(), "locks/artifacts.lock.yaml:1") {
		t.Errorf("the lock below the current directory was not read: %v", err)
	}
}

func TestOptionsNameTheLockFiles(t *testing.T) {
	dir := project(t, map[string]string{
		"app/pylock.cpu.toml": pylock(anyWheel, hashA), "app/pylock.cuda.toml": pylock(anyWheel, hashB),
		"app/odd.yaml": artifacts, "app/artifacts.lock.yaml": "not read",
	})
	for s, want := range map[string]string{
		`{"type":"pip","path":"app","requirements_files":["pylock.cpu.toml"]}`:          "app/pylock.cpu.toml",
		`{"type":"pip","path":"app","requirements_build_files":["pylock.cuda.toml"]}`:   "app/pylock.cuda.toml",
		`{"type":"generic","path":"app","lockfile":"odd.yaml"}`:                         "app/odd.yaml",
		`{"type":"generic","lockfile":"` + filepath.Join(dir, "app", "odd.yaml") + `"}`: "app/odd.yaml",
		`{"type":"pip","path":"app","requirements_files":["absent.txt"]}`:               "!absent.txt",
		`{"type":"pip","requirements_files":["app"]}`:                                   "!app is a directory",
	} {
		o := options(dir)
		var err error
		if o.Inputs, err = ParseInput(s); err != nil {
			t.Fatal(err)
		}
		p, err := Make(o)
		if says, wrong := strings.CutPrefix(want, "!"); wrong {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", s, err)
			}
			continue
		}
		if err != nil || len(p.Tree.Inputs) != 1 || p.Tree.Inputs[0].Lock != want {
			t.Errorf("%s: %v, %v", s, p, err)
		}
	}
}

func FuzzParseInput(f *testing.F) {
	for _, s := range []string{
		"pip:x", `{"type":"pip","binary":{"py_version":312,"arch":"a,b"}}`, `{"packages":["x",{}],"flags":[]}`,
		`[{"type":"rpm","options":{"dnf":{"a":{"b":1}},"ssl":{}}}]`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.HasPrefix(s, "@") || strings.HasSuffix(s, ".json") {
			return // a file
		}
		ins, err := ParseInput(s)
		if (err == nil) == (len(ins) == 0) {
			t.Errorf("%v and %v", ins, err)
		}
		for _, in := range ins {
			if in.fromRoot && !filepath.IsLocal(in.Path) {
				t.Errorf("%q leaves the repository: %q", s, in.Path)
			}
		}
	})
}
