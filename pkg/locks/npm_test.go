package locks

import (
	"slices"
	"strings"
	"testing"
)

// TestRegistryOfTheUser: which URLs an entry gets, by replace-registry-host and
// by what the lock states.
func TestRegistryOfTheUser(t *testing.T) {
	const (
		lockURL = "https://npm.example.org/@s/a/-/a-1.0.0.tgz"
		mine    = "https://own.example.org/npm/@s/a/-/a-1.0.0.tgz"
		scoped  = "https://scope.example.org/@s/a/-/a-1.0.0.tgz"
		strong  = `"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="`
		weak    = `"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="`
	)
	own := map[string]string{"npm": "https://own.example.org/npm/"}
	cases := []struct {
		name, mode, resolved, integrity string
		registries                      map[string]string
		want                            []string
	}{
		{"none configured", "", lockURL, strong, nil, []string{lockURL}},
		{"strong digest", "", lockURL, strong, own, []string{mine, lockURL}},
		{"weak digest", "", lockURL, weak, own, []string{lockURL}},
		{"no digest", "", lockURL, `""`, own, []string{lockURL}},
		{"never", "never", lockURL, strong, own, []string{lockURL}},
		{"always", "always", lockURL, `""`, own, []string{mine}},
		{"this host", "npm.example.org", lockURL, `""`, own, []string{mine}},
		{"another host", "other.example.org", lockURL, strong, own, []string{lockURL}},
		{"the same already", "", mine, strong, own, []string{mine}},
		{"registry of the scope", "always", lockURL, strong,
			map[string]string{"npm": own["npm"], "npm:@s": "https://scope.example.org"}, []string{scoped}},
		{"no resolved", "", "", `""`, own, []string{mine}},
		{"no resolved, never", "never", "", `""`, own, []string{mine}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			resolved := ""
			if c.resolved != "" {
				resolved = `"resolved":"` + c.resolved + `",`
			}
			lock, err := Parse("npm", Source{
				Path: "package-lock.json",
				Data: []byte(`{"lockfileVersion":3,"packages":{"node_modules/@s/a":{"version":"1.0.0",` +
					resolved + `"integrity":` + c.integrity + `}}}`),
				RegistryURL:         func(f string) string { return c.registries[f] },
				Mirror:              func(f string) string { return c.registries[f] },
				ReplaceRegistryHost: c.mode,
			})
			if err != nil {
				t.Fatal(err)
			}
			if a := lock.Artifacts[0]; !slices.Equal(a.URLs, c.want) || a.Path != "deps/npm/s-a-1.0.0.tgz" {
				t.Errorf("%s: %q, want %q", a.Path, a.URLs, c.want)
			}
		})
	}
}

func TestEntryWithoutResolvedNeedsARegistry(t *testing.T) {
	_, err := Parse("npm", Source{
		Path: "a/package-lock.json",
		Data: []byte("{\"lockfileVersion\":3,\n\"packages\":{\n\"node_modules/a\":{\"version\":\"1\"}}}"),
	})
	if err == nil || !strings.HasPrefix(err.Error(), "a/package-lock.json:3: the lock has no URL for a, and no npm registry") {
		t.Errorf("%v", err)
	}
}

func TestDamagedEntryIsLeftOutWithAWarning(t *testing.T) {
	lock, err := Parse("npm", Source{Path: "package-lock.json", Data: []byte(
		`{"lockfileVersion":3,"packages":{"node_modules/a":{},"node_modules/b":{"extraneous":true}}}`)})
	if err != nil || len(lock.Artifacts) != 0 || len(lock.Warnings) != 1 || len(lock.Rewrites) != 0 {
		t.Errorf("%+v, %v", lock, err)
	}
}

func TestSpecifiersThatPointElsewhere(t *testing.T) {
	for spec, want := range map[string]bool{
		"^1.0.0": false, ">=1 || 2": false, "latest": false, "": false, "*": false, "1.0.0 - 2.0.0": false,
		"npm:x@1": false, "file:../x": false, "npm:@s/x@1": false,
		"https://h/x.tgz": true, "git+ssh://git@h/x": true, "user/repo": true, "github:user/repo#v1": true,
		"git@h:u/r": true, "http://h/x": true,
	} {
		if isRemote(spec) != want {
			t.Errorf("isRemote(%q) = %v", spec, !want)
		}
	}
}

// TestFileURLStaysOnePath: a lock may be in a directory of any name.
func TestFileURLStaysOnePath(t *testing.T) {
	src := Source{OutputDir: "/out put/50%#?/"}
	if got, want := fileURL(src, "deps/npm/a-1+b.tgz"), "file:///out put/50%25%23%3F/deps/npm/a-1+b.tgz"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDevelopmentIsWhatIsNeededForNothingElse(t *testing.T) {
	s := npmSample()
	lock, err := s.parse(s.source([]byte(`{"lockfileVersion": 3, "packages": {
		"node_modules/a": {"version": "1.0.0", "dev": true},
		"node_modules/b": {"version": "1.0.0", "dev": true},
		"node_modules/c/node_modules/b": {"version": "1.0.0"}}}`)))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range lock.Artifacts {
		if a.Development != (a.Name == "a") {
			t.Errorf("%s: %v", a.Name, a.Development)
		}
	}
}
