package locks

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func bundlerSample() sample {
	head := "GEM\n  remote: https://gems.example.org/\n  specs:\n"
	sums := head + "    a (1)\n\nCHECKSUMS\n"
	return sample{
		name: "bundler", file: "Gemfile.lock", typ: "bundler", many: manyGems,
		siblings: map[string]string{".bundle/config": "---\nBUNDLE_WITHOUT: \"test\""},
		naming: func(name string) string {
			if !isPrintable(name) || name == "." || name == ".." {
				return "" // the name is a line's, and never alone in the file's name
			}
			return head + "    " + name + " (1)\n"
		},
		malformed: []malformed{
			{"no section", "  a (1)\n", 1, "stands in no section"},
			{"blank", "\n\n", 0, "no section"},
			{"no heading", "gem\n", 1, "no heading"},
			{"merge conflict", "GEM\n<<<<<<< HEAD\n", 2, "merge conflict"},
			{"git without commit", "GIT\n  remote: https://git.example.org/a.git\n  revision: 00\n  specs:\n    a (1)\n", 1, "doesn't name a commit"},
			{"git of this machine", gitGem("file:///srv/a.git", "a (1)"), 1, "neither http nor https"},
			{"git gem without version", gitGem("https://git.example.org/a.git", "a"), 5, "is not <name> (<version>)"},
			{"git gem that leaves", gitGem("https://git.example.org/a.git", "../a (1)"), 5, "path separator"},
			{"git remote with a password", gitGem("https://u:secret@git.example.org/a.git", "a (1)"), 1, "git.example.org/a.git holds a user or a password"},
			{"password in a bad git remote", gitGem("https://u:secret@h/%zz", "a (1)"), 1, "the URL can't be read"},
			{"odd indentation of a git gem", gitGem("https://git.example.org/a.git", " a (1)"), 5, "indented by 5 spaces"},
			{"option twice", "GIT\n  remote: https://a.example.org/a\n  remote: https://b.example.org/a\n", 3, "remote is there twice"},
			{"two commits", gitGem("https://git.example.org/a.git", "a (1)") + "\n" + strings.ReplaceAll(gitGem("https://git.example.org/a.git", "b (1)"), "0123456789", "9876543210"), 7, "two commits of one git repository (the other in line 1)"},
			{"plugin", "\nPLUGIN SOURCE\n", 2, "plugins are not supported"},
			{"no remote", "GEM\n  specs:\n    a (1)\n", 3, "no remote"},
			{"remote of the section before", head + "\nGEM\n  specs:\n    a (1)\n", 7, "no remote"},
			{"odd remote", "GEM\n  remote: ftp://h/\n  specs:\n    a (1)\n", 2, "neither http nor https"},
			{"password in a bad remote", "GEM\n  remote: https://u:secret@h/%zz\n  specs:\n    a (1)\n", 2, "the URL can't be read"},
			{"no version", head + "    a\n", 4, "is not <name> (<version>)"},
			{"unended version", head + "    a (1\n", 4, "is not <name> (<version>)"},
			{"odd indentation", head + "     a (1)\n", 4, "indented by 5 spaces"},
			{"text behind the version", head + "    a (1) b\n", 4, "is not <name> (<version>)"},
			{"version leaves", head + "    a (1/../../x)\n", 4, "path separator"},
			{"platform leaves", head + "    a (1-x/../../y)\n", 4, "path separator"},
			{"checksum without name", sums + "  sha256=00\n", 7, "is not <name> (<version>) <checksum>"},
			{"checksum without algorithm", sums + "  a (1) 00\n", 7, "is not <algorithm>=<hex>"},
			{"short checksum", sums + "  a (1) sha256=00\n", 7, "not 64"},
			{"unknown algorithm", sums + "  a (1) blake2=00\n", 7, `"blake2" is not supported`},
			{"checksum twice", sums + "  a (1) sha256=" + sum256 + "\n  a (1) sha256=" + sum256 + "\n", 8, "there twice"},
		},
	}
}

// gitGem is a GIT section with one gem.
func gitGem(remote, gem string) string {
	return "GIT\n  remote: " + remote + "\n  revision: " + commit40 + "\n  specs:\n    " + gem + "\n"
}

func manyGems(n int) []byte {
	gems := repeat(n, "GEM\n  remote: https://gems.example.org/\n  specs:\n", func(i int) string {
		return fmt.Sprintf("    p%d (1.0.%d)\n      a (~> 1.0)\n      b (>= 2.0)\n", i, i)
	}, "", "")
	return append(gems, repeat(n, "\nCHECKSUMS\n", func(i int) string {
		return fmt.Sprintf("  p%d (1.0.%d) sha256=%064x\n", i, i, i)
	}, "", "\nBUNDLED WITH\n   2.5.22\n")...)
}

func TestGemPlatforms(t *testing.T) {
	for platform, want := range map[string]Constraint{
		"":                   {},
		"java":               {OS: []string{"java"}},
		"x86_64-linux":       {OS: []string{"linux"}, CPU: []string{"x64"}},
		"x86_64-linux-gnu":   {OS: []string{"linux"}, CPU: []string{"x64"}, Libc: []string{"glibc"}},
		"aarch64-linux-musl": {OS: []string{"linux"}, CPU: []string{"arm64"}, Libc: []string{"musl"}},
		"arm-linux-gnueabi":  {OS: []string{"linux"}, CPU: []string{"arm"}, Libc: []string{"glibc"}},
		"x86-mingw32":        {OS: []string{"win32"}, CPU: []string{"ia32"}},
		"x64-mingw-ucrt":     {OS: []string{"win32"}, CPU: []string{"x64"}},
		"universal-darwin":   {OS: []string{"darwin"}},
		"arm64-darwin-23":    {OS: []string{"darwin"}, CPU: []string{"arm64"}},
		"ppc64le-linux-gnu":  {OS: []string{"linux"}, CPU: []string{"ppc64"}, Libc: []string{"glibc"}},
		"something":          {},
	} {
		if got := gemPlatform(platform); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", platform, got, want)
		}
	}
}

// TestRealGemfileLock: as published it has six gems from git, two of them in one
// repository at two commits; without those sections it has 385 gems, as grep
// counts them.
func TestRealGemfileLock(t *testing.T) {
	data := readReal(t, "porta.Gemfile.lock")
	_, err := Parse("bundler", Source{Path: "Gemfile.lock", Data: data})
	if err == nil || !strings.HasPrefix(err.Error(), "Gemfile.lock:31: the lock wants two commits of one git repository (the other in line 24)") {
		t.Errorf("%v", err)
	}
	data = data[bytes.Index(data, []byte("PATH\n")):]
	lock, err := Parse("bundler", Source{Path: "Gemfile.lock", Data: data, OutputDir: "/cachi2/output"})
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, a := range lock.Artifacts {
		names[a.Name] = true
		if a.Digest != "" || len(a.URLs) != 1 || a.URLs[0] != "https://gems.example.org/gems/"+a.Name+"-"+a.Version+".gem" {
			t.Errorf("%s: digest %q, URLs %q", a.Path, a.Digest, a.URLs)
		}
	}
	if len(lock.Artifacts) != 385 || len(names) != 385 {
		t.Errorf("%d gems with %d names", len(lock.Artifacts), len(names))
	}
}
