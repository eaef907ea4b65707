package plan

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/locks"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// content is the content of a generated file of the plan's tree.
func content(t *testing.T, p *Plan, name string) string {
	t.Helper()
	f, ok := p.Tree.Lookup(name)
	if !ok || f.Content == nil {
		t.Fatalf("there is no generated %s in %q", name, filePaths(p))
	}
	return string(f.Content)
}

func TestBuildConfigHasHermetosForm(t *testing.T) {
	dir := project(t, map[string]string{
		".git/HEAD": "", "web/package-lock.json": packageLock, "web/package.json": `{"dependencies":{"left":"1.0.0"}}`,
		"rpms.lock.yaml": oneRPM, "pylock.toml": pylock(anyWheel, hashA), "Gemfile.lock": "GEM\n  remote: https://example.org/\n  specs:\n",
	})
	o := options(dir)
	var err error
	o.Inputs, err = ParseInput(`[{"type":"npm","path":"web"},{"type":"pip"},{"type":"bundler"},{"type":"rpm","options":{"dnf":{"base":{"priority":10}}}}]`)
	if err != nil {
		t.Fatal(err)
	}
	p := makePlan(t, o)
	lock := strings.ReplaceAll(packageLock, "https://example.org/left/-/left-1.0.0.tgz", "file://${output_dir}/deps/npm/left-1.0.0.tgz")
	bundle := "BUNDLE_CACHE_PATH: \"${output_dir}/deps/bundler\"\nBUNDLE_DEPLOYMENT: \"true\"\nBUNDLE_NO_PRUNE: \"true\"\n" +
		"BUNDLE_ALLOW_OFFLINE_INSTALL: \"true\"\nBUNDLE_DISABLE_VERSION_CHECK: \"true\"\nBUNDLE_VERSION: \"system\"\n"
	quote := func(s string) string { return string(appendJSON(nil, s)) }
	want := `{
  "environment_variables": [
    {
      "name": "BUNDLE_APP_CONFIG",
      "value": "${output_dir}/bundler/config_override"
    },
    {
      "name": "PIP_FIND_LINKS",
      "value": "${output_dir}/deps/pip"
    },
    {
      "name": "PIP_NO_INDEX",
      "value": "true"
    }
  ],
  "project_files": [
    {
      "abspath": "${output_dir}/bundler/config_override/config",
      "template": ` + quote(bundle) + `
    },
    {
      "abspath": "/var/workdir/source/web/package-lock.json",
      "template": ` + quote(lock) + `
    }
  ],
  "options": {
    "rpm": {
      "dnf": {
        "base": {
          "priority": 10
        }
      }
    }
  }
}
`
	if diff := cmp.Diff(want, content(t, p, ".build-config.json")); diff != "" {
		t.Error(diff)
	}
}

func TestGeneratedFilesDoNotDependOnThePlace(t *testing.T) {
	files := map[string]string{"package-lock.json": packageLock, "package.json": `{}`, "requirements-build.txt": "six==1 --hash=sha256:" + hashA + "\n"}
	one, two := makePlan(t, options(project(t, files))), makePlan(t, options(project(t, files)))
	if one.Fingerprint() != two.Fingerprint() {
		t.Error("the fingerprint depends on the directory")
	}
}

func TestBomListsWhatTheLocksName(t *testing.T) {
	dir := project(t, map[string]string{
		"pylock.toml": pylock(anyWheel, hashA), "artifacts.lock.yaml": artifacts, "package-lock.json": packageLock, "rpms.lock.yaml": oneRPM,
		"sub/rpms.lock.yaml": strings.ReplaceAll(oneRPM, "    checksum", "    #"), "Gemfile.lock": "GEM\n  remote: https://example.org/\n  specs:\n    a (1)\n    b (1-x86_64-linux)\n",
	})
	o := options(dir)
	var err error
	if o.Inputs, err = ParseInput(`[{"type":"pip"},{"type":"generic"},{"type":"npm"},{"type":"rpm","path":"sub"},{"type":"bundler"}]`); err != nil {
		t.Fatal(err)
	}
	text := content(t, makePlan(t, o), "bom.json")
	var bom struct {
		Components []struct {
			Ref        string `json:"bom-ref"`
			PURL       string `json:"purl"`
			Version    string
			Type       string
			Properties []struct{ Name, Value string }
			External   []struct{ URL, Type string } `json:"externalReferences"`
		}
		Annotations []struct{ Text string }
	}
	if err := json.Unmarshal([]byte(text), &bom); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range bom.Components {
		line := fmt.Sprintf("%s %s %q", c.PURL, c.Type, c.Version)
		for _, p := range c.Properties {
			if p.Name != "hermeto:found_by" {
				line += " " + p.Name + "=" + p.Value
			}
		}
		for _, e := range c.External {
			line += " " + e.URL
		}
		got = append(got, line)
	}
	want := []string{
		`pkg:gem/a@1 library "1" hermeto:missing_hash:in_file=Gemfile.lock`,
		`pkg:gem/b@1?platform=x86_64-linux library "1" hermeto:bundler:package:binary=true hermeto:missing_hash:in_file=Gemfile.lock`,
		`pkg:generic/key.txt?checksum=sha256:` + hashA + `&download_url=https://example.org/key.txt file "" https://example.org/key.txt`,
		`pkg:npm/left@1.0.0 library "1.0.0"`,
		`pkg:pypi/p@1 library "1" hermeto:pip:package:binary=true`,
		`pkg:rpm/a@1-1?arch=noarch&repository_id=base library "1" hermeto:missing_hash:in_file=` + filepath.Join("sub", "rpms.lock.yaml"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(bom.Annotations) != 5 {
		t.Errorf("annotations %v", bom.Annotations)
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add("a\"b\\c\n\r\t\x00é\u2028\xff<&>")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(appendJSON(nil, s), &back); err != nil || back != strings.ToValidUTF8(s, "\uFFFD") {
			t.Errorf("%q becomes %q, %v", s, back, err)
		}
	})
}

func TestGeneratedFilesDoNotDependOnWhereTheUserStands(t *testing.T) {
	dir := project(t, map[string]string{"app/Gemfile.lock": "GEM\n  remote: https://example.org/\n  specs:\n    a (1)\n", "app/package-lock.json": packageLock, "app/package.json": "{}"})
	inside := options(filepath.Join(dir, "app"))
	outside := inside
	outside.Dir = dir
	if makePlan(t, inside).Fingerprint() != makePlan(t, outside).Fingerprint() {
		t.Error("the fingerprint depends on the current directory")
	}
}

func TestTokensStayOutOfTheBuildConfig(t *testing.T) {
	dir := project(t, map[string]string{
		"pnpm-lock.yaml": pnpmLock, "package.json": "{}", ".npmrc": "//example.org/:_authToken=hunter2\nstrict-ssl=true\n//example.org/:_password=hunter2\n//example.org/:username=bob",
	})
	p := makePlan(t, options(dir))
	text := content(t, p, ".build-config.json")
	if strings.Contains(text, "hunter2") || strings.Contains(text, "bob") || !strings.Contains(text, "strict-ssl=true") {
		t.Error(text)
	}
	if npmrc := string(p.Rewrites[filepath.Join(dir, ".npmrc")]); !strings.Contains(npmrc, "hunter2") {
		t.Errorf("the build's own file has lost something: %q", npmrc)
	}
}

func TestBomOfTooManyFilesIsLeftOutWithAWarning(t *testing.T) {
	b := &builder{o: options("/ctx"), targets: []Platform{{"linux", "amd64"}}, plan: &Plan{Rewrites: map[string][]byte{}}}
	lock := &locks.Lock{Type: "npm", Artifacts: make([]locks.Artifact, maxComponents/2+1)}
	b.inputs = []tree.Input{{Type: "npm", Lock: "package-lock.json"}}
	for range 2 {
		b.components(readLock{lock: lock, path: "/ctx/package-lock.json"})
	}
	b.generated()
	if len(b.files) != 1 || len(b.plan.Warnings) != 1 || !strings.Contains(b.plan.Warnings[0], "100002 files") {
		t.Errorf("%d files, warnings %q", len(b.files), b.plan.Warnings)
	}
}
