package locks

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func yarnSample() sample {
	head := "# yarn lockfile v1\n\n"
	entry := func(fields string) string { return head + "a@^1:\n" + fields }
	const v = "  version \"1\"\n"
	return sample{
		name: "yarn", file: "yarn.lock", typ: "yarn", many: manyYarn,
		naming: func(name string) string {
			if strings.ContainsAny(name, `/\`) {
				return "" // the name is a URL's last segment, which holds a backslash only escaped
			}
			return entry(v + "  resolved " + quoteJSON("https://files.example.org/"+name) + "\n")
		},
		malformed: []malformed{
			{"no header", "a@1:\n" + v, 1, "no lock of yarn 1"},
			{"version 2", "# yarn lockfile v2\n", 1, `version "2"`},
			{"merge conflict", head + "<<<<<<< HEAD\n", 3, "merge conflict"},
			{"odd indentation", entry("   version \"1\"\n"), 4, "indented by 3 spaces"},
			{"too deep", entry("    version \"1\"\n"), 4, "indented by 4 spaces"},
			{"field without a block", head + v, 3, "indented by 2 spaces"},
			{"no colon", head + "a@1\n", 3, "end with a colon"},
			{"text behind the colon", head + "a@1: x\n", 3, "end with a colon"},
			{"no pattern", head + ":\n", 3, "a name or a value is expected"},
			{"no value", entry("  version \n"), 4, "a name or a value is expected"},
			{"unended string", entry("  version \"1\n"), 4, "a string doesn't end"},
			{"bad escape", entry("  version \"\\q\"\n"), 4, "a string is not valid"},
			{"two values", entry("  version \"1\" \"2\"\n"), 4, "more behind the value"},
			{"key twice", entry(v + v), 5, "there twice"},
			{"git", entry(v + "  resolved \"git+ssh://git@git.example.org/a.git#00\"\n"), 5, "doesn't name a commit"},
			{"git by https", entry(v + "  resolved \"https://git.example.org/a.git#00\"\n"), 5, "doesn't name a commit"},
			{"git by host", entry(v + "  resolved \"https://github.com/u/r#00\"\n"), 5, "doesn't name a commit"},
			{"odd scheme", entry(v + "  resolved \"ftp://h/x.tgz\"\n"), 5, "neither http nor https"},
			{"of an offline mirror", entry(v + "  resolved a-1.tgz#00\n"), 5, "neither http nor https"},
			{"password in a bad url", entry(v + "  resolved \"https://u:secret@h/%zz\"\n"), 5, "the URL can't be read"},
			{"bad integrity", entry(v + "  resolved \"https://h/a.tgz\"\n  integrity sha512-@@\n"), 6, "not base64"},
			{"scope leaves", head + "\"@../a@1\":\n" + v, 3, "not a file name"},
			{"two files at one path", entry(v+"  resolved \"https://h/x/a.tgz#"+strings.Repeat("0", 40)+"\"\n") +
				"b@1:\n" + v + "  resolved \"https://h/y/a.tgz#" + strings.Repeat("1", 40) + "\"\n", 6, "different content"},
		},
	}
}

func manyYarn(n int) []byte {
	return repeat(n, "# yarn lockfile v1\n\n\n", func(i int) string {
		return fmt.Sprintf("p%d@^1.0.0:\n  version \"1.0.%d\"\n"+
			"  resolved \"https://npm.example.org/p%d/-/p%d-1.0.%d.tgz#%040x\"\n"+
			"  integrity sha512-%086d==\n  dependencies:\n    a \"^1.0.0\"\n    b \"^2.0.0\"\n", i, i, i, i, i, i, 0)
	}, "\n", "")
}

// TestMirrorNames are the names that yarn 1.22 computes for these URLs.
func TestMirrorNames(t *testing.T) {
	for raw, want := range map[string]string{
		"https://npm.example.org/a/-/a-1.0.0.tgz":                          "a-1.0.0.tgz",
		"https://npm.example.org/@s/a/-/a-1.0.0.tgz":                       "@s-a-1.0.0.tgz",
		"https://npm.example.org/@s%2fa/-/a-1.0.0.tgz":                     "@s-a-1.0.0.tgz",
		"https://npm.example.org/@s/a/-/@s/a-1.0.0.tgz":                    "@s-a-1.0.0.tgz",
		"https://npm.example.org/@s/a/_attachments/a-1.0.0.tgz":            "@s-a-1.0.0.tgz",
		"https://npm.example.org/repository/npm/@s/a/-/a-1.0.0.tgz?x=1":    "@s-a-1.0.0.tgz",
		"https://npm.example.org/download/@s/a/1.0.0/0123":                 "0123",
		"https://code.example.org/u/r/tar.gz/0123456789abcdef":             "0123456789abcdef",
		"https://files.example.org/a%20b.tgz":                              "a%20b.tgz",
		"https://files.example.org/x/-/a+b-1.0.0-rc.1+build.tgz":           "a+b-1.0.0-rc.1+build.tgz",
		"https://npm.example.org/@fortawesome/fontawesome-pro/-/5.0.1.tgz": "@fortawesome-5.0.1.tgz",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := mirrorName(u); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}
