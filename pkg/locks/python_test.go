package locks

import (
	"fmt"
	"strings"
	"testing"
)

func uvSample() sample {
	head := "version = 1\nrevision = 3\n"
	wheel := func(fields string) string {
		return head + "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"https://index.example.org/simple\" }\nwheels = [\n{" + fields + "},\n]\n"
	}
	from := func(source string) string {
		return head + "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { " + source + " }\n"
	}
	const good = `url = "https://files.example.org/a.whl"`
	return sample{
		name: "uv", file: "uv.lock", typ: "pip",
		many: func(n int) []byte {
			return repeat(n, head, func(i int) string {
				return fmt.Sprintf("[[package]]\nname = \"p%d\"\nversion = \"1.0\"\nsource = { registry = \"https://index.example.org/simple\" }\n"+
					"wheels = [\n    { url = \"https://files.example.org/aa/p%d-1.0-cp312-cp312-manylinux_2_17_x86_64.whl\", hash = \"sha256:%064x\", size = %d, upload-time = \"2026-08-14T00:51:06Z\" },\n]\n", i, i, i, i)
			}, "\n", "")
		},
		naming: func(name string) string {
			return wheel(fmt.Sprintf("name = %s, %s", tomlString(name), good))
		},
		malformed: []malformed{
			{"no version", "revision = 3\n", 1, "version of the lock has to be 1"},
			{"other version", "\nversion = 2\n", 2, "has to be 1"},
			{"package is text", head + "package = 'x'\n", 3, "not a list"},
			{"no name", head + "[[package]]\nversion = '1'\n", 3, "no name"},
			{"no source", head + "[[package]]\nname = 'a'\n", 3, "has no source"},
			{"odd source", from(`moon = "x"`), 6, "no known kind"},
			{"no url", wheel("size = 1"), 8, "neither url nor path"},
			{"file url", wheel(`url = "file:///etc/passwd"`), 8, "neither http nor https"},
			{"unreadable url", wheel(`url = "https://u:secret@h/%zz"`), 8, "the URL can't be read"},
			{"short hash", wheel(good + `, hash = "sha256:00"`), 8, "not 64"},
			{"hash without algorithm", wheel(good + `, hash = "00"`), 8, "not <algorithm>:<hex>"},
			{"git without commit", from(`git = "https://git.example.org/a.git?rev=main"`), 6, "40 hex digits"},
			{"git of a file", from(`git = "file:///a.git#` + strings.Repeat("0", 40) + `"`), 6, "neither http nor https"},
			{"archive without hash", from(`url = "https://files.example.org/a.tar.gz"`) + "sdist = { }\n", 7, "no hash"},
			{"dependency is text", from(`virtual = "."`) + "dependencies = ['b']\n", 7, "a table is expected"},
			{"two files at one path", wheel(good + ", hash = 'sha256:" + sum256 + "'},\n{" + good +
				", hash = 'sha256:" + strings.Repeat("0", 64) + "'"), 9, "first in line 8"},
			{"syntax", head + "[[package]\n", 3, "doesn't end with ]]"},
		},
	}
}

const commit40 = "0123456789abcdef0123456789abcdef01234567"

func requirementsSample() sample {
	const hash = " --hash=sha256:" + sum256
	return sample{
		name: "requirements", file: "requirements.txt", typ: "pip", empty: true,
		siblings: map[string]string{
			"more/extra.txt":  "Extra.Package==2 --hash=sha256:" + sum256 + "\ndirect2 @ https://files.example.org/direct2.zip --hash=sha256:" + sum256 + " # kept\n",
			"constraints.txt": "Constrained==7.1 --hash=sha256:" + sum256 + "\n",
		},
		many: func(n int) []byte {
			return repeat(n, "--index-url https://index.example.org/simple\n", func(i int) string {
				return fmt.Sprintf("p%d==1.0 ; python_version >= '3.8' and sys_platform == 'linux' \\\n    --hash=sha256:%064x \\\n    --hash=sha256:%064x\n    # via a\n", i, i, i+1)
			}, "", "")
		},
		naming: func(name string) string {
			if strings.ContainsAny(name, "/\\\x00\x01\n") || strings.Trim(name, ".") == "" || strings.HasPrefix(name, "x") {
				return "" // such text can't be a URL's last segment
			}
			return "a @ https://files.example.org/" + name + hash + "\n"
		},
		malformed: []malformed{
			{"not pinned", "\na\n", 2, "not pinned"},
			{"range", "a>=1,<2\n", 1, "a>=1,<2 is not pinned"},
			{"wildcard", "a==1.*\n", 1, "not pinned"},
			{"bad version", "a==1/../2\n", 1, "no version"},
			{"unknown option", "a==1 --moon\n", 1, `"--moon" is no option`},
			{"option without value", "\n\n--index-url\n", 3, "has no value"},
			{"flag with value", "--pre=1\n", 1, "takes no value"},
			{"short hash", "a==1 \\\n  --hash=sha256:00\n", 1, "not 64"},
			{"unknown hash", "a==1 --hash=blake2b:00\n", 1, `"blake2b" is not supported`},
			{"no hash", "--require-hashes\na==1\n", 2, "has no hash"},
			{"extras without end", "a[x==1\n", 1, "don't end"},
			{"url without hash", "a @ https://files.example.org/a-1.tar.gz\n", 1, "has 0 hashes"},
			{"url with two hashes", "a @ https://files.example.org/a-1.whl" + hash + " --hash=sha256:" + strings.Repeat("0", 64) + "\n", 1, "has 2 hashes"},
			{"url without an ending", "a @ https://files.example.org/a" + hash + "\n", 1, "doesn't end as an archive's"},
			{"url with a variable", "a @ https://u:${SECRET_TOKEN}@h/a.whl" + hash + "\n", 1, "holds a variable"},
			{"unreadable url", "a @ https://u:secret@h/%zz" + hash + "\n", 1, "can't be read"},
			{"ftp", "a @ ftp://h/a.whl" + hash + "\n", 1, "neither http nor https"},
			{"slash in segment", "a @ https://h/a%2Fb.whl" + hash + "\n", 1, "path separator"},
			{"nameless url", "https://files.example.org/x" + hash + "\n", 1, "package's name"},
			{"git without commit", "a @ git+https://git.example.org/a.git@main\n", 1, "40 hex digits"},
			{"mercurial", "a @ hg+https://hg.example.org/a@1\n", 1, "only git"},
			{"git of a file", "a @ git+file:///a.git@" + commit40 + "\n", 1, "neither http nor https"},
			{"missing include", "\n-r absent.txt\n", 2, "not there"},
			{"include from a URL", "-r https://files.example.org/r.txt\n", 1, "can't be included"},
			{"absolute include", "-r /etc/passwd\n", 1, "outside the project"},
			{"two files at one path", "a @ https://h/x-1.whl" + hash + "\na @ https://h/x-1.whl --hash=sha256:" + strings.Repeat("0", 64) + "\n", 2, "first in line 1"},
		},
	}
}

func TestRequirementLinesAreJoinedAsPipJoinsThem(t *testing.T) {
	for in, want := range map[string]string{
		"a==1 \\\n  --hash=x\n":        "1-2 a==1   --hash=x",
		"a==1 # c\n":                   "1-1 a==1",
		"a==1#c\n":                     "1-1 a==1#c",
		"# c\\\na==1\n":                "2-2 a==1",
		"a==1 \\\n# c\nb==2":           "1-2 a==1|3-3 b==2",
		"a==1 \\\n":                    "1-1 a==1",
		"\xef\xbb\xbfa==1\r\nb==2\r\n": "1-1 a==1|2-2 b==2",
		"a @ https://h/a.zip#egg=a\n":  "1-1 a @ https://h/a.zip#egg=a",
		"\n \n#\n":                     "",
	} {
		var got []string
		for _, l := range reqLines([]byte(in)) {
			got = append(got, fmt.Sprintf("%d-%d %s", l.first, l.last, l.text))
		}
		if g := strings.Join(got, "|"); g != want {
			t.Errorf("%q: %q, want %q", in, g, want)
		}
	}
}

func TestRequirementsOfTheProjectItselfAreNoFilesOfTheTree(t *testing.T) {
	for _, line := range []string{".", "./pkg", "../pkg[x]", "-e .", "-e ./a b", "pkg @ file:///src", "pkg @ ./here", "vendor/a-1.whl", "a-1.tar.gz", "file:///x/a.whl", "pkg/sub"} {
		lock, err := Parse("pip", Source{Path: "requirements.txt", Data: []byte(line + "\n")})
		if err != nil || len(lock.Artifacts)+len(lock.Unresolved)+len(lock.Rewrites) != 0 {
			t.Errorf("%q: %v %+v", line, err, lock)
		}
	}
}

func TestNamedPythonLocksAreTakenByTheirEnding(t *testing.T) {
	for name, data := range map[string]string{
		"requirements.cpu.txt": "a==1\n", "base.in": "a==1\n", "my.lock": "version = 1\n", "other.toml": "lock-version = '1.0'\npackages = []\n",
	} {
		if _, err := Parse("pip", Source{Path: name, Data: []byte(data)}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIncludesThatIncludeOneAnotherEnd(t *testing.T) {
	files := map[string]string{"a.txt": "-r b.txt\na==1\n", "sub/c.txt": "-c ../a.txt\n-r ../b.txt\nc==1\n", "b.txt": "-r a.txt\n-r sub/c.txt\nb==1\n"}
	lock, err := Parse("pip", Source{Path: "requirements.txt", Data: []byte("-r a.txt\n"), Sibling: func(name string) ([]byte, error) {
		data, ok := files[name]
		if !ok {
			t.Errorf("%q is asked for", name)
		}
		return []byte(data), nil
	}})
	if err != nil || len(lock.Unresolved) != 3 {
		t.Errorf("%v %+v", err, lock)
	}
}

func TestPyNamesAreNormalized(t *testing.T) {
	for in, want := range map[string]string{"a": "a", "A": "a", "a.b_c-d": "a-b-c-d", "a-_.b": "a-b", "x--y": "x-y", "zope.interface": "zope-interface"} {
		if got := NormalizePyName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestRealRequirementsHaveTheirNumbers: grep has counted "==", "--hash=" and "git+" in the same files.
func TestRealRequirementsHaveTheirNumbers(t *testing.T) {
	for _, c := range []struct {
		file                     string
		packages, hashes, git    int
		indexes, noHash, rewrite int
	}{
		{"quay.requirements.txt", 172, 0, 3, 0, 172, 1},
		{"runtimes-minimal.requirements.cpu.txt", 86, 134, 0, 1, 0, 0},
		{"jupyter-minimal.requirements.cpu.txt", 113, 161, 0, 1, 0, 0},
		{"jupyter-baseline.requirements.cpu.txt", 195, 1132, 0, 1, 0, 0},
	} {
		lock, err := Parse("pip", Source{Path: c.file[strings.IndexByte(c.file, '.')+1:], Data: readReal(t, c.file), OutputDir: "/cachi2/output"})
		if err != nil {
			t.Fatal(c.file, err)
		}
		hashes, without := 0, 0
		for _, u := range lock.Unresolved {
			hashes += len(u.Digests)
			if len(u.Digests) == 0 {
				without++
			}
			if u.Dir != "deps/pip" || u.Line == 0 {
				t.Errorf("%s: %+v", c.file, u)
			}
		}
		if len(lock.Unresolved) != c.packages || hashes != c.hashes || len(lock.Artifacts) != c.git ||
			len(lock.Indexes) != c.indexes || without != c.noHash || len(lock.Rewrites) != c.rewrite {
			t.Errorf("%s: %d packages, %d hashes, %d from git, %d indexes, %d without a hash, %d rewrites",
				c.file, len(lock.Unresolved), hashes, len(lock.Artifacts), len(lock.Indexes), without, len(lock.Rewrites))
		}
	}
}
