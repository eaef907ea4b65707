package locks

import (
	"strings"
	"testing"
)

func TestDiscoveryByFileName(t *testing.T) {
	for base, want := range map[string]string{
		"pylock.toml": "pip", "pylock.cpu.toml": "pip", "package-lock.json": "npm", "npm-shrinkwrap.json": "npm",
		"pnpm-lock.yaml": "pnpm", "Gemfile.lock": "bundler", "yarn.lock": "yarn",
		"artifacts.lock.yaml": "generic", "rpms.lock.yaml": "rpm",
		"pylock..toml": "", "pylock.a.b.toml": "", "mypylock.toml": "", "pylock.toml.bak": "", "package.json": "", "": "",
	} {
		f, ok := ForFile(base)
		if f.Type != want || ok != (want != "") {
			t.Errorf("ForFile(%q) = %q, %v; want %q", base, f.Type, ok, want)
		}
	}
}

func TestNamedTypeTakesAnyFileName(t *testing.T) {
	lock, err := Parse("generic", Source{Path: "my.yaml", Data: []byte("metadata: {version: '1.0'}\nartifacts: []\n")})
	if err != nil || lock.Type != "generic" || lock.File != "my.yaml" {
		t.Errorf("%+v, %v", lock, err)
	}
}

func TestUnknownTypeNamesTheKnownOnes(t *testing.T) {
	_, err := Parse("conan", Source{Path: "x"})
	if err == nil || !strings.Contains(err.Error(), `"conan" is not known`) || !strings.Contains(err.Error(), "rpm") {
		t.Errorf("%v", err)
	}
}

func TestArchitectureFiltersAnRPMLock(t *testing.T) {
	s := rpmSample()
	for _, c := range []struct {
		arch     string
		source   bool
		files    int
		repos    int
		warnings int
	}{
		{"", true, 6, 5, 0}, {"x86_64", true, 5, 4, 0}, {"x86_64", false, 3, 2, 0},
		{"aarch64", false, 1, 1, 0}, {"s390x", false, 0, 0, 1},
	} {
		src := s.source(s.valid(t))
		src.Arches, src.SourceRPMs = strings.Fields(c.arch), c.source
		lock, err := s.parse(src)
		if err != nil {
			t.Fatal(err)
		}
		if len(lock.Artifacts) != c.files || len(lock.Repos) != c.repos || len(lock.Warnings) != c.warnings {
			t.Errorf("%q, sources %v: %d files, %d repositories, warnings %q",
				c.arch, c.source, len(lock.Artifacts), len(lock.Repos), lock.Warnings)
		}
		for p := range lock.Texts {
			if c.arch != "" && !strings.HasPrefix(p, "deps/rpm/"+c.arch+"/") {
				t.Errorf("%q gets %s", c.arch, p)
			}
		}
	}
}

// TestMadeUpRepoidFollowsFromItsRPMs: the same without regard to what else is
// in the lock, another one when an RPM changes.
func TestMadeUpRepoidFollowsFromItsRPMs(t *testing.T) {
	dir := func(rpms string) string {
		lock, err := Parse("rpm", Source{Path: "rpms.lock.yaml", Data: []byte(
			"lockfileVersion: 1\nlockfileVendor: redhat\narches:\n- arch: x86_64\n  packages:\n" + rpms)})
		if err != nil {
			t.Fatal(err)
		}
		return lock.Repos[0].Dir
	}
	a := "  - url: https://rpms.example.org/a-1-1.noarch.rpm\n"
	b := "  - url: https://rpms.example.org/b-1-1.noarch.rpm\n"
	if dir(a+b) != dir(b+a) || dir(a) != dir(a+"  - url: https://h/c-1-1.noarch.rpm\n    repoid: c\n") {
		t.Error("the name depends on more than its RPMs")
	}
	if dir(a) == dir(b) {
		t.Error("the name doesn't depend on its RPMs")
	}
}
