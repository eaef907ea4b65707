package credentials

import (
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/locks"
	"github.com/lazybuild/lazybuild/pkg/plan"
)

// Shows S54.
func TestEachSourceIsFound(t *testing.T) {
	url := "https://pkgs.example.org/a/file"
	for name, tt := range map[string]struct {
		world
		want []string
	}{
		"netrc": {
			world{files: map[string]string{"~/.netrc": "machine other login x password y\nmachine pkgs.example.org\n  login u\n  password \"p w\"\n"}},
			[]string{"pkgs.example.org basic u:p w (~/.netrc:2)"},
		},
		"netrc that a variable names": {
			world{files: map[string]string{"/run/netrc": "machine PKGS.example.org login u password p"}, more: func(o *Options) {
				o.Env = []string{"NETRC=" + o.Root + "/run/netrc"}
				o.Home = ""
			}},
			[]string{"PKGS.example.org basic u:p (ROOT/run/netrc:1)"},
		},
		"pip's variables": {
			world{env: []string{"PIP_INDEX_URL=https://u:p%40@pkgs.example.org/a/simple"}},
			[]string{"pkgs.example.org:443/a basic u:p@ (PIP_INDEX_URL)", "pkgs.example.org:443 basic u:p@ (PIP_INDEX_URL)"},
		},
		"pip.conf": {
			world{files: map[string]string{"~/.config/pip/pip.conf": "[global]\n# note\nextra-index-url =\n  https://other.example.org/simple\n  https://t@pkgs.example.org/simple/\n"}},
			[]string{"pkgs.example.org:443 basic t: (~/.config/pip/pip.conf:3)"},
		},
		"an index that the lock names": {
			world{more: func(o *Options) { o.Indexes = []string{"https://u:p@pkgs.example.org/"} }},
			[]string{"pkgs.example.org:443 basic u:p (an index URL of the lock)"},
		},
		"uv's variables of a named index": {
			world{
				files: map[string]string{"pyproject.toml": "[[tool.uv.index]]\nname = \"my-own\"\nurl = \"https://pkgs.example.org/\"\n"},
				env:   []string{"UV_INDEX_MY_OWN_USERNAME=u", "UV_INDEX_MY_OWN_PASSWORD=p"},
			},
			[]string{"pkgs.example.org:443 basic u:p (UV_INDEX_MY_OWN_USERNAME)"},
		},
		"uv's variables of an index in a variable": {
			world{env: []string{"UV_INDEX=own=https://pkgs.example.org/", "UV_INDEX_OWN_PASSWORD=p"}},
			[]string{"pkgs.example.org:443 basic :p (UV_INDEX_OWN_USERNAME)"},
		},
		"uv.toml": {
			world{files: map[string]string{"~/.config/uv/uv.toml": "index-url = \"https://u:p@pkgs.example.org/\"\n"}},
			[]string{"pkgs.example.org:443 basic u:p (~/.config/uv/uv.toml)"},
		},
		"uv auth login": {
			world{files: map[string]string{"~/.local/share/uv/credentials/credentials.toml": "[[credential]]\nservice = \"https://pkgs.example.org/\"\nusername = \"u\"\nscheme = \"basic\"\npassword = \"p\"\n[[credential]]\nservice = \"https://pkgs.example.org/a/\"\nscheme = \"bearer\"\ntoken = \"t\"\n"}},
			[]string{"pkgs.example.org:443/a bearer t (~/.local/share/uv/credentials/credentials.toml (entry 2))", "pkgs.example.org:443 basic u:p (~/.local/share/uv/credentials/credentials.toml (entry 1))"},
		},
		"npm's token": {
			world{files: map[string]string{".npmrc": "registry=https://pkgs.example.org/a/\n//pkgs.example.org/a/:_authToken=${TOKEN}\n"}, env: []string{"TOKEN=t"}},
			[]string{"pkgs.example.org:443/a bearer t (.npmrc:2)"},
		},
		"npm's user and password": {
			world{files: map[string]string{"~/.npmrc": "; a comment\n//pkgs.example.org/:username=u\n//pkgs.example.org/:_password=\"cDpw\"\n"}},
			[]string{"pkgs.example.org:443 basic u:p:p (~/.npmrc:2)"},
		},
		"npm's _auth": {
			world{files: map[string]string{"~/own": "//pkgs.example.org/:_auth = dTpw\n"}, more: func(o *Options) {
				o.Env = []string{"npm_config_userconfig=" + o.Home + "/own"}
			}},
			[]string{"pkgs.example.org:443 basic u:p (~/own:1)"},
		},
		"npm's variables": {
			world{env: []string{"npm_config_//pkgs.example.org/:_authToken=t"}},
			[]string{"pkgs.example.org:443 bearer t (npm_config_//pkgs.example.org/:_authToken)"},
		},
		"cargo's variable": {
			world{
				files: map[string]string{".cargo/config.toml": "[registries.my-own]\nindex = \"sparse+https://pkgs.example.org/a/\"\n"},
				env:   []string{"CARGO_REGISTRIES_MY_OWN_TOKEN=t"},
			},
			[]string{"pkgs.example.org:443/a Authorization: t (CARGO_REGISTRIES_MY_OWN_TOKEN)", "pkgs.example.org:443 Authorization: t (CARGO_REGISTRIES_MY_OWN_TOKEN)"},
		},
		"cargo's credentials.toml": {
			world{files: map[string]string{
				"~/.cargo/config.toml":      "[registries.own]\nindex = \"https://pkgs.example.org/\"\n",
				"~/.cargo/credentials.toml": "[registry]\ntoken = \"publish\"\n[registries.own]\ntoken = \"Bearer t\"\n",
			}},
			[]string{"pkgs.example.org:443 Authorization: Bearer t (~/.cargo/credentials.toml)"},
		},
		"bundler's variable": {
			world{env: []string{"BUNDLE_PKGS__EXAMPLE__ORG=u%40x:p"}},
			[]string{"pkgs.example.org basic u@x:p (BUNDLE_PKGS__EXAMPLE__ORG)"},
		},
		"bundler's files": {
			world{files: map[string]string{"~/.bundle/config": "---\nBUNDLE_PATH: \"x\"\nBUNDLE_PKGS__EXAMPLE__ORG: \"t\"\n"}},
			[]string{"pkgs.example.org basic t: (~/.bundle/config:3)"},
		},
		"dnf's user": {
			world{more: func(o *Options) {
				o.ReposD = map[string][]byte{"own.repo": []byte("[own]\nbaseurl = https://pkgs.example.org/a/$releasever/os\nusername=u\npassword=p\n[other]\nbaseurl=https://other.example.org\nusername=x\n")}
			}},
			[]string{"pkgs.example.org:443/a basic u:p (own.repo:2)"},
		},
		"the lock": {
			world{env: []string{"U=u", "P=p"}, more: func(o *Options) {
				o.Auth = []plan.Auth{{URLs: []string{"https://pkgs.example.org/a/file"}, Lock: "artifacts.lock.yaml", Line: 9, Auth: locks.Auth{User: "$U", Password: "${P}$$x"}}}
			}},
			[]string{"pkgs.example.org:443/a/file basic u:p$x (artifacts.lock.yaml:9)"},
		},
		"the lock, with a header": {
			world{env: []string{"T=t"}, more: func(o *Options) {
				o.Auth = []plan.Auth{{URLs: []string{"https://pkgs.example.org/a/file"}, Lock: "artifacts.lock.yaml", Line: 9, Auth: locks.Auth{Header: "PRIVATE-TOKEN", Value: "Token $T"}}}
			}},
			[]string{"pkgs.example.org:443/a/file PRIVATE-TOKEN: Token t (artifacts.lock.yaml:9)"},
		},
		"lazybuild.toml": {
			world{env: []string{"T=t"}, files: map[string]string{"~/pw": "p\n"}, more: func(o *Options) {
				o.Hosts = []plan.Host{
					{Host: "pkgs.example.org", UserEnv: "T", PasswordFile: "~/pw", PlainHTTP: true, File: "lazybuild.toml", Line: 3},
					{Host: "pkgs.example.org", Path: "/a", TokenEnv: "T", Header: "X-Token", File: "lazybuild.toml", Line: 8},
				}
			}},
			[]string{"pkgs.example.org/a X-Token: t plain (lazybuild.toml:8)", "pkgs.example.org basic t:p plain (lazybuild.toml:3)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tt.urls = []string{url, "https://elsewhere.example.net/a"}
			r, dir, err := tt.gather(t)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(strings.Join(lines(r.Credentials), "\n"), dir+"/root", "ROOT")
			if want := strings.Join(tt.want, "\n"); got != want {
				t.Errorf("found\n%s\nwant\n%s\nwarnings %q", got, want, r.Warnings)
			}
			if len(r.LookedAt) == 0 && !strings.Contains(name, "lock") && name != "dnf's user" {
				t.Error("nothing has been looked at")
			}
		})
	}
}

// Shows S54.
func TestWhatNoURLCanUseIsLeftOut(t *testing.T) {
	world{
		urls: []string{"https://example.org/public/file", "http://plain.example.org/x"},
		env: []string{
			"PIP_INDEX_URL=https://u:p@example.net/simple", "BUNDLE_GEMS__EXAMPLE__ORG=u:p",
			"PIP_EXTRA_INDEX_URL=https://u:p@example.org:8443/simple",
		},
		files: map[string]string{
			"~/.netrc":   "default login u password p\nmachine sub.example.org login u password p\nmachine org login u password p",
			"~/.npmrc":   "//example.org/private/:_authToken=t\n//example.org:8443/:_authToken=t\n",
			"uv.toml":    "index-url = \"https://u:p@example.com\"",
			"pkg/.npmrc": "//example.org/:_authToken=t",
		},
	}.expect(t)
}

// Shows S54.
func TestTheMoreImportantSourceComesFirst(t *testing.T) {
	w := world{
		urls: []string{"https://example.org/api/npm/x.tgz", "https://example.org/api/pypi/files/x.whl", "https://example.org/g"},
		env:  []string{"T=hosts", "PIP_INDEX_URL=https://pip:p@example.org/api/pypi/simple"},
		files: map[string]string{
			"~/.netrc": "machine example.org login netrc password p",
			".npmrc":   "//example.org/api/npm/:_authToken=npm\n",
			"~/.npmrc": "//example.org/api/npm/:_authToken=user\n",
		},
		more: func(o *Options) {
			o.Auth = []plan.Auth{{URLs: []string{"https://example.org/g"}, Lock: "l", Line: 1, Auth: locks.Auth{Header: "X", Value: "lock"}}}
		},
	}
	w.expect(t,
		"example.org:443/g X: lock (l:1)",
		"example.org:443/api/pypi basic pip:p (PIP_INDEX_URL)",
		"example.org:443/api/npm bearer npm (.npmrc:1)",
		"example.org:443/api basic pip:p (PIP_INDEX_URL)",
		"example.org:443 basic pip:p (PIP_INDEX_URL)",
		"example.org basic netrc:p (~/.netrc:1)",
	)
	before := w.more
	w.more = func(o *Options) {
		before(o)
		o.Hosts = []plan.Host{{Host: "example.org", TokenEnv: "T", File: "lazybuild.toml", Line: 1}}
	}
	r, _, err := w.gather(t)
	if err != nil || lines(r.Credentials)[0] != "example.org bearer hosts (lazybuild.toml:1)" {
		t.Errorf("first is %v, %v", lines(r.Credentials), err)
	}
}

// Shows S55.
func TestAnUnsetVariableIsAnErrorWithFileAndLine(t *testing.T) {
	w := world{urls: []string{"https://example.org/g"}, env: []string{"EMPTY="}}
	w.more = func(o *Options) {
		o.Auth = []plan.Auth{
			{URLs: []string{"https://example.org/g"}, Lock: "artifacts.lock.yaml", Line: 12, Auth: locks.Auth{Header: "X", Value: "Bearer $NOT_SET"}},
			{URLs: []string{"https://example.org/g"}, Lock: "artifacts.lock.yaml", Line: 20, Auth: locks.Auth{User: "s3cret$", Password: "${ALSO"}},
		}
		o.Hosts = []plan.Host{
			{Host: "example.org", TokenEnv: "NOT_THERE", File: "lazybuild.toml", Line: 4},
			{Host: "example.org", TokenFile: "missing", File: "lazybuild.toml", Line: 8, Dir: "/nowhere"},
			{Host: "example.net", TokenEnv: "NOT_NEEDED", File: "lazybuild.toml", Line: 9},
			{Host: "example.org", PasswordEnv: "EMPTY", File: "lazybuild.toml", Line: 11},
		}
	}
	_, _, err := w.gather(t)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"artifacts.lock.yaml:12: auth: the variable NOT_SET is not set (export NOT_SET before the build)",
		"artifacts.lock.yaml:20: auth: a $ is not followed by a variable's name",
		"lazybuild.toml:4: [[hosts]] example.org: token-env: the variable NOT_THERE is not set",
		"lazybuild.toml:8: [[hosts]] example.org: token-file: /nowhere/missing: no such file",
		"lazybuild.toml:11: [[hosts]] example.org: password-env: the variable EMPTY: it is empty",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	for _, bad := range []string{"s3cret", "NOT_NEEDED"} {
		if strings.Contains(err.Error(), bad) {
			t.Errorf("the error holds %q:\n%v", bad, err)
		}
	}
}

// Shows S56.
func TestAProjectsFileThatMakesAVariableLeaveIsSaidAloud(t *testing.T) {
	w := world{
		urls: []string{"https://example.org/g"}, env: []string{"T=s3cret"},
		files: map[string]string{".npmrc": "//example.org/:_authToken=${T}\n", "~/.npmrc": "//example.org/g/:_authToken=${T}\n"},
		more: func(o *Options) {
			o.Auth = []plan.Auth{{URLs: []string{"https://example.org/g"}, Lock: "l", Line: 1, Auth: locks.Auth{Header: "X", Value: "$T"}}}
			o.Hosts = []plan.Host{{Host: "example.org", TokenEnv: "T", File: "lazybuild.toml", Line: 3}}
		},
	}
	r, _, err := w.gather(t)
	if err != nil {
		t.Fatal(err)
	}
	want := "sending $T to example.org, as lazybuild.toml:3 says\nsending $T to example.org, as l:1 says\nsending $T to example.org, as .npmrc:1 says"
	if got := strings.Join(r.Notes, "\n"); got != want {
		t.Errorf("notes are\n%s\nwant\n%s", got, want)
	}
}

// Shows S56.
func TestWhatIsWrongInTheUsersFilesIsAWarningWithoutTheirText(t *testing.T) {
	r := world{
		urls: []string{"https://example.org/g"}, env: []string{"BUNDLE_EXAMPLE__ORG=%zzs3cret", "UV_INDEX_URL=https://u:s3cret%0a@example.org/"},
		files: map[string]string{
			"~/.netrc":                  "machine example.org login u password s3cret\ns3cret s3cret",
			"~/.npmrc":                  "//example.org/:_authToken=${NOT_SET}s3cret\n",
			"~/.cargo/config.toml":      "[registries.a]\nindex = \"https://example.org\"\n",
			"~/.cargo/credentials.toml": "[registries.a]\ntoken = s3cret\n",
			"uv.toml":                   "index-url = s3cret",
			"~/.local/share/uv/credentials/credentials.toml": "s3cret",
			"/etc/yum.repos.d/a.repo":                        "[a]\nbaseurl=https://example.org\nusername=s3cret\n\tx\n",
		},
	}.expect(t)
	all := strings.Join(r.Warnings, "\n")
	if strings.Contains(all, "s3cret") {
		t.Errorf("a warning holds a secret:\n%s", all)
	}
	for _, want := range []string{".netrc", ".npmrc:1: the credentials for example.org are left out: the variable NOT_SET is not set", "credentials.toml", "uv.toml", "a.repo:2", "BUNDLE_EXAMPLE__ORG", "UV_INDEX_URL"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning about %s:\n%s", want, all)
		}
	}
}
