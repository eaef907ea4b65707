package plan

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

func TestReadConfig(t *testing.T) {
	dir := project(t, map[string]string{"lazybuild.toml": `
store = "cache"
readahead = "group"
allow-unverified = "none"
rpm-source = true
yum-repos = false

[[inputs]]
type = "npm"
path = "web"
`})
	c, err := ReadConfig(filepath.Join(dir, ConfigName))
	if err != nil {
		t.Fatal(err)
	}
	on, off := true, false
	want := &Config{
		Inputs: []Input{{Type: "npm", Path: "web", By: filepath.Join(dir, ConfigName)}}, Store: filepath.Join(dir, "cache"),
		ReadAhead: "group", AllowUnverified: "none", RPMSource: &on, YumRepos: &off,
	}
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(Config{}, Input{})); diff != "" {
		t.Error(diff)
	}
}

func TestConfigErrorsSayWhereAndWhat(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		says []string
	}{
		"unknown key":          {"# x\nread-ahead = \"off\"\n", []string{"lazybuild.toml:2:", `"read-ahead"`, `did you mean "readahead"?`}},
		"unknown far key":      {"zzzzzzzzz = 1\n", []string{"lazybuild.toml:1:", "keys are inputs"}},
		"unknown table":        {"\n\n[builds]\nx = 1\n", []string{"lazybuild.toml:3:", "builds"}},
		"unknown inline key":   {"\ninputs = [{type = \"pip\", pth = \"x\"}]\n", []string{"lazybuild.toml:2:", `did you mean "path"?`}},
		"unknown key in array": {"[[inputs]]\ntype = \"pip\"\ntyp = 1\n", []string{"lazybuild.toml:3:", `did you mean "type"?`}},
		"no TOML":              {"inputs = [\n{type=\"pip\"\n", []string{"lazybuild.toml:"}},
		"wrong type":           {"\nstore = 3\n", []string{"lazybuild.toml:2:", "store"}},
		"unknown input type":   {"inputs = [{type = \"cobol\"}]\n", []string{"lazybuild.toml:1:", `"cobol"`, "npm"}},
		"unknown option":       {"[[inputs]]\ntype = \"rpm\"\n\n[inputs.options.dmf.base]\ngpgcheck = \"0\"\n", []string{"lazybuild.toml:4:", "inputs[0]: options.dmf", `did you mean "dnf"?`}},
		"option of another":    {"[[inputs]]\ntype = \"npm\"\nlockfile = \"x\"\n", []string{"lazybuild.toml:3:", "of type npm", "keys are type, path"}},
		"wrong option value":   {"[[inputs]]\ntype = \"pip\"\nrequirements_files = \"x\"\n", []string{"lazybuild.toml:3:", `it is the string "x", and has to be a list of strings`}},
		"a host's secret":      {"\n[[hosts]]\nhost = \"example.org\"\ntoken = \"x\"\n", []string{"lazybuild.toml:4:", `"hosts.token"`, "hosts.token-"}},
		"a host without name":  {"\n[[hosts]]\ntoken-env = \"T\"\n", []string{"lazybuild.toml:2: [[hosts]]: host has to be"}},
		"a host's URL":         {"[[hosts]]\nhost = \"https://example.org\"\n", []string{"host has to be"}},
		"a host's path":        {"[[hosts]]\nhost = \"a\"\npath = \"x\"\n", []string{"path has to begin with /"}},
		"two secrets":          {"[[hosts]]\nhost = \"a\"\ntoken-env = \"T\"\nuser-file = \"f\"\n", []string{"a user and a password, or a token"}},
		"two places":           {"[[hosts]]\nhost = \"a\"\n\n[[ hosts ]]\nhost = \"b\"\ntoken-env = \"T\"\ntoken-file = \"f\"\n", []string{"lazybuild.toml:4:", "token-env and token-file"}},
		"a value for a name":   {"[[hosts]]\nhost = \"a\"\ntoken-env = \"$T\"\n", []string{"without $"}},
		"a header alone":       {"[[hosts]]\nhost = \"a\"\nheader = \"X\"\n", []string{"header needs token-env"}},
		"a header's name":      {"[[hosts]]\nhost = \"a\"\ntoken-env = \"T\"\nheader = \"X:\"\n", []string{"name of a header"}},
		"a key alone":          {"[[hosts]]\nhost = \"a\"\nkey = \"k\"\n", []string{"key needs cert"}},
		"unknown value":        {"readahead = \"always\"\n", []string{"lazybuild.toml", `"always"`, "trace, group, off"}},
		"unknown registry":     {"[registries]\ngo = \"https://go.example.org\"\n", []string{"registries.go", "cargo, gomod, npm, pip"}},
		"empty registry":       {"[registries]\ngomod = \"\"\n", []string{"registries.gomod is empty"}},
		"unknown value 2":      {"allow-unverified = \"some\"\n", []string{`"some"`, "weak"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := project(t, map[string]string{ConfigName: c.text})
			_, err := ReadConfig(filepath.Join(dir, ConfigName))
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestEveryConfigKeyIsKnownToTheSuggestions(t *testing.T) {
	text := "store='s'\nreadahead='off'\nrpm-metadata='headers'\nallow-unverified='weak'\nrpm-source=true\nyum-repos=true\nrepos-d=['x']\nregistries={gomod='https://go.example.org'}\nread-only=true\nhermetic=true\ninputs=[{type='pip',path='x'}]\n" +
		"hosts=[{host='h',path='/p',user-env='U',password-env='P',cert='c',key='k',ca='a',plain-http=true},{host='h',user-file='U',password-file='P'},{host='h',token-env='T',header='H'},{host='h',token-file='T'}]\n"
	if _, err := parseConfig("f", text); err != nil {
		t.Error(err)
	}
	for _, key := range configKeys {
		if !strings.Contains(text, strings.TrimPrefix(key, "hosts.")+"=") {
			t.Errorf("key %q is suggested but does not exist", key)
		}
	}
}

func TestFindConfigPrefersTheOneBesideTheContainerfile(t *testing.T) {
	dir := project(t, map[string]string{
		ConfigName:              "readahead = \"off\"\n",
		"image/" + ConfigName:   "readahead = \"group\"\n",
		"other/Containerfile":   "",
		"special/settings.toml": "readahead = \"trace\"\n",
	})
	at := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	for name, c := range map[string]struct{ explicit, containerfile, want string }{
		"beside it":      {"", at("image", "Containerfile"), "group"},
		"in the context": {"", at("other", "Containerfile"), "off"},
		"without one":    {"", "", "off"},
		"named, it wins": {at("special", "settings.toml"), at("image", "Containerfile"), "trace"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := FindConfig(c.explicit, c.containerfile, dir)
			if err != nil || got.ReadAhead != c.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	if c, err := FindConfig("", "", at("other")); c != nil || err != nil {
		t.Errorf("got %v, %v where there is none", c, err)
	}
	if _, err := FindConfig(at("absent.toml"), "", dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a named file that is absent: %v", err)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add("inputs = [{type = \"pip\", pth = \"x\"}]\n[a.'b c']\nx = 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 1<<16 {
			_, _ = parseConfig("f", text)
		}
	})
}

func TestCachi2EnvIsQuotedForTheShell(t *testing.T) {
	got := string(Cachi2Env([]tree.Env{{Name: "A", Value: "/cachi2/output"}, {Name: "B", Value: "it's $HOME `x`"}, {Name: "C", Value: ""}}))
	want := "export A=/cachi2/output\nexport B='it'\\''s $HOME `x`'\nexport C=''\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// project makes a directory with files.
func project(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
